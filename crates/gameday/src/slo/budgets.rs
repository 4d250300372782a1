//! Every objective of this prober, held against what its regions see.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gameday_alert::{BurnAlert, History, Measure, Severity, Stage, pairs_for};
use gameday_core::{ProbeName, RegionName, Timestamp};
use gameday_probe::Tick;
use tokio::sync::Notify;

use super::promise::{Id, Promise};
use super::seen::{Doubted, Judge, Seen, Trust};
use super::tell;
use crate::notify::Board;
use crate::output;

/// A doubt that lasts longer is no failure.
const LONGEST_DOUBT: Duration = Duration::from_secs(30);
/// More looks are not doubted at a time.
const MOST_DOUBTED: usize = 10_000;

/// The budgets, shared by those who look, who serve and who write them down.
pub(crate) struct Budgets {
    pub(crate) board: Arc<Board>,
    known: Mutex<Known>,
    judge: Judge,
    /// An alert changed its stage.
    pub(super) changed: Notify,
}

#[derive(Default)]
pub(super) struct Known {
    pub(super) budgets: BTreeMap<Id, Budget>,
    /// Which objectives a region's looks at a probe count in.
    counted: BTreeMap<(ProbeName, RegionName), Vec<Id>>,
    /// Looks that said down, in the order in which they were made.
    doubted: VecDeque<Doubted>,
}

/// One objective and what has become of it.
pub(super) struct Budget {
    pub(super) promise: Promise,
    pub(super) history: History,
    pub(super) alerts: [BurnAlert; 2],
    /// Without a failure in the objective's whole window there is nothing to compute.
    failed: Option<Timestamp>,
}

/// What is kept of an objective over a restart.
pub(super) struct Kept {
    pub(super) history: Option<History>,
    pub(super) alerts: Vec<BurnAlert>,
}

