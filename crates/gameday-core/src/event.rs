//! Events: the only thing that a drill leaves and the only thing that a report reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Baseline, FaultName, LinkChecked, Offset, PlanRecord, ProbeName, RegionName, SourceName, SteadyName,
    Suppressor, Timestamp,
};

mod alert;
mod approach;
mod ending;
mod probe;
mod recorded;
mod summed;
mod unmet;
mod vitals;

pub use alert::{
    AlertSeen, AlertState, Notification, NotifiedAlert, Odds, PredictedMark, Prediction, RawSeries,
    RecordingSeen, RuleInputs, RuleSeen,
};
pub use approach::{Approach, Nearest, RequestsSeen};
pub use ending::{Ended, StopReason};
pub use probe::{ProbeDone, StepDone};
pub use recorded::{Recorded, RecordedDeed};
pub use summed::{LooksSummed, SteadySummed, SummedLook};
pub use vitals::{NotificationsCounted, SourceSeen, Vitals};

/// The version of the journal's format, in its first event.
pub const SCHEMA: u32 = 1;

/// One line of the journal.
///
/// Lines stand in the order in which they were written. A look may be held back until it is known whether it matters,
/// so it can stand behind what was seen after it; the clocks say when it was.
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
    /// Looks that all said the same, summed up.
    LooksSummed(Box<LooksSummed>),
    /// A steady-state condition was computed.
    SteadyEvaluated(SteadyEvaluated),
    /// Evaluations of a steady-state condition that all said the same, summed up.
    SteadySummed(Box<SteadySummed>),
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
    /// An Alertmanager's event recorder wrote something down.
    Recorded(Box<Recorded>),
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
    /// How near the rule of an expected alert came that did not fire.
    Approached(Box<Approach>),
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
