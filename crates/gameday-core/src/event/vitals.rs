//! What sources say of themselves: that they are still the ones they were, and what they have done since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{SourceName, Timestamp};

/// What a source says of itself, told when it was first asked and whenever that has changed. Times are its own, raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSeen {
    /// Which source.
    pub source: SourceName,
    /// When we last asked and it said something else; none the first time. So it changed after this.
    pub after: Option<Timestamp>,
    /// When it had answered. So it changed by this.
    pub by: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub vitals: Vitals,
}

/// What shows that a source went on undisturbed: as long as it is the same, so is the source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Vitals {
    /// When its process started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it last loaded its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_loaded_at: Option<Timestamp>,
    /// Something that differs when its configuration does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Evaluations that it left out since it started, by `file;group`, of the groups of expected alerts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missed: BTreeMap<String, u64>,
    /// Its place in its cluster, from 0, and how many there are; none without a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(u64, u64)>,
    /// Whether it counts what it sends by webhook.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts_webhooks: bool,
}

/// An Alertmanager's counters of notifications grew between two readings. Both times are ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationsCounted {
    /// Whose counters.
    pub source: SourceName,
    /// Just before the reading before was asked for.
    pub after: Timestamp,
    /// Just after this reading had come.
    pub by: Timestamp,
    /// How many more were delivered, by integration, e.g. `webhook`.
    pub delivered: BTreeMap<String, u64>,
    /// How many more requests failed, by integration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
}
