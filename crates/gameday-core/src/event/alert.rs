//! What the alerting said: rules, predictions, alerts, notifications, samples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FaultName, SourceName, Timestamp};

/// The state of an alert at a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Prometheus: the condition is true, `for` is not over.
    Pending,
    /// Prometheus: firing. Alertmanager: active.
    Firing,
    /// Alertmanager: silenced or inhibited.
    Suppressed,
    /// No longer listed by the source.
    Gone,
}

/// An alert rule before the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSeen {
    /// The alert's name.
    pub alert: String,
    /// Its PromQL.
    pub query: String,
    /// How often its group is evaluated, in milliseconds.
    pub interval_ms: u64,
    /// Its `for`, in milliseconds.
    pub for_ms: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The name of its group; empty in journals from before it was written down.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The file that the group is from; two files may hold groups of one name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Its `keep_firing_for`, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_firing_ms: u64,
}

impl RuleSeen {
    /// Its group as Prometheus' own metrics name it, `file;group`; none when that was not written down.
    #[must_use]
    pub fn group_key(&self) -> Option<String> {
        (!self.group.is_empty()).then(|| format!("{};{}", self.file, self.group))
    }
}

/// A rule that records what a query yields, as an expected alert rule reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingSeen {
    /// The name of the series that it records.
    pub record: String,
    /// Its PromQL.
    pub query: String,
    /// Labels that it adds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How often its group is evaluated, in milliseconds.
    pub interval_ms: u64,
    /// The name of its group.
    pub group: String,
    /// The file that the group is from.
    pub file: String,
    /// An evaluation of the group, on Prometheus' clock; all others are whole intervals away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<Timestamp>,
}

/// What an alert rule reads, recorded so that it can be tried again without the system that it watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInputs {
    /// The alert's name.
    pub alert: String,
    /// Who told.
    pub source: SourceName,
    /// An evaluation of its group, on the source's clock; all others are whole intervals away.
    pub evaluated_at: Option<Timestamp>,
    /// The selectors that it reads; their samples stand in the journal as raw samples of the same text.
    pub selectors: Vec<String>,
    /// What it reads as well and what was not recorded, and why.
    pub left_out: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What an expected alert will do, made from the phases of the alerting. All times are on our clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The expectation's key in the scenario.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// The fault it is to tell of.
    pub of: FaultName,
    /// When the fault was taken to take effect: T0e.
    pub effective_at: Timestamp,
    /// When the fault was taken to be removed.
    pub removed_at: Timestamp,
    /// The marks that can be predicted, by name: `T1` to `T5`, `T9`, `T10`.
    pub marks: BTreeMap<String, PredictedMark>,
    /// Why other marks cannot be, or will never be.
    pub why: BTreeMap<String, String>,
    /// The receiver that it will reach.
    pub receiver: Option<String>,
    /// The way to it through Alertmanager's routes, as their matchers.
    pub route: Option<String>,
    /// Why it will not fire, or not be told, if that is so.
    pub never: Option<String>,
    /// Why it will be told to others than the drill waits for, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub astray: Option<String>,
    /// The odds that it fires, when evaluations see the fault only by chance.
    pub odds: Option<Odds>,
    /// The share of the error budget that the fault will cost, if the rule has one.
    pub budget_spent: Option<f64>,
    /// The scrape jobs whose samples its rule reads: the first to be scraped after the fault sees it first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
    /// What was taken for granted.
    pub assumes: Vec<String>,
    /// What the drill should be changed for.
    pub warnings: Vec<String>,
}

/// A mark that is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictedMark {
    /// At the earliest.
    pub at: Timestamp,
    /// At the latest; the same when it is known exactly, none when that cannot be said.
    pub latest: Option<Timestamp>,
}

/// The odds that a rule fires, when each evaluation sees the fault only by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Odds {
    /// The probability that one evaluation sees it.
    pub hit: f64,
    /// How many evaluations in a row must see it.
    pub row: u32,
    /// How many evaluations there are while the fault is in place.
    pub ticks: u32,
    /// The probability that it fires by then.
    pub fires: f64,
    /// How many evaluations it takes on average; none when that is beyond any drill.
    pub expected_ticks: Option<f64>,
}

/// An alert as a source showed it when it changed. Times are the source's own, raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSeen {
    /// Who showed it.
    pub source: SourceName,
    /// The alert's name.
    pub alert: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its state there.
    pub state: AlertState,
    /// Alertmanager's fingerprint.
    pub fingerprint: Option<String>,
    /// Prometheus' `activeAt`.
    pub active_at: Option<Timestamp>,
    /// Alertmanager's `startsAt`: the tick at which the rule fired.
    pub starts_at: Option<Timestamp>,
    /// Alertmanager's `updatedAt`.
    pub updated_at: Option<Timestamp>,
    /// Alertmanager's receivers.
    pub receivers: Vec<String>,
    /// Silences and inhibiting alerts, when suppressed.
    pub suppressed_by: Vec<String>,
    /// Prometheus' `keepFiringSince`: since when its condition is false while `keep_firing_for` holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing_since: Option<Timestamp>,
}

/// A notification in Alertmanager's webhook form, version 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// When its first byte was read, on our clock.
    pub arrived: Timestamp,
    /// The receiver it was for.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// Alertmanager's key of the group.
    pub group_key: String,
    /// Alerts left out of the payload.
    pub truncated_alerts: u64,
    /// The alerts in it.
    pub alerts: Vec<NotifiedAlert>,
}

/// One alert of a notification. Times are the source's own, raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifiedAlert {
    /// `firing` or `resolved`.
    pub status: String,
    /// The alert's name.
    pub alert: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Alertmanager's fingerprint.
    pub fingerprint: String,
    /// The tick at which the rule fired.
    pub starts_at: Option<Timestamp>,
    /// The tick at which the rule was inactive again; none while firing.
    pub ends_at: Option<Timestamp>,
}

/// The times of one raw series, with its values when they matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawSeries {
    /// The series' labels.
    pub labels: BTreeMap<String, String>,
    /// Time and value of each sample.
    pub samples: Vec<(Timestamp, f64)>,
}
