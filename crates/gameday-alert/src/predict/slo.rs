//! What a burn-rate rule says of its objective: the budget, its period, and what a fault costs of it.

use super::condition::{Condition, Leaf};

/// A burn rate that a rule alerts on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burn {
    pub(super) factor: f64,
    /// 1 − the objective.
    pub(super) budget: f64,
    /// The longest window that is compared with this factor, in seconds.
    pub(super) window: f64,
}

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// Factors, the windows that the SRE Workbook (and sloth) gives them, and the period for which it does.
const WORKBOOK: ([(f64, f64); 4], f64) = (
    [(14.4, HOUR), (6.0, 6.0 * HOUR), (3.0, DAY), (1.0, 3.0 * DAY)],
    30.0 * DAY,
);
/// The same of pyrra.
const PYRRA: ([(f64, f64); 4], f64) = (
    [(14.0, HOUR), (7.0, 6.0 * HOUR), (2.0, DAY), (1.0, 4.0 * DAY)],
    28.0 * DAY,
);

/// The burn rates of a condition, each with its long window.
pub(super) fn burns(condition: &Condition) -> Vec<Burn> {
    let mut burns: Vec<Burn> = Vec::new();
    for leaf in condition.leaves() {
        let Some((factor, budget)) = leaf.burn else {
            continue;
        };
        let window = seconds(leaf);
        match burns.iter_mut().find(|burn| (burn.factor - factor).abs() < 1e-9) {
            Some(burn) => burn.window = burn.window.max(window),
            None => burns.push(Burn {
                factor,
                budget,
                window,
            }),
        }
    }
    burns
}

#[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53 µs")]
fn seconds(leaf: &Leaf) -> f64 {
    leaf.window_us() as f64 / 1e6
}

/// The period of the objective, in seconds: both generators scale their windows with it.
pub(super) fn period(burns: &[Burn]) -> f64 {
    let whole_days = |period: f64| (period / DAY).round() * DAY;
    let by = |(table, period): ([(f64, f64); 4], f64), burn: &Burn| {
        let (_, window) = table
            .into_iter()
            .find(|(factor, _)| (factor - burn.factor).abs() < 0.01)?;
        let period = burn.window / window * period;
        (period >= DAY).then(|| whole_days(period))
    };
    // The factor of 1 stands in both tables: the others decide.
    let tables = [WORKBOOK, PYRRA];
    let mut sorted: Vec<&Burn> = burns.iter().collect();
    sorted.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    let found = sorted
        .into_iter()
        .find_map(|burn| tables.into_iter().find_map(|table| by(table, burn)));
    found.unwrap_or(WORKBOOK.1)
}

/// The share of the budget that a fault costs.
pub(super) fn spent(burn: &Burn, bad: f64, traffic: f64, hold: f64, period: f64) -> f64 {
    bad / burn.budget * traffic * hold / period
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_of_errors_for_ten_minutes_cost_2_3_percent_of_99_9() {
        let burn = Burn {
            factor: 14.4,
            budget: 0.001,
            window: HOUR,
        };
        let period = period(&[burn]);
        assert_eq!(period, 30.0 * DAY);
        assert!((spent(&burn, 0.1, 1.0, 600.0, period) - 0.0231).abs() < 0.0001);
    }

    #[test]
    fn the_period_is_that_of_the_windows() {
        let burn = |factor, window| Burn {
            factor,
            budget: 0.01,
            window,
        };
        assert_eq!(period(&[burn(14.0, HOUR)]), 28.0 * DAY);
        assert_eq!(period(&[burn(7.0, 6.0 * HOUR)]), 28.0 * DAY);
        assert_eq!(period(&[burn(14.4, 14.0 * 60.0)]), 7.0 * DAY);
        assert_eq!(period(&[burn(1.0, 4.0 * DAY), burn(2.0, DAY)]), 28.0 * DAY);
        // Nobody's: the workbook's.
        assert_eq!(period(&[burn(20.0, 60.0)]), 30.0 * DAY);
        assert_eq!(period(&[burn(14.4, 60.0)]), 30.0 * DAY);
    }
}
