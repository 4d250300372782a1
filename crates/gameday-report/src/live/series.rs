//! Values over time in a bounded number of buckets: when there are too many, two become one.

use serde::Serialize;

use super::Changed;

/// More buckets than a wide screen has columns for a lane.
const MOST: usize = 480;
const FIRST_WIDTH_MS: i64 = 500;
/// Whatever a journal claims, an axis is not longer than this.
const LONGEST_MS: i64 = 1 << 50;

/// What several values in one place become.
pub(crate) trait Cell: Clone {
    /// Takes another one in.
    fn join(&mut self, other: &Self);
}

/// A bucket that changed: its place, and what is in it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bucket<'a, T>(pub usize, pub &'a T);

/// Values over time.
#[derive(Debug, Clone)]
pub(crate) struct Series<T> {
    width_ms: i64,
    /// The event that last made two buckets one.
    reshaped: u64,
    buckets: Vec<Option<Changed<T>>>,
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self {
            width_ms: FIRST_WIDTH_MS,
            reshaped: 0,
            buckets: Vec::new(),
        }
    }
}

/// What changed of a series.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SeriesUpdate<'a, T> {
    width_ms: i64,
    /// True when these are all buckets, and what was there before is to be forgotten.
    whole: bool,
    cells: Vec<Bucket<'a, T>>,
}

impl<T: Cell> Series<T> {
    pub(crate) fn put(&mut self, seq: u64, at_ms: i64, value: &T) {
        let at_ms = at_ms.clamp(0, LONGEST_MS);
        while self.index(at_ms) >= MOST {
            self.halve(seq);
        }
        let index = self.index(at_ms);
        if self.buckets.len() <= index {
            self.buckets.resize_with(index + 1, || None);
        }
        match &mut self.buckets[index] {
            Some(bucket) => bucket.at(seq).join(value),
            empty => {
                let value = value.clone();
                *empty = Some(Changed { seq, value });
            }
        }
    }

    fn index(&self, at_ms: i64) -> usize {
        usize::try_from(at_ms / self.width_ms).unwrap_or(usize::MAX)
    }

    fn halve(&mut self, seq: u64) {
        self.width_ms *= 2;
        self.reshaped = seq;
        let old = std::mem::take(&mut self.buckets);
        for pair in old.chunks(2) {
            let mut one = pair[0].clone();
            match (&mut one, pair.get(1).and_then(Option::as_ref)) {
                (Some(one), Some(other)) => {
                    one.value.join(&other.value);
                    one.seq = one.seq.max(other.seq);
                }
                (None, Some(other)) => one = Some(other.clone()),
                (_, None) => {}
            }
            self.buckets.push(one);
        }
    }

    /// What changed after an event, if anything did.
    pub(crate) fn since(&self, seq: Option<u64>) -> SeriesUpdate<'_, T> {
        let whole = seq.is_none_or(|seq| self.reshaped > seq);
        let news = |changed: u64| whole || seq.is_none_or(|seq| changed > seq);
        let cells = self.cells().filter(|(_, bucket)| news(bucket.seq));
        SeriesUpdate {
            width_ms: self.width_ms,
            whole,
            cells: cells.map(|(at, bucket)| Bucket(at, &bucket.value)).collect(),
        }
    }

    fn cells(&self) -> impl Iterator<Item = (usize, &Changed<T>)> {
        self.buckets
            .iter()
            .enumerate()
            .filter_map(|(at, bucket)| Some((at, bucket.as_ref()?)))
    }

    /// Each bucket that holds something, with where it begins.
    pub(crate) fn values(&self) -> impl Iterator<Item = (i64, &T)> {
        let width = self.width_ms;
        self.cells()
            .map(move |(at, bucket)| (i64::try_from(at).unwrap_or(0) * width, &bucket.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Cell for i64 {
        fn join(&mut self, other: &Self) {
            *self = (*self).max(*other);
        }
    }

    #[test]
    fn an_hour_or_a_year_fits_and_no_worst_value_is_lost() {
        let mut series = Series::<i64>::default();
        for (seq, second) in (0..36_000_i64).enumerate() {
            series.put(seq as u64, second * 100, &i64::from(second == 17_777));
        }
        assert!(series.buckets.len() <= MOST);
        let worst: Vec<i64> = series
            .values()
            .filter(|(_, value)| **value == 1)
            .map(|(at, _)| at)
            .collect();
        assert_eq!(worst.len(), 1);
        assert!(
            worst[0] <= 1_777_700 && 1_777_700 < worst[0] + series.width_ms,
            "{worst:?}"
        );
        series.put(36_000, i64::MAX, &0);
        assert!(series.buckets.len() <= MOST);
    }

    #[test]
    fn what_changed_since_brings_an_older_state_to_now() {
        let mut series = Series::<i64>::default();
        let mut mirror: Vec<Option<i64>> = Vec::new();
        let mut known = None;
        for seq in 0..5_000_u64 {
            let at = i64::try_from(seq).unwrap() * 130;
            series.put(seq, at, &(at % 977));
            // Some updates are missed: the connection was lost.
            if seq % 7 != 0 {
                continue;
            }
            let update = series.since(known);
            known = Some(seq);
            if update.whole {
                mirror.clear();
            }
            for Bucket(at, value) in update.cells {
                mirror.resize(mirror.len().max(at + 1), None);
                mirror[at] = Some(*value);
            }
            let now: Vec<Option<i64>> = series
                .buckets
                .iter()
                .map(|one| Some(one.as_ref()?.value))
                .collect();
            assert_eq!(mirror, now, "at {seq}");
        }
    }
}
