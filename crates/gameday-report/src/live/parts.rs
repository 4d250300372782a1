//! The parts of a view, and how each changes.

use gameday_core::{DrillStarted, FaultRecord, Outcome, PlanRecord, Stage, SteadyRecord, Timestamp, Unit};
use serde::Serialize;

use super::series::{Cell, Series, SeriesUpdate};
use super::{rank, stage_word};

/// What is known from the first event on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Head {
    /// The drill's name.
    pub drill: String,
    /// One line for people.
    pub title: String,
    /// What the team believes will happen.
    pub hypothesis: Option<String>,
    /// `real` or `embedded`, when a lab was started.
    pub lab: Option<String>,
    /// When it began, UTC.
    pub began: String,
    /// When the first fault was ordered.
    pub zero_ms: Option<i64>,
    /// It ends by then at the latest.
    pub max_duration_ms: u64,
    /// What ends it early.
    pub abort_if: Vec<String>,
}

impl Head {
    pub(super) fn new(started: &DrillStarted, began: Timestamp) -> Self {
        Self {
            drill: started.drill.clone(),
            title: started.plan.title.clone(),
            hypothesis: started.plan.hypothesis.clone(),
            lab: started.lab.clone(),
            began: began.to_ms_string(),
            zero_ms: None,
            max_duration_ms: started.plan.guard.max_duration_ms,
            abort_if: started.plan.guard.abort_if.clone(),
        }
    }
}

/// How far a drill is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Progress {
    /// Its stage, for people.
    pub stage: Option<&'static str>,
    /// When it was entered.
    pub entered_ms: i64,
    /// The trial of several, from 1, and how many there are.
    pub trial: Option<(u32, u32)>,
    /// What is shown begins here: with the present trial.
    pub from_ms: i64,
    /// Why it was told to end early.
    pub stopped: Option<String>,
    /// Whether everything was put back, once that was looked at.
    pub rollback: Option<RollbackSeen>,
    /// How it ended.
    pub ended: Option<String>,
    /// When.
    pub ended_ms: Option<i64>,
}

impl Progress {
    pub(super) fn enter(&mut self, stage: Stage, at_ms: i64) {
        self.stage = Some(stage_word(stage));
        self.entered_ms = at_ms;
    }

    pub(super) fn next_trial(&mut self, at_ms: i64, trial: (u32, u32)) {
        // The first begins with the drill, whose pre-flight is its own.
        self.from_ms = if trial.0 == 1 { 0 } else { at_ms };
        self.trial = Some(trial);
        self.rollback = None;
    }
}

/// What the look after the last removal said.
#[derive(Debug, Clone, Serialize)]
pub struct RollbackSeen {
    /// True when nothing of ours is left.
    pub verified: bool,
    /// One line for each thing looked at.
    pub details: Vec<String>,
}

/// A fault of the plan; times are milliseconds after the begin.
#[derive(Debug, Clone, Serialize)]
pub struct FaultBar {
    /// Its name.
    pub name: String,
    /// What is done, e.g. `latency on db: delay 200ms`.
    pub what: String,
    /// How long it is held; at most, when a person ends it.
    pub hold_ms: u64,
    /// Whether it is held until a person says that the harm is over.
    pub until_mitigated: bool,
    /// When it was ordered.
    pub ordered: Option<i64>,
    /// When it was confirmed.
    pub injected: Option<i64>,
    /// When it first touched something.
    pub effective: Option<i64>,
    /// When it was confirmed to be gone.
    pub removed: Option<i64>,
    /// What went wrong with it.
    pub error: Option<String>,
}

impl FaultBar {
    pub(super) fn new(record: &FaultRecord) -> Self {
        Self {
            name: record.name.to_string(),
            what: format!("{} on {}: {}", record.kind, record.on, record.detail),
            hold_ms: record.hold_ms,
            until_mitigated: record.until_mitigated,
            ordered: None,
            injected: None,
            effective: None,
            removed: None,
            error: None,
        }
    }
}

impl FaultBar {
    /// It is to come again, in another trial.
    pub(super) fn wait_again(&mut self) {
        (self.ordered, self.injected, self.effective, self.removed) = (None, None, None, None);
        self.error = None;
    }
}

/// The least and the greatest of several values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Span(pub(crate) f64, pub(crate) f64);

impl Cell for Span {
    fn join(&mut self, other: &Self) {
        *self = Self(self.0.min(other.0), self.1.max(other.1));
    }
}

/// A steady-state value over time, with its limit.
#[derive(Debug, Clone)]
pub struct CurveLane {
    /// Its name.
    pub name: String,
    /// The condition for people.
    pub text: String,
    /// What the numbers count.
    pub unit: Unit,
    /// The edge of the steady band.
    pub limit: f64,
    /// Whether steady is below the limit.
    pub at_most: bool,
    /// The newest value.
    pub value: Option<f64>,
    /// Whether it holds; none while too little was seen.
    pub holds: Option<bool>,
    seq: u64,
    series: Series<Span>,
}

/// What changed of a curve.
#[derive(Debug, Serialize)]
pub struct CurveUpdate<'a> {
    name: &'a str,
    text: &'a str,
    unit: Unit,
    limit: f64,
    at_most: bool,
    value: Option<f64>,
    holds: Option<bool>,
    series: SeriesUpdate<'a, Span>,
}

