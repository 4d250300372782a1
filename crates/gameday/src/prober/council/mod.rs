//! What this region and its peers say together, while they look.
//!
//! ```text
//!   our looks ──observe──┐                          ┌─► /v1/verdict · /metrics · /
//!   peers' journals ─────┼──► Quorum (gameday-probe) ┼─► lines on stderr
//!   control target ──────┘                          └─► another look, to confirm what a peer saw
//! ```

mod announce;
mod control;
mod hear;
mod metrics;
mod sitting;
mod view;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gameday_core::{Outcome, ProbeName, RegionName, Timestamp};
use gameday_probe::{ControlAnswer, Look, Quorum, Rules, Scheduled, Tick, Verdict, Watched};
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::notify::Board;
use crate::slo::Trust;
use announce::Announcer;
use control::Control;

pub(super) use metrics::write as write_metrics;
pub(super) use sitting::{Ready, Sitting, digest};
pub(super) use view::Shown;

/// How often it is looked what the time alone has changed.
const PACE: Duration = Duration::from_secs(1);
/// More looks to confirm others' are not in flight.
const MAX_CONFIRMING: usize = 64;

/// The council of the regions.
pub(super) struct Council {
    /// The regions that are looked from here.
    here: Vec<RegionName>,
    /// Whether the file describes one: otherwise this prober decides nothing with anybody.
    is_sitting: AtomicBool,
    quorum: Mutex<Quorum>,
    probes: Mutex<Vec<Scheduled>>,
    control: Mutex<Option<ControlAnswer>>,
    /// A look said down: is it the service, or are we cut off?
    doubt: Notify,
    announcer: Mutex<Announcer>,
    /// Where it stands who of all tells whom.
    board: Arc<Board>,
}

impl Council {
    /// A council of nobody but ourselves.
    pub(super) fn new(here: &[RegionName], board: Arc<Board>) -> Self {
        let mut quorum = Quorum::new(
            Rules::usual(u32::try_from(here.len()).unwrap_or(u32::MAX)),
            here.iter().cloned(),
        );
        for region in here {
            quorum.know(region, |facts| facts.is_here = true);
        }
        Self {
            here: here.to_vec(),
            is_sitting: AtomicBool::new(false),
            quorum: Mutex::new(quorum),
            probes: Mutex::default(),
            control: Mutex::default(),
            doubt: Notify::new(),
            announcer: Mutex::default(),
            board,
        }
    }

    pub(super) fn is_sitting(&self) -> bool {
        self.is_sitting.load(Ordering::Relaxed)
    }

    /// These probes are looked at from now on.
    pub(super) fn expect(&self, probes: &[Scheduled]) {
        let first = self.here.first();
        // Every region here looks at the same probes.
        let mine = probes.iter().filter(|probe| Some(&probe.region) == first);
        let watched = mine.map(|probe| Watched {
            name: probe.probe.clone(),
            every: probe.every,
            timeout: probe.timeout,
            definition: probe.definition.to_string(),
        });
        self.quorum().expect(watched);
        *self.probes() = probes.to_vec();
    }

    /// A look of our own.
    pub(super) fn observe(&self, tick: &Tick) {
        let Tick::Done {
            probe,
            region,
            intended,
            observation,
            ..
        } = tick
        else {
            return;
        };
        let now = Timestamp::now();
        let began = now.plus_micros(-micros(intended.elapsed()));
        let look = Look {
            began,
            ended: began.plus_micros(micros(observation.total)),
            outcome: observation.outcome.clone(),
        };
        if matches!(look.outcome, Outcome::Down(_)) {
            self.doubt.notify_one();
        }
        self.looked(region, probe, look, now);
    }

    fn looked(&self, region: &RegionName, probe: &ProbeName, look: Look, now: Timestamp) {
        let changed = self.quorum().looked(region, probe, look, now).cloned();
        if let Some(verdict) = changed {
            self.announcer().verdict(&verdict);
        }
    }

    /// How we stand with our control target, if we have one.
    pub(super) fn control(&self) -> Option<ControlAnswer> {
        self.control
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the word of one of our regions on a look that began then counts by itself.
    pub(super) fn trust(&self, region: &RegionName, began: Timestamp) -> Trust {
        let standings = self.quorum().standings(Timestamp::now());
        if standings.get(region).is_some_and(Option::is_some) {
            return Trust::Excluded;
        }
        match self.control().map(|control| control.reached_at) {
            Some(reached) if reached.is_none_or(|reached| reached < began) => Trust::Doubted,
            _ => Trust::Counts,
        }
    }

    fn quorum(&self) -> MutexGuard<'_, Quorum> {
        self.quorum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn probes(&self) -> MutexGuard<'_, Vec<Scheduled>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announcer(&self) -> MutexGuard<'_, Announcer> {
        self.announcer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges by what is known now.
    fn judged(&self, now: Timestamp) -> MutexGuard<'_, Quorum> {
        let mut quorum = self.quorum();
        let changed: Vec<Verdict> = quorum.tick(now);
        let mut announcer = self.announcer();
        announcer.standings(&quorum.standings(now));
        for verdict in &changed {
            announcer.verdict(verdict);
        }
        quorum
    }

    /// Judges by what is known now; which of our probes should look at once.
    fn tick(&self) -> Vec<Scheduled> {
        let now = Timestamp::now();
        let mut quorum = self.judged(now);
        let mut wanted = Vec::new();
        for here in &self.here {
            let names = quorum.to_confirm(here, now);
            wanted.extend(names.into_iter().map(|name| (name, here.clone())));
        }
        drop(quorum);
        let probes = self.probes();
        let asked = probes.iter().filter(|probe| {
            wanted
                .iter()
                .any(|(name, here)| probe.probe == *name && probe.region == *here)
        });
        asked.cloned().collect()
    }
}

/// Looks at the council once a second, and makes the looks that it wants.
async fn deliberate(council: Arc<Council>, looks: Sender<Tick>) {
    let mut every = interval(PACE);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut confirming = JoinSet::new();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            Some(_) = confirming.join_next() => continue,
        }
        for probe in council.tick() {
            if confirming.len() < MAX_CONFIRMING {
                confirming.spawn(confirm(probe, looks.clone()));
            }
        }
    }
}

/// A look beside the schedule.
async fn confirm(probe: Scheduled, looks: Sender<Tick>) {
    let intended = Instant::now();
    let observation = probe.run.run(intended + probe.timeout).await;
    let tick = Tick::Done {
        probe: probe.probe,
        region: probe.region,
        intended,
        late: Duration::ZERO,
        observation: Box::new(observation),
    };
    // Nobody listens any more: then everything ends.
    looks.send(tick).await.ok();
}

/// Whole microseconds.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
