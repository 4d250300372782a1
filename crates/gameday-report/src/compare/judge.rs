//! One expectation: whether it is lost, slower or as it was.

use super::drill::{Drill, Seen};
use super::few::{self, Phases, signed, span};
use super::rank;
use super::{AlertComparison, Judgement, Limits, Sample, Stage, Times};
use crate::statistics::median;

const STAGES: [&str; 5] = ["scrape", "rule", "hold", "hand_off", "group"];
/// The confidence of intervals.
const CONFIDENCE: f64 = 0.95;

/// Compares one expectation.
pub(super) fn alert(label: &str, old: &[Drill], new: &[Drill], limits: Limits) -> AlertComparison {
    let seen =
        |drills: &[Drill]| -> Vec<Seen> { drills.iter().flat_map(|drill| drill.seen(label)).collect() };
    let (then, now) = (seen(old), seen(new));
    let expected = |drills: &[Drill]| {
        drills
            .iter()
            .find_map(|drill| drill.alert(label).map(str::to_owned))
    };
    let (before, after) = (expected(old), expected(new));
    let name = after.clone().or(before.clone()).unwrap_or_default();
    let mut comparison = AlertComparison {
        label: label.to_owned(),
        alert: name.clone(),
        judgement: Judgement::Added,
        detail: "it was not expected before".to_owned(),
        times: Vec::new(),
        stages: Vec::new(),
    };
    match (before, after) {
        (None, _) => return comparison,
        (Some(_), None) => {
            comparison.judgement = Judgement::NotTested;
            comparison.detail = "it was expected before, and is not any more".to_owned();
            return comparison;
        }
        _ => {}
    }
    let phases = old
        .iter()
        .chain(new)
        .filter_map(|drill| drill.phases_ms(&name))
        .reduce(f64::max);
    comparison.times = times(&then, &now, phases, limits);
    comparison.stages = stages(&then, &now);
    // The first is the notification, which is what people wait for.
    let failing = comparison.times.iter().filter(|times| times.judgement.fails());
    let worst = failing
        .rev()
        .max_by_key(|times| times.judgement)
        .or(comparison.times.first());
    (comparison.judgement, comparison.detail) = match worst {
        Some(worst) => (worst.judgement, format!("{}: {}", worst.what, worst.detail)),
        None => (Judgement::Unclear, "no trial of both sides can tell".to_owned()),
    };
    comparison
}

