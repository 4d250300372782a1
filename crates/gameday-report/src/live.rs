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
mod parts;
mod series;

use std::collections::VecDeque;

use gameday_core::{
    Ended, Event, EventKind, FaultEnd, FaultName, Offset, Outcome, Stage, StopReason, Timestamp,
};
use serde::Serialize;

use alerts::AlertBoard;
pub use alerts::{AlertLane, AlertSpan, AlertStage, Due};
pub use parts::{CurveLane, FaultBar, Head, Line, LookLane, MarkKind, Person, Progress, RollbackSeen};

/// Lines of the log that are kept, and things that people said.
const MOST_LINES: usize = 400;
/// Lanes of probes and curves; a plan has far fewer.
const MOST_LANES: usize = 200;

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
            people: VecDeque::new(),
            log: VecDeque::new(),
            lines: 0,
        }
    }
}

impl View {
    /// Takes the next event of the journal.
    pub fn take(&mut self, event: &Event) {
        let (seq, at) = (event.seq, ms(event.at));
        self.seq = Some(seq);
        self.now_ms = self.now_ms.max(at);
        match &event.kind {
            EventKind::DrillStarted(started) => {
                let offset = i64::try_from(event.at.as_micros()).unwrap_or(0);
                self.began = event.time.plus_micros(-offset);
                *self.head.at(seq) = Head::new(started, self.began);
                self.faults = started
                    .plan
                    .timeline
                    .iter()
                    .map(FaultBar::new)
                    .map(Changed::new)
                    .collect();
                self.curves = started
                    .plan
                    .steady
                    .iter()
                    .take(MOST_LANES)
                    .map(CurveLane::new)
                    .collect();
                self.probes = parts::lanes(&started.plan).take(MOST_LANES).collect();
                self.alerts = AlertBoard::new(&started.plan, self.began);
                self.faults.iter_mut().for_each(|fault| fault.seq = seq);
            }
            EventKind::StageEntered(stage) => self.progress.at(seq).enter(*stage, at),
            EventKind::Stopped(reason) => self.stopped(seq, at, reason),
            EventKind::GuardBreached { guard, .. } => self.said(seq, at, MarkKind::Guard, "", guard),
            EventKind::RollbackChecked { verified, details } | EventKind::Healed { verified, details } => {
                self.progress.at(seq).rollback = Some(RollbackSeen {
                    verified: *verified,
                    details: details.clone(),
                });
            }
            EventKind::DrillEnded(how) => self.ended(seq, at, how),
            EventKind::ProbeDone(done) => {
                let lane = parts::lane_of(&mut self.probes, done.probe.as_str(), event.region.as_str());
                if let Some(lane) = lane {
                    lane.looked(seq, ms(done.intended), &done.outcome, done.message.as_deref());
                }
            }
            EventKind::LooksSummed(summed) => {
                if let Some(lane) =
                    parts::lane_of(&mut self.probes, summed.probe.as_str(), event.region.as_str())
                {
                    for look in &summed.looks {
                        lane.looked(seq, ms(look.intended), &summed.outcome, None);
                    }
                }
            }
            EventKind::ProbeMissed { probe, .. } => {
                if let Some(lane) = parts::lane_of(&mut self.probes, probe.as_str(), event.region.as_str()) {
                    lane.missed(seq, at);
                }
            }
            EventKind::SteadyEvaluated(steady) => {
                if let Some(curve) = self
                    .curves
                    .iter_mut()
                    .find(|curve| curve.name == steady.name.as_str())
                {
                    curve.evaluated(seq, at, steady.value, steady.holds);
                }
            }
            EventKind::SteadySummed(summed) => {
                let mut curves = self.curves.iter_mut();
                if let Some(curve) = curves.find(|curve| curve.name == summed.name.as_str()) {
                    for (at, value) in &summed.values {
                        curve.evaluated(seq, ms(*at), *value, summed.holds);
                    }
                }
            }
            EventKind::Noted { who, text } => self.said(seq, at, MarkKind::Note, who, text),
            EventKind::Mitigated { who } => self.said(seq, at, MarkKind::Mitigated, who, ""),
            EventKind::Acknowledged { who, alert } => {
                self.alerts.acknowledged(seq, at, alert, who);
                self.said(seq, at, MarkKind::Ack, who, alert);
            }
            EventKind::AlertSeen(seen) => self.alerts.seen(seq, at, seen),
            EventKind::Notified(notice) => self.alerts.notified(seq, notice),
            EventKind::Recorded(recorded) => {
                if let Some(notice) = recorded.notification() {
                    self.alerts.notified(seq, &notice);
                }
            }
            EventKind::Predicted(prediction) => self.alerts.predicted(seq, prediction),
            other => self.faulted(seq, at, other),
        }
    }

