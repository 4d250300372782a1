//! The schedule on threads of its own: each has a part of the probes, and a look never leaves its thread.
//!
//! A runtime whose threads share their work wakes the other one for nearly every look, which costs more than the look's own
//! work: with 10,000 probes every 10 s a fifth of all.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::num::NonZero;
use std::thread;

use tokio::sync::mpsc::Sender;
use tokio::sync::{oneshot, watch};

use super::{Scheduled, Tick, schedule_share};

/// So many looks a second are one thread's; a second thread costs them a fifth more of CPU time, as
/// neither is then busy enough to find several sockets ready at once.
const LOOKS_A_LANE: f64 = 2000.0;

/// The same as [`schedule_changing`](super::schedule_changing), on threads of its own: as many as the
/// first list needs, and no more than there are cores.
///
/// # Panics
/// When a thread cannot be started, and when a look panicked on one.
pub async fn schedule_on_lanes(probes: watch::Receiver<Vec<Scheduled>>, out: Sender<Tick>) {
    let of = lanes(&probes.borrow());
    let mut lanes: Vec<_> = (0..of)
        .map(|index| Lane::start(Share { index, of }, probes.clone(), out.clone()))
        .collect();
    for lane in &mut lanes {
        // A lane ends when nobody listens; one that ends otherwise must not look like silence.
        assert!((&mut lane.ended).await.is_ok(), "a thread of looks panicked");
    }
}

/// How many threads a list needs.
fn lanes(probes: &[Scheduled]) -> usize {
    let rate: f64 = probes.iter().map(|one| one.every.as_secs_f64().recip()).sum();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    (1..cores)
        .find(|&lanes| rate <= lanes as f64 * LOOKS_A_LANE)
        .unwrap_or(cores)
}

/// Which probes belong to a lane: always the same ones, so that a reload moves none.
#[derive(Clone, Copy)]
pub(super) struct Share {
    index: usize,
    of: usize,
}

impl Share {
    /// Every probe.
    pub(super) const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a probe is of this share.
    fn has(self, scheduled: &Scheduled) -> bool {
        let mut hasher = DefaultHasher::new();
        (scheduled.probe.as_str(), scheduled.region.as_str()).hash(&mut hasher);
        hasher.finish() % self.of as u64 == self.index as u64
    }

    /// This share of a list.
    pub(super) fn of(self, probes: &[Scheduled]) -> Vec<Scheduled> {
        let mine = probes.iter().filter(|scheduled| self.has(scheduled));
        mine.cloned().collect()
    }
}

/// A thread that looks until this is dropped or nobody listens.
struct Lane {
    ended: oneshot::Receiver<()>,
    _stop: oneshot::Sender<()>,
}

impl Lane {
    fn start(share: Share, probes: watch::Receiver<Vec<Scheduled>>, out: Sender<Tick>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime needs nothing that a process that got this far lacks");
            runtime.block_on(async {
                tokio::select! {
                    () = schedule_share(share, probes, out) => {}
                    _ = stopped => {}
                }
            });
            // Whoever waited may be gone.
            end.send(()).ok();
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name(format!("looks-{}", share.index))
            .spawn(run)
            .expect("a thread can be started");
        Self { ended, _stop: stop }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::super::tests::{named, slow};
    use super::*;

    #[test]
    fn each_probe_belongs_to_one_share() {
        let probe = slow(0);
        let all: Vec<_> = (0..100)
            .map(|number| named(&probe, &format!("p{number}")))
            .collect();
        let shares: Vec<_> = (0..3).map(|index| Share { index, of: 3 }.of(&all)).collect();
        assert!(
            shares.iter().all(|share| share.len() > 10),
            "none is nearly empty"
        );
        let mut names: Vec<_> = shares.iter().flatten().map(|one| one.probe.to_string()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 100);
        assert_eq!(Share::WHOLE.of(&all).len(), 100);
    }

    #[test]
    fn a_second_lane_is_for_more_looks_than_one_takes() {
        let probe = slow(0);
        let of = |count: usize| lanes(&vec![named(&probe, "p"); count]);
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        // Each of them every 20 ms.
        assert_eq!(
            [of(0), of(40), of(41), of(4000)],
            [1, 1, 2.min(cores), cores.min(100)]
        );
    }

    #[tokio::test]
    async fn all_lanes_look_and_end_with_their_owner() {
        let probe = slow(1);
        // 3,000 looks a second: more than one lane's.
        let all: Vec<_> = (0..60)
            .map(|number| named(&probe, &format!("p{number}")))
            .collect();
        let (_keep, probes) = watch::channel(all);
        let (out, mut ticks) = mpsc::channel(64);
        let mut owner = tokio::task::JoinSet::new();
        owner.spawn(schedule_on_lanes(probes, out));
        let mut heard = std::collections::BTreeSet::new();
        while heard.len() < 60 {
            let tick = timeout(Duration::from_secs(20), ticks.recv()).await.unwrap();
            if let Some(Tick::Done { probe, .. }) = tick {
                heard.insert(probe.to_string());
            }
        }
        drop(owner);
        // Every sender is gone only when every thread has let go of its own.
        let silence = async { while ticks.recv().await.is_some() {} };
        timeout(Duration::from_secs(20), silence).await.unwrap();
    }
}
