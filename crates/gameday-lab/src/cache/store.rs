//! The embedded cache's keys: in memory, bounded, each with its expiry.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The oldest keys make room beyond this many.
const MAX_KEYS: usize = 50_000;

/// All keys, and the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: HashMap<Vec<u8>, Entry>,
    /// A key stands here once for each time it was set; only its last place counts.
    order: VecDeque<(Vec<u8>, u64)>,
    sets: u64,
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    expires: Option<Instant>,
    set: u64,
}

impl Store {
    /// The value of a key that has not expired at `now`.
    pub(super) fn get(&mut self, key: &[u8], now: Instant) -> Option<&[u8]> {
        let expired = |entry: &Entry| entry.expires.is_some_and(|at| at <= now);
        if self.entries.get(key).is_some_and(expired) {
            self.entries.remove(key);
        }
        self.entries.get(key).map(|entry| entry.value.as_slice())
    }

    /// Sets a key, for ever or for some time from `now`.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>, lasts: Option<Duration>, now: Instant) {
        self.sets += 1;
        // A time beyond what a clock can say is for ever.
        let expires = lasts.and_then(|lasts| now.checked_add(lasts));
        self.order.push_back((key.clone(), self.sets));
        let set = self.sets;
        self.entries.insert(key, Entry { value, expires, set });
        while self.order.len() > MAX_KEYS {
            let (oldest, set) = self.order.pop_front().expect("it is not empty");
            if self.entries.get(&oldest).is_some_and(|entry| entry.set == set) {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Removes a key; true if it was there.
    pub(super) fn delete(&mut self, key: &[u8], now: Instant) -> bool {
        let there = self.get(key, now).is_some();
        self.entries.remove(key);
        there
    }

    /// How many keys there are, those that have expired and were not asked for since included.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_gone_when_it_has_expired() {
        let (mut store, now) = (Store::default(), Instant::now());
        store.set(b"k".into(), b"v".into(), Some(Duration::from_secs(2)), now);
        assert_eq!(store.get(b"k", now + Duration::from_secs(1)), Some(&b"v"[..]));
        assert_eq!(store.get(b"k", now + Duration::from_secs(2)), None);
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn the_oldest_key_makes_room_and_one_set_again_is_young() {
        let (mut store, now) = (Store::default(), Instant::now());
        let name = |n: usize| format!("k{n}").into_bytes();
        store.set(name(0), vec![], None, now);
        store.set(name(1), vec![], None, now);
        store.set(name(0), vec![], None, now);
        for n in 2..=MAX_KEYS {
            store.set(name(n), vec![], None, now);
        }
        assert_eq!(store.get(&name(1), now), None);
        assert!(store.get(&name(0), now).is_some());
        assert!(store.len() <= MAX_KEYS && store.order.len() <= MAX_KEYS);
    }
}
