//! A drill as it goes, or as it is told again: events in, what a page and a terminal show out.
//!
//! ```text
//!   event ──► View::take ──► parts, each with the number of the event that changed it last
//!             View::since(SEQ) ──► the parts that changed after SEQ
//! ```
//!
//! Whoever has the state of event SEQ and takes what [`View::since`] says of it has the state of now:
//! a lost connection loses nothing, and nobody who is slow makes anything grow. Every part is bounded.

mod alerts;
mod events;
mod parts;
mod series;
mod trials;

use std::collections::VecDeque;

use gameday_core::{Offset, Outcome, Stage, Timestamp};
use serde::Serialize;

use alerts::AlertBoard;
pub use alerts::{AlertLane, AlertSpan, AlertStage, Due};
pub use parts::{CurveLane, FaultBar, Head, Line, LookLane, MarkKind, Person, Progress, RollbackSeen};
pub use trials::{TrialAlert, TrialRow};

/// Lines of the log that are kept, and things that people said.
const MOST_LINES: usize = 400;
/// Lanes of probes and curves; a plan has far fewer.
const MOST_LANES: usize = 200;
/// Trials whose results are kept; as many as can be asked for.
const MOST_TRIALS: usize = 1_000;

/// Something, and the number of the event that changed it last.
#[derive(Debug, Clone)]
pub(crate) struct Changed<T> {
    pub(crate) seq: u64,
    pub(crate) value: T,
}

impl<T> Changed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { seq: 0, value }
    }

    pub(crate) fn at(&mut self, seq: u64) -> &mut T {
        self.seq = seq;
        &mut self.value
    }
}

/// The state of a drill at an event.
#[derive(Debug, Clone)]
pub struct View {
    seq: Option<u64>,
    now_ms: i64,
    /// Zero of the axis: the wall clock when the monotonic one began.
    began: Timestamp,
    head: Changed<Head>,
    progress: Changed<Progress>,
    faults: Vec<Changed<FaultBar>>,
    curves: Vec<CurveLane>,
    probes: Vec<LookLane>,
    alerts: AlertBoard,
    /// Each trial of several, the present one last.
    trials: Vec<Changed<TrialRow>>,
    people: VecDeque<Changed<Person>>,
    log: VecDeque<Changed<Line>>,
    /// How many lines there ever were.
    lines: u64,
}

/// What changed after an event: enough to bring the state of then to now.
#[derive(Debug, Serialize)]
pub struct Update<'a> {
    /// The newest event in it; none before the first.
    pub seq: Option<u64>,
    /// Milliseconds after the begin at that event.
    pub now_ms: i64,
    /// What never changes, but for T0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<&'a Head>,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<&'a Progress>,
    /// Faults that changed, with their place in the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<(usize, &'a FaultBar)>,
    /// Curves with the buckets that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<(usize, parts::CurveUpdate<'a>)>,
    /// Lanes of looks with the buckets that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<(usize, parts::LookUpdate<'a>)>,
    /// Alerts that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<(usize, &'a AlertLane)>,
    /// Trials of several that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<(usize, &'a TrialRow)>,
    /// What people said since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<&'a Person>,
    /// Lines of the log since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<&'a Line>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            seq: None,
            now_ms: 0,
            began: Timestamp::from_micros(0),
            head: Changed::new(Head::default()),
            progress: Changed::new(Progress::default()),
            faults: Vec::new(),
            curves: Vec::new(),
            probes: Vec::new(),
            alerts: AlertBoard::default(),
            trials: Vec::new(),
            people: VecDeque::new(),
            log: VecDeque::new(),
            lines: 0,
        }
    }
}

impl View {
    /// Keeps a line of the log that belongs to the event taken last.
    pub fn say(&mut self, text: String, stages: String) {
        let line = Line {
            seq: self.seq.unwrap_or(0),
            at_ms: self.now_ms,
            text,
            stages,
        };
        push(&mut self.log, line.seq, line);
        self.lines += 1;
    }