    /// Keeps a line of the log that belongs to the event taken last.
    pub fn say(&mut self, text: String) {
        let line = Line {
            seq: self.seq.unwrap_or(0),
            at_ms: self.now_ms,
            text,
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
        let listed = |faults: &'_ [Changed<FaultBar>]| {
            let all = faults.iter().enumerate();
            all.filter(|(_, one)| news(one.seq))
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        Update {
            seq: self.seq,
            now_ms: self.now_ms,
            head: news(self.head.seq).then_some(&self.head.value),
            progress: news(self.progress.seq).then_some(&self.progress.value),
            faults: listed(&self.faults)
                .into_iter()
                .map(|at| (at, &self.faults[at].value))
                .collect(),
            curves: numbered(self.curves.iter().map(|curve| curve.since(seq))),
            probes: numbered(self.probes.iter().map(|lane| lane.since(seq))),
            alerts: self.alerts.since(seq),
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

    fn faulted(&mut self, seq: u64, at: i64, kind: &EventKind) {
        let began = self.began;
        let place = |time: Timestamp| time.micros_since(began) / 1000;
        match kind {
            EventKind::FaultOrdered { fault, .. } => {
                if self.head.value.zero_ms.is_none() {
                    self.head.at(seq).zero_ms = Some(at);
                }
                self.fault(seq, fault, |bar| bar.ordered = Some(at));
            }
            EventKind::FaultInjected { fault } => self.fault(seq, fault, |bar| bar.injected = Some(at)),
            EventKind::FaultTouched {
                fault,
                first_touched: Some(first),
                ..
            } => {
                let first = place(*first);
                self.fault(seq, fault, |bar| bar.effective = bar.effective.or(Some(first)));
                self.alerts.effective(seq, fault, first);
            }
            EventKind::FaultFailed { fault, error } => {
                self.fault(seq, fault, |bar| bar.error = Some(error.clone()));
            }
            EventKind::FaultRemoved { fault, how } => {
                let error = (*how == FaultEnd::Lost).then(|| "it ended without us".to_owned());
                self.fault(seq, fault, |bar| {
                    bar.removed = Some(at);
                    bar.error = bar.error.take().or(error);
                });
            }
            _ => {}
        }
    }

    fn fault(&mut self, seq: u64, name: &FaultName, change: impl FnOnce(&mut FaultBar)) {
        if let Some(bar) = self.faults.iter_mut().find(|bar| bar.value.name == name.as_str()) {
            change(bar.at(seq));
        }
    }

    fn stopped(&mut self, seq: u64, at: i64, reason: &StopReason) {
        self.progress.at(seq).stopped = Some(reason.to_string());
        if let StopReason::Person(who) = reason {
            self.said(seq, at, MarkKind::Stop, who, "");
        }
    }

    fn ended(&mut self, seq: u64, at: i64, how: &Ended) {
        let progress = self.progress.at(seq);
        progress.ended_ms = Some(at);
        progress.ended = Some(match how {
            Ended::Completed => "completed".to_owned(),
            Ended::Aborted => "aborted".to_owned(),
            Ended::Refused(why) => format!("refused: {why}"),
        });
    }

    fn said(&mut self, seq: u64, at: i64, kind: MarkKind, who: &str, text: &str) {
        let person = Person {
            seq,
            at_ms: at,
            kind,
            who: who.to_owned(),
            text: text.to_owned(),
        };
        push(&mut self.people, seq, person);
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