impl CurveLane {
    pub(super) fn new(record: &SteadyRecord) -> Self {
        Self {
            name: record.name.to_string(),
            text: record.text.clone(),
            unit: record.unit,
            limit: record.limit,
            at_most: record.at_most,
            value: None,
            holds: None,
            seq: 0,
            series: Series::default(),
        }
    }

    pub(super) fn evaluated(&mut self, seq: u64, at_ms: i64, value: Option<f64>, holds: Option<bool>) {
        (self.seq, self.holds) = (seq, holds);
        self.value = value.filter(|value| value.is_finite());
        if let Some(value) = self.value {
            self.series.put(seq, at_ms, &Span(value, value));
        }
    }

    pub(super) fn since(&self, seq: Option<u64>) -> Option<CurveUpdate<'_>> {
        seq.is_none_or(|seq| self.seq > seq).then(|| CurveUpdate {
            name: &self.name,
            text: &self.text,
            unit: self.unit,
            limit: self.limit,
            at_most: self.at_most,
            value: self.value,
            holds: self.holds,
            series: self.series.since(seq),
        })
    }

    /// Where each part of the curve begins, and its least and greatest value there.
    pub fn values(&self) -> impl Iterator<Item = (i64, f64, f64)> {
        self.series.values().map(|(at, span)| (at, span.0, span.1))
    }
}

/// The worst of several looks: 0 up, 1 slow, 2 unknown, 3 missed, 4 down.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Worst(pub(crate) u8);

impl Cell for Worst {
    fn join(&mut self, other: &Self) {
        self.0 = self.0.max(other.0);
    }
}

/// The looks of a probe in a region.
#[derive(Debug, Clone)]
pub struct LookLane {
    /// The probe.
    pub probe: String,
    /// From where.
    pub region: String,
    /// What the newest look said: `up`, `slow`, `down`, `unknown` or `missed`.
    pub last: Option<&'static str>,
    /// When it began to say so.
    pub since_ms: i64,
    /// What was wrong, if something was.
    pub message: Option<String>,
    seq: u64,
    series: Series<Worst>,
}

/// What changed of a lane.
#[derive(Debug, Serialize)]
pub struct LookUpdate<'a> {
    probe: &'a str,
    region: &'a str,
    last: Option<&'static str>,
    since_ms: i64,
    message: Option<&'a str>,
    series: SeriesUpdate<'a, Worst>,
}

const MISSED: Worst = Worst(3);
/// A message is a line; what is longer is cut here.
const MOST_MESSAGE: usize = 300;

impl LookLane {
    fn new(probe: &str, region: &str) -> Self {
        Self {
            probe: probe.to_owned(),
            region: region.to_owned(),
            last: None,
            since_ms: 0,
            message: None,
            seq: 0,
            series: Series::default(),
        }
    }

    pub(super) fn looked(&mut self, seq: u64, at_ms: i64, outcome: &Outcome, message: Option<&str>) {
        self.message = message.map(|text| text.chars().take(MOST_MESSAGE).collect());
        self.put(seq, at_ms, outcome.word(), Worst(rank(outcome)));
    }

    pub(super) fn missed(&mut self, seq: u64, at_ms: i64) {
        self.put(seq, at_ms, "missed", MISSED);
    }

    fn put(&mut self, seq: u64, at_ms: i64, word: &'static str, look: Worst) {
        if self.last != Some(word) {
            (self.last, self.since_ms) = (Some(word), at_ms);
        }
        self.seq = seq;
        self.series.put(seq, at_ms, &look);
    }

    pub(super) fn since(&self, seq: Option<u64>) -> Option<LookUpdate<'_>> {
        seq.is_none_or(|seq| self.seq > seq).then(|| LookUpdate {
            probe: &self.probe,
            region: &self.region,
            last: self.last,
            since_ms: self.since_ms,
            message: self.message.as_deref(),
            series: self.series.since(seq),
        })
    }

    /// Where each part of the lane begins, and the worst that was seen there (0 up to 4 down).
    pub fn values(&self) -> impl Iterator<Item = (i64, u8)> {
        self.series.values().map(|(at, worst)| (at, worst.0))
    }
}

/// A lane for each probe in each region.
pub(super) fn lanes(plan: &PlanRecord) -> impl Iterator<Item = LookLane> {
    plan.probes.iter().flat_map(|probe| {
        let regions = probe.regions.iter();
        regions.map(|region| LookLane::new(probe.name.as_str(), region.as_str()))
    })
}

pub(super) fn lane_of<'a>(lanes: &'a mut [LookLane], probe: &str, region: &str) -> Option<&'a mut LookLane> {
    lanes
        .iter_mut()
        .find(|lane| lane.probe == probe && lane.region == region)
}

/// What stands at a moment of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A note.
    Note,
    /// An alert was taken.
    Ack,
    /// The harm is over, somebody says.
    Mitigated,
    /// Somebody stopped the drill.
    Stop,
    /// A guard was breached.
    Guard,
}

/// Something that a person said, or a guard.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The event.
    pub seq: u64,
    /// When.
    pub at_ms: i64,
    /// What it is.
    pub kind: MarkKind,
    /// Who; empty for a guard.
    pub who: String,
    /// The note, the alert or the guard.
    pub text: String,
}

/// A line of the log.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The event it is about.
    pub seq: u64,
    /// When.
    pub at_ms: i64,
    /// What happened.
    pub text: String,
    /// The stage of each expected alert; who sees the lanes needs it not.
    #[serde(skip)]
    pub stages: String,
}
