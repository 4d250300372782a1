//! What is known of every probe: written by one entry, read by metrics, page and journal.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gameday_core::{
    Clock, EventKind, Outcome, Phases, ProbeDone, ProbeName, Reason, RegionName, StepName, Timestamp,
};
use gameday_probe::{Observation, Reading, Scheduled, Tick};
use hdrhistogram::Histogram as Quantiles;

use super::about::Roll;
use super::council::Council;
use super::episode::Episodes;
use super::evidence::{Account, Seen, Store};
use super::histogram::Histogram;
use super::journal::Ring;
use crate::slo::Budgets;

/// So many words of the past are remembered.
pub(super) const MAX_RECENT: usize = 40;
/// Start lags are counted up to this, in microseconds.
const MAX_LAG_US: u64 = 60_000_000;

/// Everything that this prober knows.
pub(super) struct Book {
    pub(super) regions: Vec<RegionName>,
    pub(super) journal: Ring,
    pub(super) began: Timestamp,
    council: Arc<Council>,
    pub(super) budgets: Arc<Budgets>,
    pub(super) store: Store,
    known: Mutex<Known>,
}

/// What the book holds, under its lock.
pub(super) struct Known {
    pub(super) entries: BTreeMap<(ProbeName, RegionName), Entry>,
    pub(super) episodes: Episodes,
    pub(super) roll: Roll,
    pub(super) reload: Reload,
    /// How much later than intended looks begin, in microseconds.
    pub(super) lag: Quantiles<u32>,
}

/// One probe in one region.
#[derive(Default)]
pub(super) struct Entry {
    /// up, slow, down, unknown.
    pub(super) runs: [u64; 4],
    pub(super) reasons: BTreeMap<Reason, u64>,
    pub(super) missed: u64,
    pub(super) total: Histogram,
    pub(super) steps: Vec<StepEntry>,
    pub(super) readings: Vec<Reading>,
    pub(super) last: Option<Last>,
    /// What the last looks said, as indexes of [`WORDS`], the newest first.
    pub(super) recent: VecDeque<u8>,
    /// For the failures after it.
    last_good: Option<Seen>,
    kept: Account,
}

/// One step of a flow; a probe that is no flow has one without a name.
pub(super) struct StepEntry {
    pub(super) name: Option<StepName>,
    pub(super) total: Histogram,
    pub(super) phases: Box<[Histogram; 6]>,
    pub(super) slow: u64,
}

/// The newest look.
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    /// Since when it says the same word.
    pub(super) since: Timestamp,
    pub(super) total_us: u64,
    pub(super) phases: Phases,
    pub(super) message: Option<String>,
}

/// How the last reading of the files went.
pub(super) struct Reload {
    pub(super) ok: bool,
    pub(super) at: Timestamp,
    /// What was wrong, drawn.
    pub(super) problems: Option<String>,
}

/// The words of `runs`, in its order.
pub(super) const WORDS: [&str; 4] = ["up", "slow", "down", "unknown"];

