//! Too few trials for a test of ranks: what the phases of scrapes and evaluations cannot explain still counts.

use super::drill::Seen;
use super::{Judgement, Limits};
use crate::statistics::median;
use crate::words;

/// How long the phases of both sides are, if that is known.
pub(super) type Phases = Option<f64>;

/// Judges by middles: what comes after the rule is active is the same whenever a fault begins; what comes before
/// depends on the moment, by one scrape and one evaluation at most, and the prediction knows that moment.
pub(super) fn judge(
    old: &[Seen],
    new: &[Seen],
    rest: impl Fn(&Seen) -> Option<f64>,
    phases: Phases,
    limits: Limits,
) -> (Judgement, String) {
    #[expect(clippy::cast_precision_loss, reason = "a limit of some seconds")]
    let floor = limits.max_shift_ms as f64;
    let change = |of: &dyn Fn(&Seen) -> Option<f64>| Some(middle(new, of)? - middle(old, of)?);
    let mut told = Vec::new();
    let mut slower = Vec::new();
    if let Some(rest) = change(&rest) {
        let line = format!("{} from rule active on", signed(rest));
        if rest > floor {
            slower.push(line);
        } else {
            told.push(line);
        }
    }
    if let Some(off) = change(&|seen| seen.off_ms) {
        let line = format!("{} beyond what was predicted for the rule", signed(off));
        if off > floor {
            slower.push(line);
        } else {
            told.push(line);
        }
    }
    if let Some(climb) = change(&|seen| seen.climb_ms) {
        let line = format!("{} until rule active", signed(climb));
        match phases {
            Some(phases) if climb > phases + floor => slower.push(format!(
                "{line}, of which the moment at which the fault began explains {} at most",
                span(phases)
            )),
            Some(phases) if climb.abs() <= phases => told.push(format!(
                "{line}, which the moment at which the fault began may explain (up to {})",
                span(phases)
            )),
            _ => told.push(line),
        }
    }
    if slower.is_empty() && told.is_empty() {
        return (Judgement::Unclear, "no mark is known on both sides".to_owned());
    }
    if slower.is_empty() {
        return (Judgement::TooFew, told.join("; "));
    }
    (Judgement::Slower, slower.join("; "))
}

fn middle(of: &[Seen], value: &dyn Fn(&Seen) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = of.iter().filter_map(value).filter(|ms| ms.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    median(&values, 0)
}

/// A number of milliseconds for people.
pub(super) fn span(ms: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "floats that do not fit become the nearest that does"
    )]
    words::span(ms.round() as i64)
}

/// With its sign.
pub(super) fn signed(ms: f64) -> String {
    let plus = if ms >= 0.0 { "+" } else { "" };
    format!("{plus}{}", span(ms))
}
