//! Which alerts fire now, and what each receiver knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gameday_alert::Severity;
use gameday_core::{RegionName, Timestamp};
use gameday_probe::{NoticeAnswer, NoticeStage};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::config::Receiver;
use super::notice::Notice;
use super::outbox::{Next, Outbox, Sent};
use super::quiet::Quiet;
use super::turn::{Matter, Turn, Turns};
use crate::output;

/// What a receiver was told of alerts that fire, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told(pub(crate) BTreeMap<String, Vec<Notice>>);

/// The board, shared by those who write on it and a worker for each receiver.
#[derive(Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    /// What was told has changed, and should be written down.
    pub(crate) told_changed: Notify,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<String, Notice>,
    quiet: Option<Quiet>,
    seats: BTreeMap<Seat, Seated>,
    seats_so_far: u64,
    turns: Turns,
    /// What receivers that have no seat yet were told before a restart.
    kept: Told,
}

/// A receiver's for as long as its name stays in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat(u64);

struct Seated {
    receiver: Arc<Receiver>,
    outbox: Outbox,
    counts: Counts,
    changed: Arc<Notify>,
}

/// More are not made known to other regions: of what is beyond, each tells for itself.
const MOST_NOTICES: usize = 1000;

fn matter(receiver: &Receiver, notice: &Notice) -> Matter {
    (receiver.name.clone(), notice.key.clone())
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
    /// What was told before a restart, for the receivers that are seated next.
    pub(crate) fn restore(&self, told: Told) {
        self.lock().kept = told;
    }

    /// These receivers are told from now on; one whose name stays goes on with what it was told. Returns the new seats,
    /// each of which wants a worker.
    pub(crate) fn seat(&self, receivers: Vec<Receiver>, quiet: Option<Quiet>) -> Vec<Seat> {
        let mut state = self.lock();
        state.quiet = quiet;
        let mut before = std::mem::take(&mut state.seats);
        before.values().for_each(|seated| seated.changed.notify_one());
        let mut new = Vec::new();
        for receiver in receivers {
            let old = before.iter().find(|(_, old)| old.receiver.name == receiver.name);
            let old = old.map(|(seat, _)| *seat);
            if let Some((seat, mut seated)) = old.and_then(|seat| before.remove_entry(&seat)) {
                seated.receiver = Arc::new(receiver);
                seated.outbox.try_again();
                state.seats.insert(seat, seated);
                continue;
            }
            let told = state.kept.0.remove(&receiver.name).unwrap_or_default();
            state.seats_so_far += 1;
            let seat = Seat(state.seats_so_far);
            let seated = Seated {
                receiver: Arc::new(receiver),
                outbox: Outbox::restore(told),
                counts: Counts::default(),
                changed: Arc::default(),
            };
            state.seats.insert(seat, seated);
            new.push(seat);
        }
        // Of a receiver that is no more, nothing is kept.
        state.kept.0.clear();
        state.prune();
        new
    }

    /// Says that an alert fires; of one that fires already nothing changes.
    pub(crate) fn fires(&self, notice: Notice) {
        let mut state = self.lock();
        let known = state.wanted.get(&notice.key);
        if known.is_some_and(|known| known.ends_at.is_none() && known.starts_at == notice.starts_at) {
            return;
        }
        state.wanted.insert(notice.key.clone(), notice);
        state.wake();
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
        state.wake();
    }

    /// What a receiver is to be told next; none when it has no seat any more.
    pub(super) fn next(&self, seat: Seat) -> Option<(Arc<Receiver>, Next)> {
        let (instant, now) = (Instant::now(), Timestamp::now());
        let mut state = self.lock();
        let quiet = state.quiet.as_ref().is_some_and(|quiet| quiet.holds(now));
        let State {
            seats, wanted, turns, ..
        } = &mut *state;
        let Seated { receiver, outbox, .. } = seats.get_mut(&seat)?;
        for key in turns.lapsed(&receiver.name, instant) {
            outbox.untell(&key);
        }
        let severities = &receiver.severities;
        let hears = |severity| severities.contains(&severity) && !(quiet && severity == Severity::Ticket);
        let mut inherited = Vec::new();
        let turn = |notice: &Notice| {
            let matter = matter(receiver, notice);
            if notice.ends_at.is_some() {
                return turns.over(&matter, instant);
            }
            match turns.firing(&matter, instant) {
                Turn::Inherit => {
                    inherited.push(notice.clone());
                    Turn::Later
                }
                turn => turn,
            }
        };
        let next = outbox.next(wanted, hears, turn, (instant, now));
        for notice in inherited {
            let matter = matter(receiver, &notice);
            let by = turns
                .told_by(&matter)
                .map_or("another region", RegionName::as_str);
            output::say(&format!(
                "notify: {} was told by {by}, which cannot be seen: its end is told from here ({})",
                receiver.name, notice.summary
            ));
            turns.ended(&matter, true);
            outbox.inherit(&notice);
            self.told_changed.notify_one();
        }
        if let Next::Send(notice) = &next {
            turns.tells(&matter(receiver, notice));
        }
        Some((Arc::clone(receiver), next))
    }

    /// Takes down how an attempt ended; true when the message was given up.
    pub(super) fn sent(&self, seat: Seat, notice: &Notice, how: &Sent) -> bool {
        let mut state = self.lock();
        let State { seats, turns, .. } = &mut *state;
        let Some(seated) = seats.get_mut(&seat) else {
            return false;
        };
        turns.ended(&matter(&seated.receiver, notice), false);
        let given_up = seated.outbox.sent(notice, how, Instant::now());
        let counts = &mut seated.counts;
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

    /// These probers of other regions tell the same receivers of the same alerts; one that was not heard for `limit` is gone.
    pub(crate) fn share(&self, here: &[RegionName], peers: &BTreeSet<RegionName>, limit: Duration) {
        let mut state = self.lock();
        state.turns.sit(here, peers, limit, Instant::now());
        state.wake();
    }

    /// A prober of another region says how far it is.
    pub(crate) fn heard(&self, region: &RegionName, notices: &[NoticeAnswer]) {
        self.lock().turns.heard(region, notices, Instant::now());
    }

    /// How far we are, for the probers of other regions.
    pub(crate) fn notices(&self) -> Vec<NoticeAnswer> {
        let state = self.lock();
        let mut notices = Vec::new();
        for seated in state.seats.values() {
            let left = MOST_NOTICES - notices.len();
            notices.extend(state.notices_of(seated).take(left));
        }
        notices
    }

    /// Waits until something on the board changes.
    pub(super) async fn changed(&self, seat: Seat) {
        let changed = self
            .lock()
            .seats
            .get(&seat)
            .map(|seated| Arc::clone(&seated.changed));
        if let Some(changed) = changed {
            changed.notified().await;
        }
    }

    /// What is to be written down.
    pub(crate) fn told(&self) -> Told {
        let state = self.lock();
        let told = state.seats.values().map(|seated| {
            let told = seated.outbox.told().cloned().collect();
            (seated.receiver.name.clone(), told)
        });
        Told(told.collect())
    }

    /// The name of each receiver, and what it was sent.
    pub(crate) fn counts(&self) -> Vec<(String, Counts)> {
        let (state, now) = (self.lock(), Timestamp::now());
        let each = state.seats.values().map(|seated| {
            let waiting = seated.outbox.waiting(&state.wanted, now);
            let counts = Counts {
                waiting,
                ..seated.counts
            };
            (seated.receiver.name.clone(), counts)
        });
        each.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn notices_of<'s>(&'s self, seated: &'s Seated) -> impl Iterator<Item = NoticeAnswer> + 's {
        let severities = &seated.receiver.severities;
        let wanted = self.wanted.values();
        let heard = wanted.filter(|notice| severities.contains(&notice.severity));
        // Of a probe that is looked at no more.
        let told = seated.outbox.told();
        let gone = told.filter(|told| !self.wanted.contains_key(&told.key));
        heard.chain(gone).filter_map(|notice| {
            let wanted = self.wanted.get(&notice.key);
            let fires = wanted.is_some_and(|notice| notice.ends_at.is_none());
            let is_told = seated.outbox.has_told(&notice.key);
            let stage = match is_told {
                true => NoticeStage::Told,
                false => self.turns.stage(&matter(&seated.receiver, notice)),
            };
            (fires || is_told).then(|| NoticeAnswer {
                key: notice.key.clone(),
                receiver: seated.receiver.name.clone(),
                fires,
                stage,
            })
        })
    }

    fn wake(&self) {
        self.seats.values().for_each(|seated| seated.changed.notify_one());
    }

    /// Forgets what is over and known to everybody who was told that it began.
    fn prune(&mut self) {
        let seats = &self.seats;
        let knows = |key: &String| seats.values().any(|seated| seated.outbox.has_told(key));
        self.wanted
            .retain(|key, notice| notice.ends_at.is_none() || knows(key));
        let wanted = &self.wanted;
        self.turns.retain(|key| wanted.contains_key(key));
        self.seats
            .values_mut()
            .for_each(|seated| seated.outbox.prune(wanted));
    }
}