    /// The newest event taken.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// Milliseconds after the begin, at the event taken last.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Everything that changed after an event; with none, everything.
    #[must_use]
    pub fn since(&self, seq: Option<u64>) -> Update<'_> {
        let news = |changed: u64| seq.is_none_or(|seq| changed > seq);
        Update {
            seq: self.seq,
            now_ms: self.now_ms,
            head: news(self.head.seq).then_some(&self.head.value),
            progress: news(self.progress.seq).then_some(&self.progress.value),
            faults: newer(&self.faults, seq),
            curves: numbered(self.curves.iter().map(|curve| curve.since(seq))),
            probes: numbered(self.probes.iter().map(|lane| lane.since(seq))),
            alerts: self.alerts.since(seq),
            trials: newer(&self.trials, seq),
            people: self
                .people
                .iter()
                .filter(|one| news(one.seq))
                .map(|one| &one.value)
                .collect(),
            log: self
                .log
                .iter()
                .filter(|one| news(one.seq))
                .map(|one| &one.value)
                .collect(),
        }
    }

    /// What never changes, but for T0.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head.value
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress.value
    }

    /// The faults, in the order of the plan.
    pub fn faults(&self) -> impl Iterator<Item = &FaultBar> {
        self.faults.iter().map(|fault| &fault.value)
    }

    /// The steady states, in the order of the plan.
    #[must_use]
    pub fn curves(&self) -> &[CurveLane] {
        &self.curves
    }

    /// Each probe in each region.
    #[must_use]
    pub fn probes(&self) -> &[LookLane] {
        &self.probes
    }

    /// The expected alerts, then others that were seen.
    pub fn alerts(&self) -> impl Iterator<Item = &AlertLane> {
        self.alerts.lanes()
    }

    /// Each trial of several, the present one last.
    pub fn trials(&self) -> impl DoubleEndedIterator<Item = &TrialRow> {
        self.trials.iter().map(|trial| &trial.value)
    }

    /// Whether a person, not a guard, stopped the drill.
    #[must_use]
    pub fn is_stopped_by_a_person(&self) -> bool {
        let mut people = self.people.iter();
        people.any(|person| person.value.kind == MarkKind::Stop)
    }

    /// The lines of the log after so many, as far as they are kept, oldest first.
    pub fn lines_since(&self, count: u64) -> impl Iterator<Item = &Line> {
        let news = usize::try_from(self.lines.saturating_sub(count)).unwrap_or(usize::MAX);
        self.log().skip(self.log.len().saturating_sub(news))
    }

    /// How many lines there ever were.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The newest lines of the log, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.log.iter().map(|line| &line.value)
    }
}

fn push<T>(ring: &mut VecDeque<Changed<T>>, seq: u64, value: T) {
    if ring.len() == MOST_LINES {
        ring.pop_front();
    }
    ring.push_back(Changed { seq, value });
}

/// What changed after an event, with its place in the list.
fn newer<T>(all: &[Changed<T>], seq: Option<u64>) -> Vec<(usize, &T)> {
    let all = all.iter().enumerate();
    all.filter(|(_, one)| seq.is_none_or(|seq| one.seq > seq))
        .map(|(at, one)| (at, &one.value))
        .collect()
}

fn numbered<T>(all: impl Iterator<Item = Option<T>>) -> Vec<(usize, T)> {
    all.enumerate().filter_map(|(at, one)| Some((at, one?))).collect()
}

pub(crate) fn ms(at: Offset) -> i64 {
    i64::try_from(at.as_micros() / 1000).unwrap_or(i64::MAX)
}

/// A stage in a word or two.
pub(crate) fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Preflight => "pre-flight",
        Stage::Steady => "steady state",
        Stage::Inject => "faults",
        Stage::Verify => "verifying",
        Stage::Recover => "recovery",
    }
}

/// The word of an outcome, worst last.
pub(crate) fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Up { slow } if slow.is_empty() => 0,
        Outcome::Up { .. } => 1,
        Outcome::Unknown(_) => 2,
        Outcome::Down(_) => 4,
    }
}

#[cfg(test)]
mod tests;
