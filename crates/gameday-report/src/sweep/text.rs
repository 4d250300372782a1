//! `sweep.json`, `sweep.md`, and the lines of a terminal.

use super::page::predicted;
use super::{Edge, Sweep};
use crate::markdown::text;
use crate::measure::range;
use crate::words::spaced;

/// Renders `sweep.json`.
#[must_use]
pub fn render_sweep_json(sweep: &Sweep) -> String {
    let mut json = serde_json::to_string_pretty(sweep).expect("texts and numbers");
    json.push('\n');
    json
}

/// Renders `sweep.md`.
#[must_use]
pub fn render_sweep_markdown(sweep: &Sweep) -> String {
    let mut out = format!("# Sweep: {}\n\n", text(&sweep.title));
    for edge in &sweep.edges {
        out += &format!("- {}\n", text(&said(edge)));
    }
    let names: Vec<String> = sweep.over.iter().map(|variable| text(&variable.name)).collect();
    out += &format!(
        "\n| {} | verdict | alert | | detected | median [range] | predicted |\n",
        names.join(" | ")
    );
    out += &format!("|{}---|---|---|---:|---:|---:|\n", "---|".repeat(names.len()));
    for point in &sweep.points {
        let values = sweep.over.iter().map(|variable| point.values.get(&variable.name));
        let values: Vec<String> = values
            .map(|value| text(value.map_or("", String::as_str)))
            .collect();
        let verdict = point
            .verdict
            .map_or_else(|| "not run".to_owned(), |verdict| spaced(verdict.word()));
        let start = format!("| {} | {verdict} ", values.join(" | "));
        if point.alerts.is_empty() {
            out += &format!("{start}| {} | | | | |\n", text(&point.summary));
        }
        for alert in &point.alerts {
            let cells = [
                text(&alert.label),
                alert.seen.word().to_owned(),
                format!("{} of {}", alert.detected, alert.trials),
                range(&alert.time).map_or_else(|| "—".to_owned(), |range| text(&range)),
                predicted(alert),
            ];
            out += &format!("{start}| {} |\n", cells.join(" | "));
        }
    }
    out
}

/// What a terminal says of a sweep, a line each.
#[must_use]
pub fn sweep_lines(sweep: &Sweep) -> Vec<String> {
    let mut lines = point_lines(sweep);
    lines.extend(sweep.edges.iter().map(said));
    lines
}

/// What each point came to, a line for each of its alerts.
#[must_use]
pub fn point_lines(sweep: &Sweep) -> Vec<String> {
    let mut lines = Vec::new();
    for point in &sweep.points {
        let values: Vec<String> = sweep
            .over
            .iter()
            .filter_map(|variable| Some(format!("{}={}", variable.name, point.values.get(&variable.name)?)))
            .collect();
        let values = values.join(" ");
        if point.alerts.iter().all(|alert| alert.trials == 0) {
            let verdict = point
                .verdict
                .map_or_else(|| "not run".to_owned(), |verdict| spaced(verdict.word()));
            lines.push(format!("{values}: {verdict}: {}", point.summary));
            continue;
        }
        for alert in &point.alerts {
            let range = range(&alert.time).map_or_else(String::new, |range| format!(", {range}"));
            let (seen, label) = (alert.seen.word(), &alert.label);
            let (detected, trials) = (alert.detected, alert.trials);
            lines.push(format!(
                "{values}: {label} {seen} ({detected} of {trials}{range}; predicted {})",
                predicted(alert)
            ));
        }
    }
    lines
}

fn said(edge: &Edge) -> String {
    let with: String = edge
        .with
        .iter()
        .map(|(name, value)| format!(" with {name} {value}"))
        .collect();
    format!("{}{with}: {}", edge.label, edge.detail)
}
