//! What was seen, in buckets: as fine as each window needs, and of a size that does not grow.

use std::collections::VecDeque;
use std::time::Duration;

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::pair::pairs_for;

/// Buckets in a short window: what it holds is known to a tenth of it.
const SHORT_BUCKETS: u32 = 10;
/// Buckets in the objective's own window.
const WHOLE_BUCKETS: u32 = 120;

/// No time is later than this, in microseconds since 1970: three thousand years.
const MAX_MICROS: i64 = 100_000_000_000_000_000;

/// Looks, or requests, of some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u32; 3]", from = "[u32; 3]")]
pub struct Tally {
    /// As promised.
    pub good: u32,
    /// Not as promised.
    pub bad: u32,
    /// They were due, and nobody knows what they would have said. They are no errors.
    pub unseen: u32,
}

impl From<Tally> for [u32; 3] {
    fn from(tally: Tally) -> Self {
        [tally.good, tally.bad, tally.unseen]
    }
}

impl From<[u32; 3]> for Tally {
    fn from([good, bad, unseen]: [u32; 3]) -> Self {
        Self { good, bad, unseen }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.unseen = self.unseen.saturating_add(other.unseen);
    }
}

/// The sum of a window. Of its oldest bucket only the share that is within it counts, so these are no integers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) good: f64,
    pub(super) bad: f64,
    pub(super) unseen: f64,
}

/// What is remembered for one objective: some 600 buckets, however often it is looked.
///
/// The wall clock is its time, since it outlives the process. A clock that is put back makes it forget
/// what lies in the future.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One for each pair, in its order, and one for the objective's window.
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Level {
    /// A bucket's length in microseconds.
    width: i64,
    /// The first bucket's number: its start over `width`.
    first: i64,
    buckets: VecDeque<Tally>,
}

impl History {
    /// Nothing yet, for an objective over `window`.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        let pairs = pairs_for(window).map(|pair| Level::new(pair.short / SHORT_BUCKETS));
        let whole = Level::new(window / WHOLE_BUCKETS);
        Self {
            levels: pairs.into_iter().chain([whole]).collect(),
        }
    }

    /// Whether this is of an objective over `window`, and no larger than it may be: one that was read from a
    /// file may be anything.
    #[must_use]
    pub fn fits(&self, window: Duration) -> bool {
        let fresh = Self::new(window);
        self.levels.len() == fresh.levels.len()
            && self.levels.iter().zip(&fresh.levels).all(|(own, fresh)| {
                own.width == fresh.width
                    && own.buckets.len() <= Level::KEPT
                    && (0..MAX_MICROS / own.width).contains(&own.first)
            })
    }

    /// Counts what was seen at a time.
    pub fn add(&mut self, at: Timestamp, tally: Tally) {
        for level in &mut self.levels {
            level.add(at.as_micros(), tally);
        }
    }

    /// What the last `window` holds, from the level of a pair, or from the last one.
    pub(super) fn sum(&self, level: usize, now: Timestamp, window: Duration) -> Sum {
        self.levels[level].sum(now.as_micros(), micros(window))
    }
}

impl Level {
    /// A long window is twelve short ones; the oldest of its buckets is within it in part.
    const KEPT: usize = 121;

    fn new(width: Duration) -> Self {
        Self {
            width: micros(width).max(1),
            first: 0,
            buckets: VecDeque::new(),
        }
    }

    fn add(&mut self, at: i64, tally: Tally) {
        let number = at.div_euclid(self.width);
        self.reach(number);
        if let Some(newest) = self.buckets.back_mut() {
            newest.add(tally);
        }
    }

    /// Makes the newest bucket that of `number`.
    fn reach(&mut self, number: i64) {
        let newest = |level: &Self| level.first.saturating_add_unsigned(level.buckets.len() as u64) - 1;
        // A clock that is put back a little is no reason to forget the newest bucket.
        let back = newest(self).saturating_sub(number);
        if back > 1 {
            let kept = self
                .buckets
                .len()
                .saturating_sub(usize::try_from(back).unwrap_or(usize::MAX));
            self.buckets.truncate(kept);
        }
        let gap = number.saturating_sub(newest(self));
        if self.buckets.is_empty() || gap > Self::KEPT as i64 {
            self.buckets.clear();
            self.first = number;
            self.buckets.push_back(Tally::default());
            return;
        }
        for _ in 0..gap {
            self.buckets.push_back(Tally::default());
        }
        while self.buckets.len() > Self::KEPT {
            self.buckets.pop_front();
            self.first += 1;
        }
    }

    fn sum(&self, now: i64, window: i64) -> Sum {
        let begin = now - window;
        let mut sum = Sum::default();
        for (number, tally) in (self.first..).zip(&self.buckets) {
            let end = number.saturating_add(1).saturating_mul(self.width);
            let share = (ratio(end.saturating_sub(begin), self.width)).clamp(0.0, 1.0);
            sum.good += f64::from(tally.good) * share;
            sum.bad += f64::from(tally.bad) * share;
            sum.unseen += f64::from(tally.unseen) * share;
        }
        sum
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share need not be exact to the microsecond"
)]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}
