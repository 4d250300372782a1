//! The two loops that follow a prober: its word on itself, and its journal.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gameday_core::{
    ClockOffset, ClockReading, Event, EventKind, Outcome, ProbeDone, ProbeName, RegionName, Timestamp,
};
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::HEARTBEAT;
use super::answer::RegionAnswer;
use super::remote::{Answered, Page, Remote};

/// A journal that has nothing to tell answers after this.
const WAIT: Duration = Duration::from_secs(10);
/// From one part of a journal to the next: a busy prober is read in larger pieces.
const PAUSE: Duration = Duration::from_millis(100);
/// From a trouble to the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// What a follower tells.
#[derive(Debug)]
pub enum Told {
    /// The prober said something of itself.
    Region(Box<RegionAnswer>, ClockReading),
    /// Its probes, each with its definition.
    Probes(BTreeMap<ProbeName, String>),
    /// It saw something.
    Seen(Seen),
    /// So many lines of its journal were gone before they could be read.
    Gap(u64),
    /// It did not answer.
    Trouble(String),
}

/// What a region saw, with its own times.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// A look.
    Done(Box<RemoteLook>),
    /// Ticks that could not run.
    Missed(ProbeName, u64),
}

/// A look of another region.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteLook {
    /// When it was to start, on that region's clock.
    pub intended: Timestamp,
    /// When it was over, on that region's clock.
    pub ended: Timestamp,
    /// What was written down.
    pub done: ProbeDone,
}

/// Follows a region until nobody listens; its journal from this line on, 0 for all that it still has.
pub async fn follow(remote: Remote, region: RegionName, from: u64, out: Sender<Told>) {
    let follower = Follower {
        remote,
        region,
        out,
        back: Notify::new(),
        unread: Mutex::default(),
    };
    tokio::select! {
        () = follower.out.closed() => {}
        () = follower.heartbeat() => {}
        () = follower.journal(from) => {}
    }
}

/// What both loops share.
struct Follower {
    remote: Remote,
    region: RegionName,
    out: Sender<Told>,
    /// It answers again.
    back: Notify,
    /// Why its journal cannot be read, if it cannot.
    unread: Mutex<Option<String>>,
}

impl Follower {
    async fn heartbeat(&self) {
        let mut every = interval(HEARTBEAT);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clock = ClockOffset::new();
        let mut known: Option<String> = None;
        let mut answered_before = false;
        loop {
            every.tick().await;
            let answered = self.remote.region().await;
            let answers = answered.is_ok();
            let told = match answered {
                Ok((answer, sample)) => {
                    let changed = known.as_ref() != Some(&answer.probes);
                    if changed && let Ok(probes) = self.remote.probes().await {
                        known = Some(answer.probes.clone());
                        let probes = probes.into_iter().map(|probe| (probe.name, probe.definition));
                        self.tell(Told::Probes(probes.collect())).await;
                    }
                    let reading = clock.add(&sample);
                    match self.unread().clone() {
                        Some(why) => Told::Trouble(why),
                        None => Told::Region(Box::new(answer), reading),
                    }
                }
                Err(why) => Told::Trouble(why),
            };
            self.tell(told).await;
            if answers && !answered_before {
                self.back.notify_one();
            }
            answered_before = answers;
        }
    }

    async fn journal(&self, from: u64) {
        let mut place = Place {
            started: None,
            next: from,
        };
        // Its times mean nothing before its clock is known.
        self.back.notified().await;
        loop {
            // A question that was lost with the network would be waited for long after the network is back.
            let asked = tokio::select! {
                asked = self.remote.journal(place.next, WAIT) => asked,
                () = self.back.notified() => continue,
            };
            let read = asked.and_then(|answered| place.take(answered));
            *self.unread() = read.as_ref().err().cloned();
            // The other loop tells of a trouble.
            let pause = if read.is_ok() { PAUSE } else { RETRY };
            let (events, gap) = read.unwrap_or_default();
            if gap > 0 {
                self.tell(Told::Gap(gap)).await;
            }
            for seen in events.into_iter().filter_map(|event| seen(&self.region, event)) {
                self.tell(Told::Seen(seen)).await;
            }
            sleep(pause).await;
        }
    }

    fn unread(&self) -> MutexGuard<'_, Option<String>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell(&self, told: Told) {
        // Nobody listens any more: then both loops end.
        self.out.send(told).await.ok();
    }
}

/// How far a journal has been read.
#[derive(Debug, Default)]
struct Place {
    /// When the prober began whose journal it is.
    started: Option<Timestamp>,
    next: u64,
}

impl Place {
    /// Takes an answer: what is new in it, and how many lines were gone before they could be read.
    fn take(&mut self, answered: Answered) -> Result<(Vec<Event>, u64), String> {
        if self.started.is_some() && answered.started != self.started {
            // Another prober: its journal is read from its beginning.
            *self = Self {
                started: answered.started,
                next: 0,
            };
            return Ok((Vec::new(), 0));
        }
        self.started = answered.started;
        match answered.page {
            Page::Gone(kept) if kept.first > self.next => {
                // Whoever begins to follow misses nothing of what was before.
                let gap = if self.next == 0 { 0 } else { kept.first - self.next };
                self.next = kept.first;
                Ok((Vec::new(), gap))
            }
            Page::Gone(kept) => {
                self.next = kept.next;
                Ok((Vec::new(), 0))
            }
            Page::Events(events) => {
                for (event, seq) in events.iter().zip(self.next..) {
                    if event.seq != seq {
                        return Err(format!(
                            "line {} of its journal stands where {seq} should",
                            event.seq
                        ));
                    }
                }
                self.next += events.len() as u64;
                Ok((events, 0))
            }
        }
    }
}

/// What an event of the region that is followed says.
fn seen(region: &RegionName, event: Event) -> Option<Seen> {
    if event.region != *region {
        return None;
    }
    match event.kind {
        EventKind::ProbeMissed { probe, count } => Some(Seen::Missed(probe, count)),
        EventKind::ProbeDone(done) => {
            let us = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
            // Both offsets are of one clock: this is how long before the line was written the look was to start.
            let before = us(event.at.as_micros()).saturating_sub(us(done.intended.as_micros()));
            let intended = event.time.plus_micros(before.saturating_neg());
            let ended = intended.plus_micros(us(done.total_us));
            Some(Seen::Done(Box::new(RemoteLook {
                intended,
                ended,
                done: *done,
            })))
        }
        _ => None,
    }
}

impl RemoteLook {
    /// What it said.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.done.outcome
    }
}
