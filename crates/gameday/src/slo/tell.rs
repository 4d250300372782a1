//! What people are told of an alert on a budget.

use std::collections::{BTreeMap, BTreeSet};

use gameday_alert::{Burn, BurnAlert, Measure, Severity, Stage};
use gameday_core::RegionName;

use super::budgets::Budget;
use super::promise::{Id, Kind, Promise};
use super::{percent, spoken};
use crate::notify::Notice;

/// The name of every alert of ours, as a rule's name would be.
const ALERT_NAME: &str = "SLOBurnRate";
/// PagerDuty takes a key of 255 characters.
const MOST_KEY: usize = 255;

/// What receivers tell repetitions by: the same for one alert of one set of regions, whichever of them tells it.
pub(super) fn key(id: &Id, promise: &Promise, severity: Severity) -> String {
    let mut key = format!(
        "gameday/{}/{}/{severity}/{}",
        id.probe,
        id.objective,
        all_regions(promise)
    );
    // Names are ASCII.
    key.truncate(MOST_KEY);
    key
}

/// Those of other probers, too.
fn all_regions(promise: &Promise) -> String {
    if promise.there.is_empty() {
        return regions(promise);
    }
    let all: BTreeSet<&RegionName> = promise.regions.iter().chain(&promise.there).collect();
    let names: Vec<&str> = all.into_iter().map(RegionName::as_str).collect();
    names.join("+")
}

fn regions(promise: &Promise) -> String {
    let names: Vec<&str> = promise.regions.iter().map(RegionName::as_str).collect();
    names.join("+")
}

/// A line on stderr for a change of stage.
pub(super) fn line(id: &Id, alert: &BurnAlert) -> String {
    let (severity, stage) = (alert.severity, alert.stage);
    match stage {
        Stage::Inactive | Stage::Pending | Stage::Resolved => format!("slo: {id}: {severity} is {stage}"),
        Stage::Firing => format!("slo: {id}: {severity} fires"),
    }
}

/// What a receiver is told of an alert that fires.
pub(super) fn notice(key: String, id: &Id, budget: &Budget, alert: &BurnAlert, measure: &Measure) -> Notice {
    let promise = &budget.promise;
    let labels = [
        ("alertname", ALERT_NAME.to_owned()),
        ("severity", alert.severity.to_string()),
        ("probe", id.probe.to_string()),
        ("objective", id.objective.to_string()),
        ("pool", id.pool().to_owned()),
        ("regions", all_regions(promise)),
    ];
    Notice {
        key,
        severity: alert.severity,
        labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        summary: summary(id, promise, alert.severity, measure),
        description: description(promise, measure),
        runbook: promise.runbook.clone(),
        starts_at: alert.fired.unwrap_or(alert.since),
        ends_at: None,
    }
}

fn summary(id: &Id, promise: &Promise, severity: Severity, measure: &Measure) -> String {
    let what = match promise.kind {
        Kind::Success => "fails",
        Kind::P95(_) => "is slow",
    };
    let mine = measure.burns.iter().filter(|burn| burn.pair.severity == severity);
    let worst = mine.clone().find(|burn| burn.fires()).or(mine.clone().next());
    let rate = worst.and_then(|burn| burn.long).unwrap_or_default();
    let window = worst.map(|burn| spoken(burn.pair.long)).unwrap_or_default();
    format!(
        "{} {what} from {}: over {window} it spends its error budget {rate:.1} times too fast",
        id.probe,
        regions(promise)
    )
}

fn description(promise: &Promise, measure: &Measure) -> String {
    let bad = |rate: Option<f64>| match rate {
        Some(rate) => percent((rate * promise.objective.budget() * 1e4).round() / 1e4),
        None => "an unknown share".to_owned(),
    };
    let windows: BTreeMap<_, _> = measure
        .burns
        .iter()
        .filter(|burn| burn.fires())
        .flat_map(
            |Burn {
                 pair, long, short, ..
             }| [(pair.short, *short), (pair.long, *long)],
        )
        .collect();
    let shares: Vec<String> = windows
        .iter()
        .map(|(window, rate)| format!("{} of {}", bad(*rate), spoken(*window)))
        .collect();
    format!(
        "Promised: {promise}, over {}. Bad: {}. Left of the budget: {}.",
        spoken(promise.objective.window),
        shares.join(", "),
        percent((measure.budget_left * 1e3).round() / 1e3)
    )
}
