//! The alert rules as they are now.

use std::time::Duration;

use gameday_alert::{Routing, Rule, RuleState};
use gameday_core::Span;
use gameday_report::Grid;
use serde_json::{Value, json};

use crate::output::{self, Format};

/// Prints each rule: what it is at, how long it waits, whom it tells.
pub(super) fn tell(rules: &[Rule], routing: Option<&Routing>, format: Format) {
    match format {
        Format::Json => {
            let rules: Vec<Value> = rules.iter().map(|rule| as_json(rule, routing)).collect();
            output::print_json(&rules);
        }
        Format::Text => output::print(&grid(rules, routing).text()),
        Format::Md => output::print(&grid(rules, routing).markdown()),
    }
}

fn grid(rules: &[Rule], routing: Option<&Routing>) -> Grid {
    let mut grid = Grid::new(&["alert", "group", "state", "for", "severity", "receiver"], &[3]);
    for rule in rules {
        let receivers = receivers(rule, routing);
        grid.row([
            rule.seen.alert.clone(),
            rule.seen.group.clone(),
            state(rule),
            String::from(Span::from_value(Duration::from_millis(rule.seen.for_ms))),
            rule.seen
                .labels
                .get("severity")
                .cloned()
                .unwrap_or_else(|| "-".to_owned()),
            receivers.map_or_else(|| "-".to_owned(), |receivers| receivers.join(", ")),
        ]);
    }
    grid
}

/// A rule that cannot be evaluated is at nothing.
fn state(rule: &Rule) -> String {
    match &rule.last_error {
        Some(error) => format!("broken: {error}"),
        None => word(rule.state).to_owned(),
    }
}

fn word(state: RuleState) -> &'static str {
    match state {
        RuleState::Inactive => "inactive",
        RuleState::Pending => "pending",
        RuleState::Firing => "firing",
        RuleState::Unknown => "unknown",
    }
}

/// Whom the rule's alerts reach, by the labels that it adds to them; none when no Alertmanager was asked.
fn receivers(rule: &Rule, routing: Option<&Routing>) -> Option<Vec<String>> {
    let routing = routing?;
    let mut labels = rule.seen.labels.clone();
    labels.insert("alertname".to_owned(), rule.seen.alert.clone());
    let routes = routing.routes();
    let stops = routing.stops(&labels).into_iter();
    Some(stops.map(|index| routes[index].route.receiver.clone()).collect())
}

fn as_json(rule: &Rule, routing: Option<&Routing>) -> Value {
    json!({
        "alert": rule.seen.alert,
        "group": rule.seen.group,
        "file": rule.seen.file,
        "state": word(rule.state),
        "query": rule.seen.query,
        "for_ms": rule.seen.for_ms,
        "keep_firing_ms": rule.seen.keep_firing_ms,
        "interval_ms": rule.seen.interval_ms,
        "labels": rule.seen.labels,
        "annotations": rule.seen.annotations,
        "receivers": receivers(rule, routing),
        "alerts": rule.alerts.len(),
        "error": rule.last_error,
    })
}