impl Book {
    pub(super) fn new(
        regions: Vec<RegionName>,
        store: Store,
        clock: Clock,
        council: Arc<Council>,
        budgets: Arc<Budgets>,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            regions,
            journal: Ring::new(clock),
            began: now,
            council,
            budgets,
            store,
            known: Mutex::new(Known {
                entries: BTreeMap::new(),
                episodes: Episodes::default(),
                roll: Roll::default(),
                reload: Reload {
                    ok: true,
                    at: now,
                    problems: None,
                },
                lag: Quantiles::new_with_bounds(1, MAX_LAG_US, 2).expect("bounds of ours"),
            }),
        }
    }

    pub(super) fn read(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the regions decide together, if they do.
    pub(super) fn council(&self) -> Option<&Council> {
        Some(&*self.council).filter(|council| council.is_sitting())
    }

    /// These probes are looked at from now on; what is known of others is forgotten.
    pub(super) fn expect(&self, probes: &[Scheduled]) {
        if let Some(council) = self.council() {
            council.expect(probes);
        }
        let mut known = self.read();
        known.roll = Roll::of(probes);
        let mut before = std::mem::take(&mut known.entries);
        for probe in probes {
            let key = (probe.probe.clone(), probe.region.clone());
            let entry = before.remove(&key).unwrap_or_default();
            known.entries.insert(key, entry);
        }
        let Known {
            entries, episodes, ..
        } = &mut *known;
        episodes.retain(|probe, region| entries.contains_key(&(probe.clone(), region.clone())));
    }

    /// How the files were read.
    pub(super) fn reloaded(&self, problems: Option<String>) {
        self.read().reload = Reload {
            ok: problems.is_none(),
            at: Timestamp::now(),
            problems,
        };
    }

    /// Writes down what the schedule told.
    pub(super) fn observe(&self, tick: Tick) {
        if let Some(council) = self.council() {
            council.observe(&tick);
        }
        self.budgets.observe(&tick);
        match tick {
            Tick::Missed { probe, region, count } => {
                if let Some(entry) = self.read().entries.get_mut(&(probe.clone(), region.clone())) {
                    entry.missed += count;
                }
                self.journal
                    .record(region, EventKind::ProbeMissed { probe, count });
            }
            Tick::Done {
                probe,
                region,
                intended,
                late,
                observation,
            } => {
                let done = ProbeDone {
                    probe: probe.clone(),
                    intended: self.journal.clock().offset_of(intended),
                    outcome: observation.outcome.clone(),
                    total_us: micros(observation.total),
                    phases: observation.phases,
                    steps: observation.steps.clone(),
                    message: observation.message.clone(),
                    region_time: None,
                    trace_id: observation.trace_id.clone(),
                };
                self.journal
                    .record(region.clone(), EventKind::ProbeDone(Box::new(done)));
                self.take(probe, region, micros(late), *observation);
            }
        }
    }

    fn take(&self, probe: ProbeName, region: RegionName, late_us: u64, observation: Observation) {
        let mut known = self.read();
        let Known {
            entries,
            episodes,
            lag,
            ..
        } = &mut *known;
        lag.saturating_record(late_us.max(1));
        let Some(entry) = entries.get_mut(&(probe.clone(), region.clone())) else {
            // It was taken out of the files while it looked.
            return;
        };
        let now = Timestamp::now();
        let is_first = entry.add(&observation, now);
        if matches!(observation.outcome, Outcome::Up { .. }) {
            if is_first {
                episodes.over(&probe, &region, now);
            }
            entry.last_good = Some((now, observation));
            return;
        }
        let message = observation.message.as_deref().unwrap_or_default();
        episodes.failed(&probe, &region, &observation.outcome, message, now);
        let keeps = entry.kept.keeps(now, &observation.outcome, is_first);
        let good = keeps.then(|| entry.last_good.clone()).flatten();
        drop(known);
        if keeps {
            self.store.keep(probe, region, (now, observation), good);
        }
    }
}

impl Entry {
    /// Counts a look; true when it is the first of its word.
    fn add(&mut self, observation: &Observation, now: Timestamp) -> bool {
        let word = observation.outcome.word();
        if let Some(at) = WORDS.iter().position(|known| *known == word) {
            self.runs[at] += 1;
            self.recent.truncate(MAX_RECENT - 1);
            self.recent.push_front(u8::try_from(at).unwrap_or_default());
        }
        if let Some(reason) = observation.outcome.reason() {
            *self.reasons.entry(reason).or_default() += 1;
        }
        let total_us = micros(observation.total);
        self.total.add(total_us);
        for step in &observation.steps {
            let is_slow = matches!(&step.outcome, Outcome::Up { slow } if !slow.is_empty());
            self.step(Some(&step.name))
                .add(step.total_us, &step.phases, is_slow);
        }
        if observation.steps.is_empty() {
            self.step(None).add(total_us, &observation.phases, false);
        }
        self.readings.clone_from(&observation.readings);
        let same = self.last.as_ref().filter(|last| last.outcome.word() == word);
        let since = same.map_or(now, |last| last.since);
        let is_first = same.is_none();
        self.last = Some(Last {
            at: now,
            outcome: observation.outcome.clone(),
            since,
            total_us,
            phases: observation.phases,
            message: observation.message.clone(),
        });
        is_first
    }

    fn step(&mut self, name: Option<&StepName>) -> &mut StepEntry {
        let at = self.steps.iter().position(|step| step.name.as_ref() == name);
        let at = at.unwrap_or_else(|| {
            self.steps.push(StepEntry {
                name: name.cloned(),
                total: Histogram::default(),
                phases: Box::default(),
                slow: 0,
            });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }
}

impl StepEntry {
    fn add(&mut self, total_us: u64, phases: &Phases, is_slow: bool) {
        self.total.add(total_us);
        self.slow += u64::from(is_slow);
        for (histogram, (_, us)) in self.phases.iter_mut().zip(phases.named()) {
            // A phase that did not take place is no phase of no length.
            if us > 0 {
                histogram.add(us);
            }
        }
    }
}

/// Whole microseconds.
pub(super) fn micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
