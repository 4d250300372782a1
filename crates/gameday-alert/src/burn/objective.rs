//! An objective held against what was seen: how much of its budget is left, and how fast it burns.

use std::time::Duration;

use gameday_core::Timestamp;

use super::history::{History, Sum};
use super::pair::{Pair, ROUNDING, pairs_for};

/// Fewer failures than these in its long window never make an alert. Where there are few looks, one that failed
/// is a burn rate of hundreds (SRE Workbook, chapter 5, "Low-Traffic Services").
pub const MIN_FAILURES: f64 = 3.0;

/// A promise: a share of all looks, over a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The share that must be good, from 0 to 1 and below 1.
    pub target: f64,
    /// The time over which it is counted.
    pub window: Duration,
    /// How many looks a second there should be; none when nobody knows, as with requests of users.
    ///
    /// Where it is known, a time in which there were fewer, because nobody looked yet, counts as good: the first
    /// failure of a new prober is not 100 % of the last hour.
    pub looks_per_second: Option<f64>,
}

/// How fast a budget is spent in both windows of a pair; none for a window in which nothing was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burn {
    /// The windows, and the rate that alerts.
    pub pair: Pair,
    /// The burn rate over the long window.
    pub long: Option<f64>,
    /// The burn rate over the short window.
    pub short: Option<f64>,
    /// Failures within the long window.
    pub failures: f64,
}

/// What an objective is worth at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The share of the budget that is left: 1 when nothing failed, negative when it is overspent.
    pub budget_left: f64,
    /// The share of looks in the objective's window that were due and not seen.
    pub unseen: f64,
    /// One for each pair, in its order.
    pub burns: [Burn; 4],
}

impl Objective {
    /// The share of errors that spends the budget exactly.
    #[must_use]
    pub fn budget(&self) -> f64 {
        1.0 - self.target
    }

    /// Measures at `now`.
    #[must_use]
    pub fn measure(&self, history: &History, now: Timestamp) -> Measure {
        let pairs = pairs_for(self.window);
        let burns = std::array::from_fn(|level| {
            let pair = pairs[level];
            let long = history.sum(level, now, pair.long);
            Burn {
                pair,
                long: self.burn(long, pair.long),
                short: self.burn(history.sum(level, now, pair.short), pair.short),
                failures: long.bad,
            }
        });
        let whole = history.sum(pairs.len(), now, self.window);
        let due = whole.good + whole.bad + whole.unseen;
        Measure {
            budget_left: 1.0 - self.burn(whole, self.window).unwrap_or(0.0),
            unseen: if due > 0.0 { whole.unseen / due } else { 0.0 },
            burns,
        }
    }

    fn burn(&self, sum: Sum, window: Duration) -> Option<f64> {
        let seen = sum.good + sum.bad;
        if seen <= 0.0 {
            return None;
        }
        let expected = self
            .looks_per_second
            .map_or(0.0, |pace| pace * window.as_secs_f64());
        // What was due and not seen stands for what was seen in its place; a time in which nothing was due
        // stands for nothing.
        let covered = ((seen + sum.unseen) / expected).min(1.0);
        Some(sum.bad / seen * covered / self.budget())
    }
}

impl Burn {
    /// Whether both windows are over the factor.
    #[must_use]
    pub fn fires(&self) -> bool {
        self.matters() && self.threatens()
    }

    /// Whether the short window is over the factor, so that it will fire if it goes on.
    #[must_use]
    pub fn threatens(&self) -> bool {
        self.short.is_some_and(|short| self.is_over(short))
    }

    /// Whether nothing was seen in the short window, so that nobody knows whether it still burns.
    #[must_use]
    pub fn blind(&self) -> bool {
        self.short.is_none()
    }

    fn matters(&self) -> bool {
        self.long.is_some_and(|long| self.is_over(long)) && self.failures >= MIN_FAILURES
    }

    fn is_over(&self, rate: f64) -> bool {
        rate > self.pair.factor * (1.0 + ROUNDING)
    }
}
