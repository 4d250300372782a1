//! The plan as it stands in the journal: names and numbers only, secrets already gone.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{FaultName, ProbeName, RegionName, SteadyName, StepName, TargetName};

/// Everything that a report needs to know of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// One line for people.
    pub title: String,
    /// What the team believes will happen.
    pub hypothesis: Option<String>,
    /// Where the runbook is.
    pub runbook: Option<String>,
    /// What all random choices of its toxics were made from.
    #[serde(default)]
    pub seed: Option<u64>,
    /// How often the faults are run through.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub trials: u32,
    /// How long a trial waits for what is left of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_within_ms: Option<u64>,
    /// Variables as they were used.
    pub vars: BTreeMap<String, String>,
    /// The blast radius.
    pub targets: Vec<TargetRecord>,
    /// What looks at the service.
    pub probes: Vec<ProbeRecord>,
    /// Regions whose probers are followed; in all others the drill looks itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<RegionRecord>,
    /// The alerting that is read.
    pub observe: ObserveRecord,
    /// Steady-state conditions.
    pub steady: Vec<SteadyRecord>,
    /// Faults, in the order of the file.
    pub timeline: Vec<FaultRecord>,
    /// Alerts that must come.
    pub expect: Vec<ExpectRecord>,
    /// Alerts that must not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbid: Vec<ForbidRecord>,
    /// What ends the drill early.
    pub guard: GuardRecord,
    /// How the journal was kept small; none when all of it was written whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalRecord>,
    /// Steady state must be back this long after the last fault is removed.
    pub recover_within_ms: Option<u64>,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(number: &u32) -> bool {
    *number == 1
}

/// Something the drill may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Its name in the scenario.
    pub name: TargetName,
    /// `proxy` or `process`.
    pub kind: String,
    /// Where it is, for people.
    pub detail: String,
}

/// One probe of the drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Its name in the scenario.
    pub name: ProbeName,
    /// The regions that look.
    pub regions: Vec<RegionName>,
    /// Its steps in order.
    pub steps: Vec<StepName>,
    /// How often each region looks.
    pub every_ms: u64,
    /// When a look is given up.
    pub timeout_ms: u64,
    /// The latency objective of its file, if it has one.
    pub slo_p95_ms: Option<u64>,
    /// The success objective of its file (0 to 1), if it has one.
    pub slo_success: Option<f64>,
    /// The window of its objectives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo_window_ms: Option<u64>,
}

/// A region that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRecord {
    /// Its name.
    pub name: RegionName,
    /// Where its prober is.
    pub url: String,
}

/// The alerting that is read, as redacted URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveRecord {
    /// Prometheus' base URL.
    pub prometheus: Option<String>,
    /// The base URL of each Alertmanager.
    #[serde(default, deserialize_with = "one_or_many")]
    pub alertmanager: Vec<String>,
    /// Where our webhook receiver listens.
    pub webhook: Option<String>,
    /// Grafana's base URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grafana: Option<String>,
    /// Other webhooks that our receiver takes: where, by the name that stands for their receiver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub webhooks: BTreeMap<String, String>,
    /// Where the events of Alertmanager's recorder come from: files, and paths of our receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_recorder: Vec<String>,
    /// Annotations of the alerts that arrive whose links are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Whether an alert that is neither expected nor forbidden fails the drill.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unexpected_fails: bool,
}

impl ObserveRecord {
    /// Whether each notification would be heard of by itself: our receiver is told, or a recorder tells.
    #[must_use]
    pub fn hears_notices(&self) -> bool {
        self.webhook.is_some() || !self.event_recorder.is_empty()
    }
}

/// Journals from when there could be but one hold that one, or null.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        None(()),
        One(String),
        Many(Vec<String>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::None(()) => Vec::new(),
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// A share from 0 to 1.
    Ratio,
    /// A bare number of the user's own query.
    Number,
}

/// One steady-state condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadyRecord {
    /// Its name in the scenario.
    pub name: SteadyName,
    /// The condition for people, e.g. `checkout p95 <= 250ms for 10s`.
    pub text: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The limit's unit.
    pub unit: Unit,
    /// True when the value must stay at or under the limit, false when at or over.
    pub at_most: bool,
    /// The trailing window.
    pub window_ms: u64,
    /// The probe that it is about; none of a query, and in journals from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeName>,
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its name in the scenario.
    pub name: FaultName,
    /// The target it is done to.
    pub on: TargetName,
    /// The fault's kind, e.g. `latency`.
    pub kind: String,
    /// Its settings for people, e.g. `delay 200ms ±20ms downstream`.
    pub detail: String,
    /// When it is ordered, after T0.
    pub at_ms: u64,
    /// How long it is held; at most, when a person ends it.
    pub hold_ms: u64,
    /// Whether it is held until a person says that the harm is over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub until_mitigated: bool,
    /// What it waits for instead of a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// On what condition it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One alert that must come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectRecord {
    /// Its key in the scenario.
    pub label: String,
    /// The alert's name in Prometheus.
    pub alert: String,
    /// The fault it must tell of.
    pub of: FaultName,
    /// The scrape job that sees the fault first, if stated.
    pub job: Option<String>,
    /// Limit from T0e to firing.
    pub firing_ms: Option<u64>,
    /// Limit from T0e to the notification.
    pub notified_ms: Option<u64>,
    /// Limit from the fault's removal to the resolved notice.
    pub resolved_ms: Option<u64>,
    /// Labels the alert must carry.
    pub labels: BTreeMap<String, String>,
    /// The receiver it must reach.
    pub receiver: Option<String>,
    /// Who knows its rule, if that is not Prometheus: `grafana`; or `webhook`, when only its notifications tell of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// True when it must never come: silence is the pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
    /// Labels it must have, whatever their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_labels: Vec<String>,
    /// Annotations it must have, whatever they say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_annotations: Vec<String>,
    /// The share of the trials in which it must come in time, as `[4, 5]` for `4 of 5`; all of them if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected: Option<[u32; 2]>,
}

/// Alerts that must not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForbidRecord {
    /// Its key in the scenario.
    pub label: String,
    /// Prometheus' matchers, as written.
    pub alert: String,
}

/// What ends the drill early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRecord {
    /// Abort conditions for people.
    pub abort_if: Vec<String>,
    /// The whole drill may not last longer.
    pub max_duration_ms: u64,
    /// A fault ends by itself this long after its last renewal.
    pub lease_ms: u64,
}

/// How the journal was kept small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// So many bytes of it were written whole.
    pub whole_bytes: u64,
    /// Beyond them, this often a look and an evaluation that say nothing new were written whole all the same.
    pub every_ms: u64,
}
