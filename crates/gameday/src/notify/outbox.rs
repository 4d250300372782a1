//! What one receiver has been told, and what it is to be told next. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gameday_alert::Severity;
use gameday_core::Timestamp;

use super::notice::Notice;
use super::turn::Turn;

/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A receiver may ask for a longer pause, but not for a longer one than this.
const LONGEST_ASKED: Duration = Duration::from_mins(5);
/// After so many failures, a quarter of an hour or more, a message is given up.
pub(super) const MOST_TRIES: u32 = 20;

/// One receiver's.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By key: what it was told of alerts that, as far as it knows, fire.
    told: BTreeMap<String, Notice>,
    tries: BTreeMap<String, Tries>,
}

/// Failures of one message.
#[derive(Debug)]
struct Tries {
    /// Which message: when the alert began, and whether it is over.
    of: (Timestamp, bool),
    count: u32,
    /// None when it was given up.
    next: Option<Instant>,
}

/// How soon it is looked again whether it is our turn.
const TURN_PAUSE: Duration = Duration::from_millis(250);

/// What to do now.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Send(Box<Notice>),
    /// Something waits until then.
    Wait(Instant),
    Nothing,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Taken,
    /// It may be taken later; the receiver may have said when.
    Later {
        why: String,
        after: Option<Duration>,
    },
    /// It would never be taken.
    Never {
        why: String,
    },
}

impl Outbox {
    pub(super) fn restore(told: Vec<Notice>) -> Self {
        Self {
            told: told
                .into_iter()
                .map(|notice| (notice.key.clone(), notice))
                .collect(),
            tries: BTreeMap::new(),
        }
    }

    /// Who is told is reached in another way: what failed before may be taken now.
    pub(super) fn try_again(&mut self) {
        self.tries.clear();
    }

    pub(super) fn told(&self) -> impl Iterator<Item = &Notice> {
        self.told.values()
    }

    /// A peer has told it and was taken over from.
    pub(super) fn inherit(&mut self, notice: &Notice) {
        self.told.insert(notice.key.clone(), notice.clone());
    }

    /// What was told of it is over for the receiver.
    pub(super) fn untell(&mut self, key: &str) {
        self.told.remove(key);
    }

    pub(super) fn has_told(&self, key: &str) -> bool {
        self.told.contains_key(key)
    }

    /// What is to be told, pages first; `hears` says whether the receiver takes a severity now, `turn` whether it is
    /// our turn to tell it.
    pub(super) fn next(
        &self,
        wanted: &BTreeMap<String, Notice>,
        hears: impl Fn(Severity) -> bool,
        mut turn: impl FnMut(&Notice) -> Turn,
        (instant, now): (Instant, Timestamp),
    ) -> Next {
        let mut earliest: Option<Instant> = None;
        let mut due: Option<Notice> = None;
        for notice in self.due(wanted, now).filter(|notice| hears(notice.severity)) {
            match self.tries_of(&notice) {
                Some(Tries { next: None, .. }) => {}
                Some(Tries { next: Some(at), .. }) if *at > instant => {
                    earliest = Some(earliest.map_or(*at, |other| other.min(*at)));
                }
                _ if turn(&notice) == Turn::Later => {
                    let soon = instant + TURN_PAUSE;
                    earliest = Some(earliest.map_or(soon, |other| other.min(soon)));
                }
                _ => {
                    let first = due.as_ref().is_none_or(|other| {
                        (notice.severity, notice.starts_at) < (other.severity, other.starts_at)
                    });
                    if first {
                        due = Some(notice);
                    }
                }
            }
        }
        match (due, earliest) {
            (Some(notice), _) => Next::Send(Box::new(notice)),
            (None, Some(at)) => Next::Wait(at),
            (None, None) => Next::Nothing,
        }
    }

    /// How many messages wait, those that were given up left out.
    pub(super) fn waiting(&self, wanted: &BTreeMap<String, Notice>, now: Timestamp) -> usize {
        let due = self.due(wanted, now);
        due.filter(|notice| self.tries_of(notice).is_none_or(|tries| tries.next.is_some()))
            .count()
    }

    /// The difference between what is wanted and what was told.
    fn due<'a>(
        &'a self,
        wanted: &'a BTreeMap<String, Notice>,
        now: Timestamp,
    ) -> impl Iterator<Item = Notice> + 'a {
        let fires = |notice: &&Notice| notice.ends_at.is_none();
        let begun = wanted.values().filter(fires).filter(|notice| {
            let told = self.told.get(&notice.key);
            told.is_none_or(|told| told.starts_at != notice.starts_at)
        });
        let over = self
            .told
            .values()
            .filter_map(move |told| match wanted.get(&told.key) {
                Some(notice) => Some(told.over(notice.ends_at?)),
                // Its probe is looked at no more.
                None => Some(told.over(now)),
            });
        begun.cloned().chain(over)
    }

    fn tries_of(&self, notice: &Notice) -> Option<&Tries> {
        let of = (notice.starts_at, notice.ends_at.is_some());
        self.tries.get(&notice.key).filter(|tries| tries.of == of)
    }

    /// Takes down how an attempt ended; true when the message was given up.
    pub(super) fn sent(&mut self, notice: &Notice, how: &Sent, now: Instant) -> bool {
        let key = &notice.key;
        let count = self.tries_of(notice).map_or(0, |tries| tries.count) + 1;
        let next = match how {
            Sent::Taken => {
                self.tries.remove(key);
                match notice.ends_at {
                    None => self.told.insert(key.clone(), notice.clone()),
                    Some(_) => self.told.remove(key),
                };
                return false;
            }
            Sent::Later { after, .. } if count < MOST_TRIES => {
                let doubled = FIRST_PAUSE * 2_u32.saturating_pow((count - 1).min(16));
                let asked = after.unwrap_or_default().min(LONGEST_ASKED);
                Some(now + doubled.min(LONGEST_PAUSE).max(asked))
            }
            Sent::Later { .. } | Sent::Never { .. } => None,
        };
        let of = (notice.starts_at, notice.ends_at.is_some());
        self.tries.insert(key.clone(), Tries { of, count, next });
        next.is_none()
    }

    /// Forgets failures of alerts that nobody knows any more.
    pub(super) fn prune(&mut self, wanted: &BTreeMap<String, Notice>) {
        let told = &self.told;
        self.tries
            .retain(|key, _| wanted.contains_key(key) || told.contains_key(key));
    }
}

#[cfg(test)]
mod tests;
