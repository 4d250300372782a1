//! Which events are worth a line of their own, and what becomes of the others.
//!
//! ```text
//!   looks     up up up up up DOWN … DOWN DOWN DOWN DOWN up up up up ─ fault ordered
//!   whole     up          up DOWN … DOWN           DOWN up       up
//!   summed up    up up up                DOWN DOWN         up up
//! ```
//!
//! Only looks and evaluations of steady states are ever summed up, each among those that say the same in every word.
//! Whole stay the first failures of a run, what is on either side of a change, and all events of other kinds. Where a
//! fault or a trial begins or ends, every run does.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Event, EventKind, Offset, ProbeName, RegionName, SteadyName, Timestamp};

mod run;

use run::{Evaluations, Looks, Run};

/// What a crash can take is not older than this, and neither is what a page shows of a drill that runs.
const HELD: Duration = Duration::from_secs(10);

/// So many failures after one another stay whole: with their phases, traces and what each step took.
const FAILURES: u32 = 10;

/// When the wall clock goes this much another way than the monotonic one, no sum spans it.
const STEP_US: i128 = 10_000;

/// How a journal is kept small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// So many bytes are written whole before anything is summed up.
    pub whole_bytes: u64,
    /// This often a look and an evaluation that say nothing new stay whole all the same.
    pub every: Duration,
}

/// Takes events in their order and gives out those to be written or kept.
#[derive(Debug)]
pub(super) struct Sampler {
    looks: BTreeMap<(RegionName, ProbeName), Run<Looks>>,
    evaluations: BTreeMap<SteadyName, Run<Evaluations>>,
    rules: Rules,
    /// When the sums that are being made were begun.
    since: Option<Offset>,
    last: Option<(Offset, Timestamp)>,
}

/// What differs between who writes and who reads.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// How often one stays whole all the same; none for never.
    every: Option<Duration>,
    /// How long something is held back; none for as long as it goes on.
    held: Option<Duration>,
    /// So many failures of a run stay whole.
    failures: u32,
    by_reader: bool,
}

impl Sampler {
    /// For who writes a journal.
    pub(super) fn writing(every: Duration) -> Self {
        Self::new(Rules {
            every: Some(every),
            held: Some(HELD),
            failures: FAILURES,
            by_reader: false,
        })
    }

    /// For who reads one: as little is kept as a measurement needs.
    pub(super) fn reading() -> Self {
        Self::new(Rules {
            every: None,
            held: None,
            failures: 0,
            by_reader: true,
        })
    }

    fn new(rules: Rules) -> Self {
        Self {
            looks: BTreeMap::new(),
            evaluations: BTreeMap::new(),
            rules,
            since: None,
            last: None,
        }
    }

    /// Takes the next event; what is ready is added to `out`.
    pub(super) fn take(&mut self, event: Event, out: &mut Vec<Event>) {
        if self.stepped(&event) {
            self.finish(out);
        }
        if let (Some(held), Some(since)) = (self.rules.held, self.since)
            && event.at.since(since) >= held
        {
            self.flush(out);
        }
        let at = event.at;
        let held = match &event.kind {
            EventKind::ProbeDone(done) => {
                let lane = (event.region.clone(), done.probe.clone());
                self.looks.entry(lane).or_default().take(event, self.rules, out)
            }
            EventKind::SteadyEvaluated(one) => {
                let name = one.name.clone();
                self.evaluations
                    .entry(name)
                    .or_default()
                    .take(event, self.rules, out)
            }
            kind => {
                if divides(kind) {
                    self.finish(out);
                }
                out.push(event);
                false
            }
        };
        if held {
            self.since.get_or_insert(at);
        }
    }

    /// Ends every run and gives out what was held back.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        let mut due = Vec::new();
        for run in std::mem::take(&mut self.looks).values_mut() {
            run.end(self.rules, &mut due);
        }
        for run in std::mem::take(&mut self.evaluations).values_mut() {
            run.end(self.rules, &mut due);
        }
        due.sort_by_key(|event| event.at);
        out.append(&mut due);
        self.since = None;
    }

    /// Writes the sums as they are; a look that may be the last before a failure is still held back.
    fn flush(&mut self, out: &mut Vec<Event>) {
        let rules = self.rules;
        let looks = self.looks.values_mut().filter_map(|run| run.sum(rules));
        let evaluations = self.evaluations.values_mut().filter_map(|run| run.sum(rules));
        let mut sums: Vec<Event> = looks.chain(evaluations).collect();
        sums.sort_by_key(|event| event.at);
        out.append(&mut sums);
        self.since = None;
    }

    fn stepped(&mut self, event: &Event) -> bool {
        let now = (event.at, event.time);
        let Some((at, time)) = self.last.replace(now) else {
            return false;
        };
        let monotonic = i128::from(now.0.as_micros()) - i128::from(at.as_micros());
        let wall = i128::from(now.1.as_micros()) - i128::from(time.as_micros());
        (wall - monotonic).abs() > STEP_US
    }
}

/// What is before it and what is after it are measured apart, so no run goes on over it.
fn divides(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::FaultOrdered { .. }
            | EventKind::FaultRemoved { .. }
            | EventKind::TrialStarted { .. }
            | EventKind::TrialEnded { .. }
            | EventKind::DrillEnded(_)
    )
}

#[cfg(test)]
mod tests;
