//! What an objective means before anything has happened: its budget, and how soon each pair of windows calls.

use std::time::Duration;

use gameday_alert::{MIN_FAILURES, Pair, Severity, pairs_for};
use gameday_core::RegionName;
use serde_json::{Value, json};

use crate::slo::{Id, Promise, percent, spoken};

/// The shares of failing looks for which it is told how soon they call.
const SHARES: [f64; 3] = [1.0, 0.1, 0.01];

/// How soon a share of failures calls, at the latest: enough of them in the long window, and enough to count.
fn calls_after(promise: &Promise, pair: &Pair, share: f64) -> Option<Duration> {
    let burns = pair.detects(promise.objective.target, share)?;
    let pace = promise.objective.looks_per_second.filter(|pace| *pace > 0.0)?;
    let counted = Duration::try_from_secs_f64(MIN_FAILURES / (pace * share)).ok()?;
    (counted <= pair.long).then_some(burns.max(counted))
}

/// What a reader should know before relying on it.
fn warnings(promise: &Promise) -> Vec<String> {
    let target = promise.objective.target;
    let mut warnings = Vec::new();
    for pair in pairs_for(promise.objective.window) {
        let (threshold, looks) = (pair.threshold(target), promise.looks_in(pair.long));
        let (long, severity) = (spoken(pair.long), pair.severity);
        if threshold >= 1.0 {
            warnings.push(format!(
                "the {severity} of {long} never comes: more than {} of looks would have to be bad",
                percent(threshold)
            ));
        } else if looks < MIN_FAILURES {
            warnings.push(format!(
                "the {severity} of {long} never comes: that is {looks:.1} looks, and it takes {MIN_FAILURES} bad ones"
            ));
        } else if looks * threshold < 1.0 {
            warnings.push(format!(
                "few looks: one bad one of the {looks:.0} in {long} is {:.1}%, over the {} of the {severity}, so it takes {MIN_FAILURES}",
                100.0 / looks,
                percent(threshold)
            ));
        }
    }
    let pages = pairs_for(promise.objective.window)
        .iter()
        .any(|pair| pair.severity == Severity::Page && calls_after(promise, pair, 1.0).is_some());
    if !pages {
        warnings.push("nothing pages, not even a total outage".to_owned());
    }
    warnings
}

fn budget(promise: &Promise) -> (Duration, f64) {
    let objective = &promise.objective;
    let spendable = objective.window.mul_f64(objective.budget());
    (spendable, promise.looks_in(spendable))
}

pub(super) fn as_text(id: &Id, promise: &Promise) -> String {
    let names: Vec<&str> = promise.regions.iter().map(RegionName::as_str).collect();
    let window = promise.objective.window;
    let (spendable, looks) = budget(promise);
    let mut text = format!(
        "{id}: {promise}, over {} (every {} from {})\n  budget   {}, or {looks:.0} of {:.0} looks\n",
        spoken(window),
        spoken(promise.every),
        names.join(", "),
        spoken(spendable),
        promise.looks_in(window)
    );
    text.push_str("           burn   long    short   bad looks   after, all bad  10% bad     1% bad\n");
    for pair in pairs_for(window) {
        let after =
            SHARES.map(|share| calls_after(promise, &pair, share).map_or_else(|| "never".to_owned(), spoken));
        text.push_str(&format!(
            "  {:<8} {:<6} {:<7} {:<7} > {:<9} {:<14} {:<11} {}\n",
            pair.severity,
            format!("{}x", pair.factor),
            spoken(pair.long),
            spoken(pair.short),
            percent(pair.threshold(promise.objective.target)),
            after[0],
            after[1],
            after[2]
        ));
    }
    for warning in warnings(promise) {
        text.push_str(&format!("  warning  {warning}\n"));
    }
    if let Some(runbook) = &promise.runbook {
        text.push_str(&format!("  runbook  {runbook}\n"));
    }
    text
}

pub(super) fn as_json(id: &Id, promise: &Promise) -> Value {
    let (spendable, looks) = budget(promise);
    let target = promise.objective.target;
    let seconds = |span: Duration| span.as_secs_f64();
    let pairs = pairs_for(promise.objective.window).map(|pair| {
        let after = SHARES.map(
            |share| json!({ "bad_ratio": share, "seconds": calls_after(promise, &pair, share).map(seconds) }),
        );
        json!({
            "severity": pair.severity, "burn_rate": pair.factor, "long_seconds": seconds(pair.long),
            "short_seconds": seconds(pair.short), "bad_ratio": pair.threshold(target), "alerts_after": after,
        })
    });
    json!({
        "probe": id.probe, "objective": id.objective, "pool": id.pool(), "regions": promise.regions,
        "target_ratio": round(target), "window_seconds": seconds(promise.objective.window),
        "every_seconds": seconds(promise.every), "looks": promise.looks_in(promise.objective.window).round(),
        "budget_seconds": seconds(spendable), "budget_looks": round(looks), "pairs": pairs,
        "warnings": warnings(promise), "runbook": promise.runbook,
    })
}

/// Without the error of a division by 100.
fn round(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
