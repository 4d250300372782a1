//! What an earlier drill of the same scenario measured, as it stands in a journal's first event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The last drill of a scenario, to be compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub drill: String,
    /// When it began.
    pub started: Timestamp,
    /// Its verdict, in the report's word.
    pub verdict: String,
    /// How many trials its times are the medians of.
    pub trials: u64,
    /// From the fault's effect to the steady state.
    pub ttr_ms: Option<i64>,
    /// From the last fault's removal to the steady state.
    pub self_heal_ms: Option<i64>,
    /// Its expected alerts.
    pub alerts: Vec<BaselineAlert>,
}

/// An expected alert of an earlier drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineAlert {
    /// Its key in the scenario.
    pub label: String,
    /// Its verdict, in the report's word.
    pub verdict: String,
    /// From the fault's effect to firing.
    pub ttd_ms: Option<i64>,
    /// From the fault's effect to the notification.
    pub ttn_ms: Option<i64>,
    /// From the fault's removal to the resolved notice.
    pub resolved_ms: Option<i64>,
    /// The stages that were known.
    pub stages_ms: BTreeMap<String, i64>,
}
