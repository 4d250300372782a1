//! What a report says of a fault.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::Moment;

/// One fault.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// Its name in the scenario.
    pub name: String,
    /// What it was done to.
    pub on: String,
    /// Its kind.
    pub kind: String,
    /// Its settings, for people.
    pub detail: String,
    /// When it was ordered.
    pub ordered_at: Option<Moment>,
    /// When its injection was confirmed.
    pub injected_at: Option<Moment>,
    /// When it touched something for the first time: T0e.
    pub effective_at: Option<Moment>,
    /// When it was confirmed gone.
    pub removed_at: Option<Moment>,
    /// `removed` by the runner, `lost`, or `over` by itself.
    pub ended: Option<String>,
    /// Why it was left out, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Chunks, connections or processes touched.
    pub touched: u64,
    /// Times as their source gave them, before its clock's offset was taken off.
    pub raw: BTreeMap<String, String>,
    /// Why each null above is null.
    pub why: BTreeMap<String, String>,
}
