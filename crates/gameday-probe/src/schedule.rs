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
mod lanes;
mod pulse;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::{ProbeName, Reason, RegionName};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout_at;

use crate::alarm::Alarm;
use crate::observation::{Observation, Probe};
use crate::step::TIDY_LIMIT;
use grid::Grid;
use lanes::Share;
use pulse::{Pulse, STALL};

pub use lanes::schedule_on_lanes;

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
    /// [`ProbePlan::definition`](crate::ProbePlan::definition) of its file.
    pub definition: Arc<str>,
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
        /// How much later it did.
        late: Duration,
        /// What it said.
        observation: Box<Observation>,
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
    let (_keep, never) = watch::channel(probes);
    schedule_changing(never, out).await;
}

/// The same for probes that may change: one that stays keeps its grid, and a look in flight is not cut off.
pub async fn schedule_changing(probes: watch::Receiver<Vec<Scheduled>>, out: Sender<Tick>) {
    schedule_share(Share::WHOLE, probes, out).await;
}

async fn schedule_share(share: Share, mut probes: watch::Receiver<Vec<Scheduled>>, out: Sender<Tick>) {
    let alarm = Alarm::new();
    let start = Instant::now();
    let mut agenda = Agenda::new(share.of(&probes.borrow_and_update()), start);
    let mut looks = JoinSet::new();
    let pulse = Arc::clone(&agenda.pulse);
    let mut beat = pin!(pulse.beat());
    loop {
        let next = agenda.next();
        tokio::select! {
            biased;
            () = out.closed() => return,
            () = &mut beat => {}
            Some(ended) = looks.join_next() => settle(ended),
            Ok(()) = probes.changed() => agenda.change(share.of(&probes.borrow_and_update()), Instant::now()),
            () = alarm.until(next.unwrap_or(start)), if next.is_some() => agenda.tick(Instant::now(), &mut looks, &out),
            // Nothing is scheduled and nothing can change any more.
            else => return out.closed().await,
        }
    }
}

/// What is due when: a heap, so that a tick costs what is due, not what there is.
struct Agenda {
    pulse: Arc<Pulse>,
    slots: Vec<Slot>,
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Agenda {
    fn new(probes: Vec<Scheduled>, start: Instant) -> Self {
        let slots: Vec<_> = probes.into_iter().map(|probe| Slot::new(probe, start)).collect();
        let mut agenda = Self {
            pulse: Pulse::new(),
            slots,
            queue: BinaryHeap::new(),
        };
        agenda.enqueue_all();
        agenda
    }

    fn enqueue_all(&mut self) {
        let due = self.slots.iter().enumerate();
        self.queue = due
            .map(|(index, slot)| Reverse((slot.grid.next(), index)))
            .collect();
    }

    fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((next, _))| *next)
    }

    fn tick(&mut self, now: Instant, looks: &mut JoinSet<()>, out: &Sender<Tick>) {
        while let Some(Reverse((due, index))) = self.queue.peek().copied() {
            if due > now {
                return;
            }
            self.queue.pop();
            let slot = &mut self.slots[index];
            slot.tick(now, looks, out, &self.pulse);
            self.queue.push(Reverse((slot.grid.next(), index)));
        }
    }

    /// Takes a new list; whoever stands in both at the same pace goes on as it was.
    fn change(&mut self, probes: Vec<Scheduled>, now: Instant) {
        let key = |probe: &Scheduled| (probe.probe.clone(), probe.region.clone(), probe.every);
        let mut before: HashMap<_, Slot> = self
            .slots
            .drain(..)
            .map(|slot| (key(&slot.scheduled), slot))
            .collect();
        let slots = probes.into_iter().map(|probe| match before.remove(&key(&probe)) {
            Some(slot) => slot.with(probe),
            None => Slot::new(probe, now),
        });
        self.slots = slots.collect();
        self.enqueue_all();
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

    /// The same place on the grid for what has been read anew.
    fn with(mut self, scheduled: Scheduled) -> Self {
        if self.scheduled.timeout != scheduled.timeout {
            self.places = Arc::new(Semaphore::new(places(scheduled.every, scheduled.timeout)));
        }
        self.scheduled = scheduled;
        self
    }

    /// Starts the look that is due, if one is; what could not start is counted and told.
    fn tick(&mut self, now: Instant, looks: &mut JoinSet<()>, out: &Sender<Tick>, pulse: &Arc<Pulse>) {
        if let Some(due) = self.grid.due(now) {
            self.missed += due.passed;
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => {
                    let pulse = Arc::clone(pulse);
                    looks.spawn(look(
                        self.scheduled.clone(),
                        due.intended,
                        place,
                        out.clone(),
                        pulse,
                    ));
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

async fn look(
    scheduled: Scheduled,
    intended: Instant,
    _place: OwnedSemaphorePermit,
    out: Sender<Tick>,
    pulse: Arc<Pulse>,
) {
    let started = Instant::now();
    let late = started.saturating_duration_since(intended);
    let mut observation = match late > STALL {
        // Little or nothing is left of the time that the service has.
        true => Observation::stopped(
            Reason::CannotLook,
            Duration::ZERO,
            format!(
                "this prober stood still: the look began {:.1} s late",
                late.as_secs_f64()
            ),
        ),
        false => in_time(&scheduled, intended + scheduled.timeout).await,
    };
    observation.total += late;
    if pulse.stood_still_since(started) {
        observation.doubt("this prober stood still while it looked");
    }
    let tick = Tick::Done {
        probe: scheduled.probe,
        region: scheduled.region,
        intended,
        late,
        observation: Box::new(observation),
    };
    // Nobody listens any more: then the schedule ends as well.
    out.send(tick).await.ok();
}

/// Looks, and cuts off what does not keep its deadline.
async fn in_time(scheduled: &Scheduled, deadline: Instant) -> Observation {
    let started = Instant::now();
    let cut = deadline + TIDY_LIMIT + GRACE;
    let looked = timeout_at(cut.into(), scheduled.run.run(deadline)).await;
    looked.unwrap_or_else(|_| {
        let why = "the probe did not keep its deadline";
        Observation::stopped(Reason::Timeout, started.elapsed(), why)
    })
}
