//! Events: the only thing that a drill leaves and the only thing that a report reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Baseline, FaultName, LinkChecked, Offset, Outcome, Phases, PlanRecord, ProbeName, RegionName, SourceName,
    SteadyName, StepName, Suppressor, Timestamp,
};

mod vitals;

pub use vitals::{NotificationsCounted, SourceSeen, Vitals};

/// The version of the journal's format, in its first event.
pub const SCHEMA: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, from 0, without a gap.
    pub seq: u64,
    /// Monotonic time since the drill began.
    #[serde(rename = "at_us")]
    pub at: Offset,
    /// Wall clock when it was recorded.
    pub time: Timestamp,
    /// Where it was seen; `local` is the runner itself.
    pub region: RegionName,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Always the first event.
    DrillStarted(Box<DrillStarted>),
    /// The drill entered a stage.
    StageEntered(Stage),
    /// A trial of several begins: what follows, up to the next, is its own.
    TrialStarted {
        /// Its number, from 0.
        trial: u32,
        /// How many there are to be.
        of: u32,
    },
    /// Nothing of an earlier trial is left, or waiting for that is over; the faults begin after `wait_us`.
    GateOpened(Box<GateOpened>),
    /// A trial of several is over, and another follows.
    TrialEnded {
        /// Its number, from 0.
        trial: u32,
    },
    /// A pre-flight check and what it said.
    Checked {
        /// What was checked, e.g. `target db`.
        name: String,
        /// Whether the drill may go on.
        ok: bool,
        /// What was found.
        detail: String,
    },
    /// A source's clock was compared with ours: theirs − ours = `offset_us` ± `error_us`.
    ClockMeasured {
        /// Whose clock.
        source: SourceName,
        /// Theirs less ours, in microseconds.
        offset_us: i64,
        /// The bound of the error, in microseconds.
        error_us: i64,
        /// True when it does not fit what was measured before: one of the clocks was stepped.
        stepped: bool,
    },
    /// A probe ran in the event's region.
    ProbeDone(Box<ProbeDone>),
    /// Ticks of a probe that could not run in the event's region.
    ProbeMissed {
        /// Which probe.
        probe: ProbeName,
        /// How many ticks.
        count: u64,
    },
    /// A steady-state condition was computed.
    SteadyEvaluated(SteadyEvaluated),
    /// An abort condition came true.
    GuardBreached {
        /// The condition as written.
        guard: String,
        /// What was seen.
        detail: String,
    },
    /// A fault is about to be injected; on disk before it is done.
    FaultOrdered {
        /// Which entry of the timeline.
        fault: FaultName,
        /// How to undo it, e.g. the proxy's API and the lease; `heal` reads this.
        undo: serde_json::Value,
    },
    /// The condition of an entry was looked at when it was due.
    ConditionLooked {
        /// Which entry of the timeline.
        fault: FaultName,
        /// The condition as written.
        condition: String,
        /// Whether it holds; one that could not be looked at does not.
        holds: bool,
        /// What was seen.
        detail: String,
    },
    /// An entry was left out: its fault is never ordered.
    FaultSkipped {
        /// Which entry of the timeline.
        fault: FaultName,
        /// Why.
        reason: Skip,
        /// Why, for people.
        detail: String,
    },
    /// A fault is in place, as whatever injects it confirmed.
    FaultInjected {
        /// Which entry of the timeline.
        fault: FaultName,
    },
    /// A fault could not be injected.
    FaultFailed {
        /// Which entry of the timeline.
        fault: FaultName,
        /// Why.
        error: String,
    },
    /// What a fault has touched so far, told by whatever injects it.
    FaultTouched {
        /// Which entry of the timeline.
        fault: FaultName,
        /// Chunks, connections or processes touched.
        touched: u64,
        /// When the first of them was, on the clock of `source`.
        first_touched: Option<Timestamp>,
        /// Whose clock.
        source: SourceName,
    },
    /// A fault is over by itself, as one of its kind may be; it is removed now, to be sure.
    FaultOver {
        /// Which entry of the timeline.
        fault: FaultName,
        /// How that was seen.
        how: String,
    },
    /// A fault is gone, as whatever injected it confirmed.
    FaultRemoved {
        /// Which entry of the timeline.
        fault: FaultName,
        /// How it ended.
        how: FaultEnd,
    },
    /// The rollback was verified, or could not be.
    RollbackChecked {
        /// True when nothing of ours is left.
        verified: bool,
        /// One line for each thing looked at.
        details: Vec<String>,
    },
    /// An alert rule as Prometheus describes it before the fault.
    RuleSeen(RuleSeen),
    /// A recording rule that an expected alert rule reads, in the order in which its group evaluates it.
    RecordingSeen(RecordingSeen),
    /// The series that an expected alert rule reads.
    RuleInputs(Box<RuleInputs>),
    /// What an expected alert will do, predicted right before its fault is injected.
    Predicted(Box<Prediction>),
    /// An alert changed at a source.
    AlertSeen(Box<AlertSeen>),
    /// A notification reached our receiver.
    Notified(Box<Notification>),
    /// Our receiver was sent something that it does not take.
    NotificationRefused {
        /// Where it was sent, and what is wrong with it.
        why: String,
    },
    /// An alert fired that the scenario forbids.
    Forbidden {
        /// The key in `[forbid]`.
        forbid: String,
        /// The alert's name.
        alert: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// Who showed it.
        source: SourceName,
    },
    /// What keeps an alert from being told.
    SuppressorSeen(Box<Suppressor>),
    /// A link of an alert that arrived was asked for.
    LinkChecked(Box<LinkChecked>),
    /// Raw samples, as Prometheus keeps them; the truth about rules.
    RawSamples {
        /// Whose samples.
        source: SourceName,
        /// What was asked.
        selector: String,
        /// One for each label set.
        series: Vec<RawSeries>,
    },
    /// A source stopped answering.
    SourceLost {
        /// Which.
        source: SourceName,
        /// What the last attempt said.
        error: String,
    },
    /// A lost source answers again.
    SourceBack {
        /// Which.
        source: SourceName,
    },
    /// What a source says of itself: first, and whenever that has changed.
    SourceSeen(Box<SourceSeen>),
    /// An Alertmanager has sent notifications, as its counters say.
    NotificationsCounted(NotificationsCounted),
    /// The region of the event, which is followed, does not answer any more: its looks are counted as missed.
    RegionLost {
        /// What the last attempt said.
        error: String,
    },
    /// The region of the event answers again.
    RegionBack {
        /// For how long it was not heard.
        silent_ms: u64,
    },
    /// A person wrote something down.
    Noted {
        /// Who, as they call themselves.
        who: String,
        /// What.
        text: String,
    },
    /// A person took an alert.
    Acknowledged {
        /// Who, as they call themselves.
        who: String,
        /// The alert's name.
        alert: String,
    },
    /// A person says that the harm is over: what is held until then is removed.
    Mitigated {
        /// Who, as they call themselves.
        who: String,
    },
    /// The drill was told to end early.
    Stopped(StopReason),
    /// The last event of a drill that ended by itself.
    DrillEnded(Ended),
    /// `gameday heal` put back what a dead runner had left.
    Healed {
        /// True when nothing is left.
        verified: bool,
        /// One line for each thing looked at.
        details: Vec<String>,
    },
}