impl Budgets {
    pub(crate) fn new(board: Arc<Board>, judge: Judge) -> Self {
        Self {
            board,
            judge,
            known: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn read(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These objectives are counted from now on. One that stays goes on; its window alone makes it another.
    pub(crate) fn expect(&self, promises: BTreeMap<Id, Promise>) {
        self.restore(promises, BTreeMap::new());
    }

    /// The same at the begin, with what was kept.
    pub(super) fn restore(&self, promises: BTreeMap<Id, Promise>, mut kept: BTreeMap<Id, Kept>) {
        let now = Timestamp::now();
        let mut known = self.read();
        let mut before = std::mem::take(&mut known.budgets);
        known.counted.clear();
        for (id, promise) in promises {
            for region in &promise.regions {
                let key = (id.probe.clone(), region.clone());
                known.counted.entry(key).or_default().push(id.clone());
            }
            let old = before.remove(&id);
            let budget = match old {
                Some(old) if old.promise.objective.window == promise.objective.window => {
                    // Its key may hold other regions now.
                    if tell::key(&id, &old.promise, Severity::Page)
                        != tell::key(&id, &promise, Severity::Page)
                    {
                        self.end(&id, &old, now);
                    }
                    Budget { promise, ..old }
                }
                other => {
                    if let Some(old) = other {
                        self.end(&id, &old, now);
                    }
                    Budget::new(promise, kept.remove(&id), now)
                }
            };
            self.tell(&id, &budget, now);
            known.budgets.insert(id, budget);
        }
        before.iter().for_each(|(id, gone)| self.end(id, gone, now));
    }

    /// Its alerts are over: nobody looks any more.
    fn end(&self, id: &Id, budget: &Budget, now: Timestamp) {
        for alert in &budget.alerts {
            self.board
                .is_over(&tell::key(id, &budget.promise, alert.severity), now);
        }
    }

    /// Counts what the schedule told.
    pub(crate) fn observe(&self, tick: &Tick) {
        let (probe, region) = match tick {
            Tick::Done { probe, region, .. } | Tick::Missed { probe, region, .. } => (probe, region),
        };
        let now = Timestamp::now();
        let mut known = self.read();
        if !known.counted.contains_key(&(probe.clone(), region.clone())) {
            return;
        }
        let seen = Seen::of(tick);
        let began = match tick {
            Tick::Done { intended, .. } => now.plus_micros(-micros(intended.elapsed())),
            Tick::Missed { .. } => now,
        };
        let seen = match (self.judge)(region, began) {
            Trust::Excluded => seen.unheard(),
            Trust::Doubted if seen == Seen::Down => {
                known.doubted.push_back(Doubted {
                    probe: probe.clone(),
                    region: region.clone(),
                    began,
                });
                return;
            }
            Trust::Doubted | Trust::Counts => seen,
        };
        self.count(&mut known, probe, region, seen, now);
    }

    fn count(&self, known: &mut Known, probe: &ProbeName, region: &RegionName, seen: Seen, now: Timestamp) {
        let ids = known.counted.get(&(probe.clone(), region.clone()));
        for id in ids.into_iter().flatten() {
            if let Some(budget) = known.budgets.get_mut(id) {
                budget.add(now, seen);
                self.evaluate(id, budget, now);
            }
        }
    }

    /// What time alone changes: doubts end, windows move on.
    pub(super) fn pass(&self) {
        let now = Timestamp::now();
        let mut known = self.read();
        for doubted in std::mem::take(&mut known.doubted) {
            let is_old = now.micros_since(doubted.began) > micros(LONGEST_DOUBT);
            let seen = match (self.judge)(&doubted.region, doubted.began) {
                Trust::Counts => Seen::Down,
                Trust::Doubted if !is_old && known.doubted.len() < MOST_DOUBTED => {
                    known.doubted.push_back(doubted);
                    continue;
                }
                Trust::Doubted | Trust::Excluded => Seen::Nothing(1),
            };
            self.count(&mut known, &doubted.probe, &doubted.region, seen, now);
        }
        for (id, budget) in &mut known.budgets {
            self.evaluate(id, budget, now);
        }
    }

    /// The shortest window that any alert looks at.
    pub(super) fn shortest_window(&self) -> Duration {
        let known = self.read();
        let objectives = known.budgets.values().map(|budget| &budget.promise.objective);
        let shortest = objectives.flat_map(|objective| pairs_for(objective.window).map(|pair| pair.short));
        shortest.min().unwrap_or(Duration::MAX)
    }

    fn evaluate(&self, id: &Id, budget: &mut Budget, now: Timestamp) {
        if budget.is_idle(now) {
            return;
        }
        let measure = budget.measure(now);
        let mut changed = false;
        for alert in &mut budget.alerts {
            if alert.observe(now, &measure.burns) {
                changed = true;
                output::say(&tell::line(id, alert));
            }
        }
        if changed {
            self.changed.notify_one();
        }
        self.tell(id, budget, now);
    }

    /// Says on the board what fires. A ticket waits while its page fires: one cause calls once.
    fn tell(&self, id: &Id, budget: &Budget, now: Timestamp) {
        let paged = budget
            .alerts
            .iter()
            .any(|alert| alert.severity == Severity::Page && alert.stage == Stage::Firing);
        for alert in &budget.alerts {
            let key = tell::key(id, &budget.promise, alert.severity);
            let waits = || {
                let inhibited = paged && alert.severity == Severity::Ticket;
                self.board.is_firing(&key) || inhibited || self.nobody_counts(&budget.promise, now)
            };
            if alert.stage != Stage::Firing {
                self.board.is_over(&key, now);
            } else if !waits() {
                self.board
                    .fires(tell::notice(key, id, budget, alert, &budget.measure(now)));
            }
        }
    }
}

impl Budgets {
    /// Every region of a promise is excluded: then it calls nobody.
    fn nobody_counts(&self, promise: &Promise, now: Timestamp) -> bool {
        let mut regions = promise.regions.iter();
        regions.all(|region| (self.judge)(region, now) == Trust::Excluded)
    }
}

impl Budget {
    fn new(promise: Promise, kept: Option<Kept>, now: Timestamp) -> Self {
        let window = promise.objective.window;
        let (history, alerts) = kept.map_or((None, Vec::new()), |kept| (kept.history, kept.alerts));
        let history = history.filter(|history| history.fits(window));
        let failed = history.as_ref().map(|_| now);
        let restored = |severity| {
            let alert = alerts
                .iter()
                .find(|alert: &&BurnAlert| alert.severity == severity);
            alert.copied().unwrap_or(BurnAlert::new(severity, now))
        };
        Self {
            alerts: [Severity::Page, Severity::Ticket].map(restored),
            history: history.unwrap_or_else(|| History::new(window)),
            promise,
            failed,
        }
    }

    fn add(&mut self, now: Timestamp, seen: Seen) {
        let tally = seen.tally(self.promise.kind);
        if tally.bad > 0 {
            self.failed = Some(now);
        }
        self.history.add(now, tally);
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        let window = micros(self.promise.objective.window);
        let failing = self.failed.is_some_and(|at| now.micros_since(at) <= window);
        !failing && self.alerts.iter().all(|alert| alert.stage == Stage::Inactive)
    }

    pub(super) fn measure(&self, now: Timestamp) -> Measure {
        self.promise.objective.measure(&self.history, now)
    }
}

/// Whole microseconds.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
