//! The open-loop schedule: looks start on a fixed grid, however long the ones before them take.
//!
//! ```text
//!   grid        |     |     |     |     |     |        each (probe, region) has its own offset
//!   slow look   ├───────────────────┤
//!   the next          ├──┤  ├──┤  ├──┤  ├──┤           start on time beside it
//!   no place left                       ×               counted as missed
//! ```
//!
//! A total counts from the *intended* start: what a late start would hide is in the number. Of one
//! (probe, region) at most `ceil((timeout + 2 s) / every)` looks are in flight, and never more than
//! [`MAX_IN_FLIGHT`]; the 2 s are for `always` steps.

mod grid;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::{ProbeName, Reason, RegionName};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout_at;

use crate::alarm::Alarm;
use crate::observation::{Observation, Probe};
use crate::step::TIDY_LIMIT;
use grid::Grid;

/// More looks of one (probe, region) are never in flight.
pub const MAX_IN_FLIGHT: usize = 16;

/// A probe that keeps to its deadline is never cut off; one that does not is, so long after it.
const GRACE: Duration = Duration::from_secs(1);

/// A probe, looking from a region at a rate.
#[derive(Clone)]
pub struct Scheduled {
    /// Its name in ticks.
    pub probe: ProbeName,
    /// Where it looks from.
    pub region: RegionName,
    /// From one intended start to the next.
    pub every: Duration,
    /// From the intended start to the deadline.
    pub timeout: Duration,
    /// What looks.
    pub run: Arc<dyn Probe>,
}

/// What the schedule tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Tick {
    /// A look is over.
    Done {
        /// Which probe.
        probe: ProbeName,
        /// From where.
        region: RegionName,
        /// When it was to start.
        intended: Instant,
        /// What it said.
        observation: Observation,
    },
    /// Looks that could not start.
    Missed {
        /// Which probe.
        probe: ProbeName,
        /// From where.
        region: RegionName,
        /// How many since this was told last.
        count: u64,
    },
}

/// Looks again and again, until it is dropped or nobody listens; dropping it ends what is in flight.
///
/// A listener that is slow delays no look: looks that are over wait for it in their own places, and
/// when those are taken, ticks are missed and counted.
pub async fn schedule(probes: Vec<Scheduled>, out: Sender<Tick>) {
    let alarm = Alarm::new();
    let start = Instant::now();
    let mut slots: Vec<_> = probes.into_iter().map(|probe| Slot::new(probe, start)).collect();
    let mut looks = JoinSet::new();
    loop {
        let Some(next) = slots.iter().map(|slot| slot.grid.next()).min() else {
            return out.closed().await;
        };
        tokio::select! {
            biased;
            () = out.closed() => return,
            Some(ended) = looks.join_next() => settle(ended),
            () = alarm.until(next) => {
                let now = Instant::now();
                for slot in &mut slots {
                    slot.tick(now, &mut looks, &out);
                }
            }
        }
    }
}

/// A panic is a bug of ours and must not look like silence.
fn settle(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// One (probe, region).
struct Slot {
    scheduled: Scheduled,
    grid: Grid,
    places: Arc<Semaphore>,
    missed: u64,
}

impl Slot {
    fn new(scheduled: Scheduled, start: Instant) -> Self {
        let names = [scheduled.probe.as_str(), scheduled.region.as_str()];
        Self {
            grid: Grid::new(start, scheduled.every, &names),
            places: Arc::new(Semaphore::new(places(scheduled.every, scheduled.timeout))),
            missed: 0,
            scheduled,
        }
    }

    /// Starts the look that is due, if one is; what could not start is counted and told.
    fn tick(&mut self, now: Instant, looks: &mut JoinSet<()>, out: &Sender<Tick>) {
        if let Some(due) = self.grid.due(now) {
            self.missed += due.passed;
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => {
                    looks.spawn(look(self.scheduled.clone(), due.intended, place, out.clone()));
                }
                Err(_) => self.missed += 1,
            }
        }
        if self.missed > 0 {
            let tick = Tick::Missed {
                probe: self.scheduled.probe.clone(),
                region: self.scheduled.region.clone(),
                count: self.missed,
            };
            // Without room it stays counted, and is told at a later tick.
            if !matches!(out.try_send(tick), Err(TrySendError::Full(_))) {
                self.missed = 0;
            }
        }
    }
}

fn places(every: Duration, timeout: Duration) -> usize {
    let every = every.max(Duration::from_millis(1)).as_nanos();
    let needed = (timeout + TIDY_LIMIT).as_nanos().div_ceil(every);
    usize::try_from(needed)
        .unwrap_or(MAX_IN_FLIGHT)
        .clamp(1, MAX_IN_FLIGHT)
}

async fn look(scheduled: Scheduled, intended: Instant, _place: OwnedSemaphorePermit, out: Sender<Tick>) {
    let deadline = intended + scheduled.timeout;
    let cut = deadline + TIDY_LIMIT + GRACE;
    let late = Instant::now().saturating_duration_since(intended);
    let observation = match timeout_at(cut.into(), scheduled.run.run(deadline)).await {
        Ok(mut observation) => {
            observation.total += late;
            observation
        }
        Err(_) => Observation::stopped(
            Reason::Timeout,
            intended.elapsed(),
            "the probe did not keep its deadline",
        ),
    };
    let tick = Tick::Done {
        probe: scheduled.probe,
        region: scheduled.region,
        intended,
        observation,
    };
    // Nobody listens any more: then the schedule ends as well.
    out.send(tick).await.ok();
}