/// The first event: what is going to be done, by which build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillStarted {
    /// [`SCHEMA`].
    pub schema: u32,
    /// gameday's version.
    pub version: String,
    /// The drill's name: scenario and UTC start.
    pub drill: String,
    /// The scenario's name.
    pub scenario: String,
    /// `real` or `embedded` when a lab was started, else none.
    pub lab: Option<String>,
    /// The plan, redacted.
    pub plan: PlanRecord,
    /// What the last drill of the same scenario measured, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<Baseline>>,
}

/// When and how clean a trial of several begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateOpened {
    /// The trial's number, from 0.
    pub trial: u32,
    /// How long was waited for it.
    pub waited_us: u64,
    /// What is still left of an earlier trial although waiting is over; empty when the trial begins clean.
    pub left: Vec<String>,
    /// When the faults begin: this share of an interval after a tick of the alerting, 0 to 1, drawn from the seed.
    pub phase: f64,
    /// The interval: the longest of those at which is scraped and evaluated; none when nobody told one.
    pub interval_us: Option<u64>,
    /// From now until the faults begin.
    pub wait_us: u64,
}

/// The stages of a drill, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing is touched: are targets, sources and probes as the scenario says?
    Preflight,
    /// The steady state must hold.
    Steady,
    /// Faults are in place or still to come.
    Inject,
    /// All faults were removed; looking whether nothing of ours is left.
    Verify,
    /// Waiting for the steady state and the resolved notices.
    Recover,
}

