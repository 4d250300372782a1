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
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gameday_core::{Outcome, ProbeName, RegionName, Timestamp};
use gameday_probe::{
    Connector, ControlAnswer, Environment, Look, Peer, Quorum, Remote, Scheduled, Tick, Verdict, Watched,
};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::config::Config;
use crate::slo::Trust;
use announce::Announcer;
use control::{Control, known};

pub(super) use metrics::write as write_metrics;
pub(super) use view::Shown;

/// How often it is looked what the time alone has changed.
const PACE: Duration = Duration::from_secs(1);
/// More looks to confirm others' are not in flight.
const MAX_CONFIRMING: usize = 64;
/// Words of peers that wait to be heard.
const MAX_TOLD: usize = 1024;

/// The council of the regions.
pub(super) struct Council {
    /// The regions that are looked from here.
    here: Vec<RegionName>,
    quorum: Mutex<Quorum>,
    probes: Mutex<Vec<Scheduled>>,
    control: Option<Mutex<ControlAnswer>>,
    /// A look said down: is it the service, or are we cut off?
    doubt: Notify,
    announcer: Mutex<Announcer>,
}

/// What is begun when the council is.
pub(super) struct Beginning {
    remotes: Vec<(Peer, Remote)>,
    control: Option<Control>,
}

impl Council {
    /// The council that a file describes.
    ///
    /// # Errors
    /// In words: the token or authority of a peer, or a control target, cannot be used.
    pub(super) fn new(
        config: Config,
        here: &[RegionName],
        connector: &Connector,
        environment: &Environment,
    ) -> Result<(Self, Beginning), String> {
        let remote = |peer: Peer| {
            let remote = Remote::new(&peer, connector, |name| environment.get(name).cloned());
            let remote = remote.map_err(|why| format!("[peers] {}: {why}", peer.region))?;
            Ok::<_, String>((peer, remote))
        };
        let remotes: Vec<_> = config.peers.into_iter().map(remote).collect::<Result<_, _>>()?;
        let control = config
            .control
            .map(|target| Control::new(target, environment, connector))
            .transpose()?;
        let there = remotes.iter().map(|(peer, _)| &peer.region);
        let mut quorum = Quorum::new(config.rules, here.iter().chain(there).cloned());
        for region in here {
            quorum.know(region, |facts| {
                facts.is_here = true;
                facts.control = control.as_ref().map(|control| known(&control.answer()));
            });
        }
        let council = Self {
            here: here.to_vec(),
            quorum: Mutex::new(quorum),
            probes: Mutex::default(),
            control: control.as_ref().map(|control| Mutex::new(control.answer())),
            doubt: Notify::new(),
            announcer: Mutex::default(),
        };
        Ok((council, Beginning { remotes, control }))
    }

    /// Follows the peers and tries the control target; looks that are made for a confirmation go where all go.
    pub(super) fn begin(
        self: &Arc<Self>,
        beginning: Beginning,
        tasks: &mut JoinSet<()>,
        looks: Sender<Tick>,
    ) {
        for (peer, remote) in beginning.remotes {
            let (out, told) = mpsc::channel(MAX_TOLD);
            tasks.spawn(gameday_probe::follow(remote, peer.region.clone(), 0, out));
            tasks.spawn(hear::hear(Arc::clone(self), peer.region, told));
        }
        if let Some(control) = beginning.control {
            tasks.spawn(control.keep(Arc::clone(self)));
        }
        tasks.spawn(deliberate(Arc::clone(self), looks));
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
        let control = self.control.as_ref()?;
        Some(control.lock().unwrap_or_else(PoisonError::into_inner).clone())
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
