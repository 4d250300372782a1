//! The pairs of windows: the workbook's table, for any window of an objective.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How soon somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Now, also at night.
    Page,
    /// In working hours.
    Ticket,
}

impl Severity {
    /// `page` or `ticket`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Two windows, and the burn rate over which both must be for an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Whom it calls.
    pub severity: Severity,
    /// The burn rate: errors are this many times as frequent as the objective allows.
    pub factor: f64,
    /// Over this time it must burn so fast, so that it matters.
    pub long: Duration,
    /// Over this time too, so that it still goes on.
    pub short: Duration,
}

/// The period for which the workbook's table is written.
const PERIOD: Duration = Duration::from_hours(30 * 24);

/// What is over a threshold only by the rounding of `1 - 0.9` is not over it.
pub(super) const ROUNDING: f64 = 1e-9;

/// The workbook's table (SRE Workbook, chapter 5, table 5-8) for an objective over 30 days.
///
/// By then 2 %, 5 %, 10 % and 10 % of the budget are spent: the factor is that share, times the period,
/// over the long window.
pub const PAIRS: [Pair; 4] = [
    Pair {
        severity: Severity::Page,
        factor: 14.4,
        long: Duration::from_hours(1),
        short: Duration::from_mins(5),
    },
    Pair {
        severity: Severity::Page,
        factor: 6.0,
        long: Duration::from_hours(6),
        short: Duration::from_mins(30),
    },
    Pair {
        severity: Severity::Ticket,
        factor: 3.0,
        long: Duration::from_hours(24),
        short: Duration::from_hours(2),
    },
    Pair {
        severity: Severity::Ticket,
        factor: 1.0,
        long: Duration::from_hours(72),
        short: Duration::from_hours(6),
    },
];

/// The pairs for an objective over `window`.
///
/// The factors stay and the windows are scaled with the objective's, so that the same share of its budget
/// is spent when an alert fires, whatever its window.
#[must_use]
pub fn pairs_for(window: Duration) -> [Pair; 4] {
    let scale = window.as_secs_f64() / PERIOD.as_secs_f64();
    PAIRS.map(|pair| Pair {
        long: pair.long.mul_f64(scale),
        short: pair.short.mul_f64(scale),
        ..pair
    })
}

impl Pair {
    /// The share of the budget of `window` that is spent when its long window is over the factor all along.
    #[must_use]
    pub fn budget_spent(&self, window: Duration) -> f64 {
        self.factor * self.long.as_secs_f64() / window.as_secs_f64()
    }

    /// The share of errors over which it alerts, for an objective (a share from 0 to 1).
    #[must_use]
    pub fn threshold(&self, objective: f64) -> f64 {
        self.factor * (1.0 - objective)
    }

    /// How long a share of errors must last, after a time without any, until it alerts; never below the threshold.
    #[must_use]
    pub fn detects(&self, objective: f64, errors: f64) -> Option<Duration> {
        let threshold = self.threshold(objective);
        (errors > threshold + ROUNDING).then(|| self.long.mul_f64(threshold / errors))
    }

    /// How long it takes until it is over once no look fails any more; never longer than the short window.
    #[must_use]
    pub fn resets(&self, objective: f64, errors: f64) -> Duration {
        let threshold = self.threshold(objective);
        self.short.mul_f64((1.0 - threshold / errors).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_spends_the_share_of_the_budget_that_the_workbook_says() {
        for days in [7, 28, 30, 90] {
            let window = Duration::from_hours(24 * days);
            let spent: Vec<i64> = pairs_for(window)
                .iter()
                .map(|pair| {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "a share of the budget, in percent"
                    )]
                    let percent = (pair.budget_spent(window) * 100.0).round() as i64;
                    percent
                })
                .collect();
            assert_eq!(spent, [2, 5, 10, 10], "{days} d");
        }
    }

    #[test]
    fn windows_shrink_with_the_objective_s() {
        let week = pairs_for(Duration::from_hours(7 * 24));
        assert_eq!(week[0].long, Duration::from_mins(14));
        assert_eq!(week[0].short, Duration::from_secs(70));
        assert_eq!(week[3].long.as_secs(), 16 * 3600 + 48 * 60);
        assert_eq!(pairs_for(PERIOD), PAIRS);
    }

    #[test]
    fn a_threshold_is_a_share_of_errors() {
        assert!((PAIRS[0].threshold(0.999) - 0.0144).abs() < 1e-12);
    }
}