/// Why an entry was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// What it waited for did not come in time.
    NotInTime,
    /// Its condition did not hold.
    ConditionFalse,
}

/// How a fault ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultEnd {
    /// The runner removed it.
    Removed,
    /// Its lease ran out, or somebody else removed it: the drill no longer controls it.
    Lost,
    /// It was over by itself, e.g. because a supervisor had started a killed process again.
    Over,
}

/// Why a drill was told to end early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// An abort condition came true.
    Guard(String),
    /// Ctrl-C, SIGTERM or SIGHUP.
    Signal(String),
    /// The stop file was found.
    StopFile,
    /// A person asked for it, who calls themselves so.
    Person(String),
    /// `max_duration` was over.
    MaxDuration,
    /// What an earlier trial did was not over in time for the next.
    Gate(String),
    /// A fault could not be injected or was lost.
    Fault(String),
    /// A target stopped answering.
    Target(String),
}

/// For people, after a colon or a `because`.
impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Guard(guard) => write!(f, "the guard `{guard}` was breached"),
            Self::Signal(signal) => write!(f, "it was stopped by {signal}"),
            Self::StopFile => f.write_str("the stop file was found"),
            Self::Person(who) => write!(f, "{who} stopped it"),
            Self::MaxDuration => f.write_str("`max_duration` was over"),
            Self::Gate(why) | Self::Fault(why) | Self::Target(why) => f.write_str(why),
        }
    }
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It ran to its end.
    Completed,
    /// It was ended early and rolled back.
    Aborted,
    /// Pre-flight or the steady state refused; nothing was touched.
    Refused(String),
}

/// One run of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeDone {
    /// Which probe.
    pub probe: ProbeName,
    /// When it was to start, on the schedule.
    #[serde(rename = "intended_us")]
    pub intended: Offset,
    /// What it said.
    pub outcome: Outcome,
    /// From its intended start to its last byte, in microseconds.
    pub total_us: u64,
    /// The phases of all its requests together.
    pub phases: Phases,
    /// Each step that ran.
    pub steps: Vec<StepDone>,
    /// What was wrong, in a line, redacted.
    pub message: Option<String>,
    /// By which its requests can be found in the traces (W3C Trace Context, 3.2.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When it was to start on the clock of the region that looked, as that region told it; none for a look of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_time: Option<Timestamp>,
}

/// One step of a probe's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    /// Which step.
    pub name: StepName,
    /// Up, down or unknown.
    pub outcome: Outcome,
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// The step's whole time in microseconds, polls and their pauses included.
    pub total_us: u64,
    /// The phases of its requests together.
    pub phases: Phases,
}

/// A steady-state condition at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadyEvaluated {
    /// Which condition.
    pub name: SteadyName,
    /// Its value in the condition's unit; none while the window is not full or nothing was seen.
    pub value: Option<f64>,
    /// Whether it holds; none while the window is not full.
    pub holds: Option<bool>,
    /// Looks that said up in the window.
    pub up: u64,
    /// Looks that said down in the window.
    pub down: u64,
    /// Looks that said unknown in the window.
    pub unknown: u64,
}

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
    /// The odds that it fires, when evaluations see the fault only by chance.
    pub odds: Option<Odds>,
    /// The share of the error budget that the fault will cost, if the rule has one.
    pub budget_spent: Option<f64>,
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
