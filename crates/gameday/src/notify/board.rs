//! Which alerts fire now, and what each receiver knows of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gameday_alert::Severity;
use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::config::Receiver;
use super::notice::Notice;
use super::outbox::{Next, Outbox, Sent};
use super::quiet::Quiet;

/// What a receiver was told of alerts that fire, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told(pub(crate) BTreeMap<String, Vec<Notice>>);

/// The board, shared by those who write on it and a worker for each receiver.
pub(crate) struct Board {
    receivers: Vec<Arc<Receiver>>,
    quiet: Option<Quiet>,
    state: Mutex<State>,
    /// One for each receiver.
    changed: Vec<Notify>,
    /// What was told has changed, and should be written down.
    pub(crate) told_changed: Notify,
}

struct State {
    wanted: BTreeMap<String, Notice>,
    outboxes: Vec<Outbox>,
    counts: Vec<Counts>,
}

/// What a receiver was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) firing: u64,
    pub(crate) resolved: u64,
    /// Attempts that failed.
    pub(crate) failures: u64,
    /// Messages that were given up.
    pub(crate) given_up: u64,
    /// Messages that wait.
    pub(crate) waiting: usize,
}

impl Board {
    /// A board with what was told before a restart; of a receiver that is no more, nothing is kept.
    pub(crate) fn new(receivers: Vec<Receiver>, quiet: Option<Quiet>, mut told: Told) -> Self {
        let outboxes = receivers.iter().map(|receiver| {
            let told = told.0.remove(&receiver.name).unwrap_or_default();
            Outbox::restore(told)
        });
        Self {
            state: Mutex::new(State {
                wanted: BTreeMap::new(),
                outboxes: outboxes.collect(),
                counts: vec![Counts::default(); receivers.len()],
            }),
            changed: receivers.iter().map(|_| Notify::new()).collect(),
            receivers: receivers.into_iter().map(Arc::new).collect(),
            quiet,
            told_changed: Notify::new(),
        }
    }

    pub(crate) fn receivers(&self) -> &[Arc<Receiver>] {
        &self.receivers
    }

    /// Says that an alert fires; of one that fires already nothing changes.
    pub(crate) fn fires(&self, notice: Notice) {
        let mut state = self.lock();
        let known = state.wanted.get(&notice.key);
        if known.is_some_and(|known| known.ends_at.is_none() && known.starts_at == notice.starts_at) {
            return;
        }
        state.wanted.insert(notice.key.clone(), notice);
        self.wake();
    }

    /// Whether it was said of an alert that it fires.
    pub(crate) fn is_firing(&self, key: &str) -> bool {
        let state = self.lock();
        state
            .wanted
            .get(key)
            .is_some_and(|notice| notice.ends_at.is_none())
    }

    /// Says that an alert is over, or has no probe any more.
    pub(crate) fn is_over(&self, key: &str, now: Timestamp) {
        let mut state = self.lock();
        let Some(notice) = state
            .wanted
            .get_mut(key)
            .filter(|notice| notice.ends_at.is_none())
        else {
            return;
        };
        notice.ends_at = Some(now);
        state.prune();
        self.wake();
    }

    /// What a receiver is to be told next.
    pub(super) fn next(&self, receiver: usize) -> Next {
        let now = Timestamp::now();
        let quiet = self.quiet.as_ref().is_some_and(|quiet| quiet.holds(now));
        let severities = &self.receivers[receiver].severities;
        let hears = |severity| severities.contains(&severity) && !(quiet && severity == Severity::Ticket);
        let state = self.lock();
        state.outboxes[receiver].next(&state.wanted, hears, (Instant::now(), now))
    }

    /// Takes down how an attempt ended; true when the message was given up.
    pub(super) fn sent(&self, receiver: usize, notice: &Notice, how: &Sent) -> bool {
        let mut state = self.lock();
        let given_up = state.outboxes[receiver].sent(notice, how, Instant::now());
        let counts = &mut state.counts[receiver];
        match how {
            Sent::Taken if notice.ends_at.is_none() => counts.firing += 1,
            Sent::Taken => counts.resolved += 1,
            Sent::Later { .. } | Sent::Never { .. } => counts.failures += 1,
        }
        counts.given_up += u64::from(given_up);
        state.prune();
        drop(state);
        if *how == Sent::Taken {
            self.told_changed.notify_one();
        }
        given_up
    }

    /// Waits until something on the board changes.
    pub(super) async fn changed(&self, receiver: usize) {
        self.changed[receiver].notified().await;
    }

    /// What is to be written down.
    pub(crate) fn told(&self) -> Told {
        let state = self.lock();
        let told = self.receivers.iter().zip(&state.outboxes);
        Told(
            told.map(|(receiver, outbox)| (receiver.name.clone(), outbox.told().cloned().collect()))
                .collect(),
        )
    }

    /// The name of each receiver, and what it was sent.
    pub(crate) fn counts(&self) -> Vec<(String, Counts)> {
        let (state, now) = (self.lock(), Timestamp::now());
        let each = self.receivers.iter().zip(&state.counts).zip(&state.outboxes);
        each.map(|((receiver, counts), outbox)| {
            let waiting = outbox.waiting(&state.wanted, now);
            (receiver.name.clone(), Counts { waiting, ..*counts })
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changed.iter().for_each(Notify::notify_one);
    }
}

impl State {
    /// Forgets what is over and known to everybody who was told that it began.
    fn prune(&mut self) {
        let outboxes = &self.outboxes;
        self.wanted.retain(|key, notice| {
            notice.ends_at.is_none() || outboxes.iter().any(|outbox| outbox.has_told(key))
        });
        let wanted = &self.wanted;
        self.outboxes.iter_mut().for_each(|outbox| outbox.prune(wanted));
    }
}