fn times(then: &[Seen], now: &[Seen], phases: Phases, limits: Limits) -> Vec<Times> {
    type Of = fn(&Seen) -> Option<f64>;
    let kinds: [(&'static str, Of, Of); 2] = [
        ("TTN", |seen| seen.ttn_ms, |seen| seen.to_notice_ms),
        ("TTD", |seen| seen.ttd_ms, |seen| seen.to_firing_ms),
    ];
    let mut found = Vec::new();
    for (what, value, rest) in kinds {
        let of = |seen: &[Seen]| -> Vec<f64> { seen.iter().filter_map(value).collect() };
        let (old, new) = (of(then), of(now));
        let came = |values: &[f64]| values.iter().any(|ms| ms.is_finite());
        // Without our receiver nobody was ever notified: the other time tells.
        if (!came(&old) && !came(&new)) || (what == "TTN" && (old.is_empty() || new.is_empty())) {
            continue;
        }
        let few = || few::judge(then, now, rest, phases, limits);
        let (test, shift) = (rank::test(&old, &new), rank::shift(&old, &new, CONFIDENCE));
        let (judgement, detail) = judge(&old, &new, test, shift, limits, few);
        found.push(Times {
            what,
            judgement,
            detail,
            old: sample(&old, then.len()),
            new: sample(&new, now.len()),
            test,
            shift_ms: shift.filter(|shift| shift.estimate.is_finite()).map(finite),
        });
    }
    found
}

/// JSON has no infinity: a bound that is one is none.
fn finite(shift: rank::Shift) -> rank::Shift {
    rank::Shift {
        low: shift.low.filter(|ms| ms.is_finite()),
        high: shift.high.filter(|ms| ms.is_finite()),
        ..shift
    }
}

fn judge(
    old: &[f64],
    new: &[f64],
    test: Option<rank::RankTest>,
    shift: Option<rank::Shift>,
    limits: Limits,
    few: impl Fn() -> (Judgement, String),
) -> (Judgement, String) {
    let Some(test) = test else {
        return (Judgement::Unclear, "no trial of one side can tell".to_owned());
    };
    if let Some(lost) = lost(old, new) {
        return (Judgement::Lost, lost);
    }
    let (m, n) = (old.len(), new.len());
    if m + n <= 60 && rank::critical(m, n, limits.alpha).is_none() {
        let (judgement, why) = match (few(), gained(old, new)) {
            // Nothing can be set beside what never came; but that it comes now is no worse.
            ((Judgement::Unclear, _), Some(gained)) => (Judgement::TooFew, gained),
            (judged, _) => judged,
        };
        let never = format!("{m} against {n} can never show p < {}", limits.alpha);
        return (judgement, format!("{why} ({never})"));
    }
    let moved = shift.map_or(0.0, |shift| shift.estimate);
    #[expect(clippy::cast_precision_loss, reason = "a limit of some seconds")]
    let floor = limits.max_shift_ms as f64;
    let significant = test.p < limits.alpha;
    let numbers = format!("{} (p = {})", by(moved), p(test.p));
    let judgement = match (significant, moved) {
        (true, moved) if moved > floor => Judgement::Slower,
        (true, moved) if moved < -floor => Judgement::Faster,
        _ => Judgement::Same,
    };
    let detail = match (judgement, significant) {
        (Judgement::Slower | Judgement::Faster, _) => numbers,
        (_, true) => format!("{numbers}, within the limit of {}", span(floor)),
        (_, false) => format!("{numbers}: may be chance{}", needed(m, n, limits.alpha)),
    };
    (judgement, detail)
}

/// What so few trials need in order to show anything.
fn needed(m: usize, n: usize, alpha: f64) -> String {
    match rank::critical(m, n, alpha) {
        Some(most) if m + n <= 20 => format!(
            "; {m} against {n} shows p < {alpha} only if U is at most {most}, or at least {}, of {}",
            m * n - most,
            m * n
        ),
        _ => String::new(),
    }
}

/// Whether it does not come any more as often as it did.
fn lost(old: &[f64], new: &[f64]) -> Option<String> {
    rarer(new, old).then(|| how_often(old, new))
}

/// Whether it comes more often than it did.
fn gained(old: &[f64], new: &[f64]) -> Option<String> {
    rarer(old, new).then(|| how_often(old, new))
}

/// Whether `these` came in a smaller share than `those`: j / n < k / m, in whole numbers.
fn rarer(these: &[f64], those: &[f64]) -> bool {
    came(these) * those.len() < came(those) * these.len()
}

fn came(values: &[f64]) -> usize {
    values.iter().filter(|ms| ms.is_finite()).count()
}

fn how_often(old: &[f64], new: &[f64]) -> String {
    format!(
        "it came in {} of {} trials, in {} of {} before",
        came(new),
        new.len(),
        came(old),
        old.len()
    )
}

fn by(ms: f64) -> String {
    match ms {
        ms if ms.is_infinite() => "half of the pairs have one that never came".to_owned(),
        ms => signed(ms),
    }
}

/// A probability with two digits that matter.
pub(super) fn p(p: f64) -> String {
    match p {
        p if p >= 0.095 => format!("{p:.2}"),
        p if p >= 0.0095 => format!("{p:.3}"),
        p if p >= 0.0001 => format!("{p:.4}"),
        _ => "< 0.0001".to_owned(),
    }
}

fn sample(values: &[f64], all: usize) -> Sample {
    let mut came: Vec<f64> = values.iter().copied().filter(|ms| ms.is_finite()).collect();
    came.sort_by(f64::total_cmp);
    Sample {
        detected: came.len(),
        trials: values.len(),
        left_out: all - values.len(),
        median_ms: median(&came, values.len() - came.len()),
        min_ms: came.first().copied(),
        max_ms: came.last().copied(),
    }
}

fn stages(then: &[Seen], now: &[Seen]) -> Vec<Stage> {
    let stage = |(index, name): (usize, &'static str)| {
        let of = |seen: &[Seen]| -> Vec<f64> {
            let mut values: Vec<f64> = seen.iter().filter_map(|seen| seen.stages_ms[index]).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (old, new) = (of(then), of(now));
        Stage {
            name,
            old_ms: median(&old, 0),
            new_ms: median(&new, 0),
            test: rank::test(&old, &new),
            shift_ms: rank::shift(&old, &new, CONFIDENCE),
        }
    };
    STAGES.into_iter().enumerate().map(stage).collect()
}
