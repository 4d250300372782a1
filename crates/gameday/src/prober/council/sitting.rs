//! What `prober.toml` says of a council, made ready, and the tasks that do it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use gameday_core::{Problem, RegionName};
use gameday_probe::{Connector, Environment, Peer, Remote, Rules, Scheduled, Tick};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinSet;

use super::control::known;
use super::{Control, Council, deliberate, hear};
use crate::prober::config::Config;

/// Words of peers that wait to be heard.
const MAX_TOLD: usize = 1024;

/// A council that can sit.
pub(in crate::prober) struct Ready {
    rules: Rules,
    peers: Vec<(Digest, Peer, Remote)>,
    control: Option<(Digest, Control)>,
}

/// Whether something is as it was, the files that it names included.
type Digest = u64;

impl Ready {
    /// The council that a file describes; none if it describes none.
    ///
    /// # Errors
    /// The token or authority of a peer, or a control target, cannot be used.
    pub(in crate::prober) fn new(
        config: &mut Config,
        connector: &Connector,
        environment: &Environment,
    ) -> Result<Option<Self>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut peers = Vec::new();
        for (place, peer) in std::mem::take(&mut config.peers) {
            match Remote::new(&peer, connector, |name| environment.get(name).cloned()) {
                Ok(remote) => peers.push((digest_of(&peer), peer, remote)),
                Err(why) => {
                    let message = format!("[peers] {}: {why}", peer.region);
                    problems.push(config.source.problem(place, message));
                }
            }
        }
        let control = config.control.take().and_then(|target| {
            let place = target.place.clone();
            let digest = target.digest();
            let made = Control::new(target, environment, connector);
            let made = made.map_err(|why| problems.push(config.source.problem(place, why)));
            made.ok().map(|control| (digest, control))
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let ready = Self {
            rules: config.rules,
            peers,
            control,
        };
        Ok((ready.control.is_some() || !ready.peers.is_empty()).then_some(ready))
    }

    /// The regions of the peers.
    pub(in crate::prober) fn there(&self) -> BTreeSet<RegionName> {
        regions_of(&self.peers)
    }
}

fn regions_of(peers: &[(Digest, Peer, Remote)]) -> BTreeSet<RegionName> {
    peers.iter().map(|(_, peer, _)| peer.region.clone()).collect()
}

fn digest_of(peer: &Peer) -> Digest {
    let token = peer.token.as_ref().and_then(|token| token.file());
    digest(peer, [token, peer.ca.as_deref()].into_iter().flatten())
}

/// What tells something from what it was, the content of these files included.
pub(in crate::prober) fn digest<'f>(of: &impl Debug, files: impl IntoIterator<Item = &'f Path>) -> Digest {
    let mut hasher = DefaultHasher::new();
    format!("{of:?}").hash(&mut hasher);
    for file in files {
        fs::read(file).ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// The tasks of a council; they end with it.
#[derive(Default)]
pub(in crate::prober) struct Sitting {
    peers: BTreeMap<RegionName, (Digest, JoinSet<()>)>,
    control: Option<(Digest, JoinSet<()>)>,
    deliberating: JoinSet<()>,
}

impl Council {
    /// Sits as is wanted from now on: what stays goes on undisturbed. Looks that are made for a confirmation go where
    /// all go; `probes` are those that are looked at.
    pub(in crate::prober) fn sit(
        self: &Arc<Self>,
        sitting: &mut Sitting,
        ready: Option<Ready>,
        probes: &[Scheduled],
        looks: &Sender<Tick>,
    ) {
        let is_wanted = ready.is_some();
        let ready = ready.unwrap_or_else(|| Ready {
            rules: Rules::usual(u32::try_from(self.here.len()).unwrap_or(u32::MAX)),
            peers: Vec::new(),
            control: None,
        });
        let there = ready.peers.iter().map(|(_, peer, _)| peer.region.clone());
        let regions = self.here.iter().cloned().chain(there);
        self.quorum().reform(ready.rules, regions);
        self.board
            .share(&self.here, &regions_of(&ready.peers), ready.rules.unseen_after);
        self.follow(sitting, ready.peers);
        self.keep_control(sitting, ready.control);
        let was_sitting = self.is_sitting.swap(is_wanted, Ordering::Relaxed);
        match (was_sitting, is_wanted) {
            (false, true) => {
                self.expect(probes);
                sitting
                    .deliberating
                    .spawn(deliberate(Arc::clone(self), looks.clone()));
            }
            (true, false) => {
                sitting.deliberating = JoinSet::new();
                self.expect(&[]);
            }
            _ => {}
        }
    }

    fn follow(self: &Arc<Self>, sitting: &mut Sitting, peers: Vec<(Digest, Peer, Remote)>) {
        let mut before = std::mem::take(&mut sitting.peers);
        for (digest, peer, remote) in peers {
            let old = before.remove(&peer.region);
            if let Some(same) = old.filter(|(old, _)| *old == digest) {
                sitting.peers.insert(peer.region, same);
                continue;
            }
            // Whoever was followed under this name is followed no more.
            self.quorum().forget(&peer.region);
            let (out, told) = mpsc::channel(MAX_TOLD);
            let mut tasks = JoinSet::new();
            tasks.spawn(gameday_probe::follow(remote, peer.region.clone(), 0, out));
            tasks.spawn(hear::hear(Arc::clone(self), peer.region.clone(), told));
            sitting.peers.insert(peer.region, (digest, tasks));
        }
    }

    fn keep_control(self: &Arc<Self>, sitting: &mut Sitting, control: Option<(Digest, Control)>) {
        let before = sitting.control.take();
        let Some((digest, control)) = control else {
            self.forget_control(None);
            return;
        };
        if let Some(same) = before.filter(|(old, _)| *old == digest) {
            sitting.control = Some(same);
            return;
        }
        self.forget_control(Some(&control));
        let mut tasks = JoinSet::new();
        tasks.spawn(control.keep(Arc::clone(self)));
        sitting.control = Some((digest, tasks));
    }

    /// Nothing is known yet of this target.
    fn forget_control(&self, control: Option<&Control>) {
        let answer = control.map(Control::answer);
        let mut quorum = self.quorum();
        for here in &self.here {
            quorum.know(here, |facts| facts.control = answer.as_ref().map(known));
        }
        drop(quorum);
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}
