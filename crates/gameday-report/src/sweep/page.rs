//! `sweep.html`: the curve of each expectation, and the table that it is drawn from.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{PointAlert, PointReport, Sweep, chart, combinations, labels};
use crate::html::{STYLE, pill, prose, style_policy, tone, verdict_word};
use crate::measure::range;
use crate::words::{capital, clean, exact};

/// The curves are drawn as wide as they can be read.
const OWN_STYLE: &str = ".dose { min-width: 0; max-width: 480px; } .drawing .limit-word { fill: var(--good); font-size: 11px; } .dose + .note, .points td { overflow-wrap: normal; } .dose .predicted { fill: none; stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 3 3; }";

/// Renders `sweep.html`.
#[must_use]
pub fn render_sweep_html(sweep: &Sweep) -> String {
    let style = format!("{STYLE}{OWN_STYLE}");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(style_policy(&style));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "Sweep: " (clean(&sweep.title)) }
                style { (PreEscaped(&style)) }
            }
            body { main {
                header {
                    p.eyebrow { "Dose and response · " (clean(&sweep.scenario)) }
                    h1 { (clean(&sweep.title)) }
                    p.meta { @for variable in &sweep.over { span { (clean(&variable.name)) " = " (clean(&variable.values.join(", "))) } } }
                }
                @for label in labels(&sweep.points) {
                    @for with in combinations(&sweep.over, &sweep.points) { (curve(sweep, &label, &with)) }
                }
                (table(sweep))
            } }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn curve(sweep: &Sweep, label: &str, with: &BTreeMap<String, String>) -> Markup {
    let edge = sweep
        .edges
        .iter()
        .find(|edge| edge.label == label && edge.with == *with);
    html! {
        section {
            h2 { (clean(label)) @for (name, value) in with { " · " (clean(name)) " " (clean(value)) } }
            @if let Some(edge) = edge { p.lead { (capital(&clean(&edge.detail))) "." } }
            (chart::draw(sweep, label, with))
            p.note { "A dot is a trial, a cross one that was not detected; diamonds and their line are what was predicted, the dashed line is the limit." }
        }
    }
}

fn table(sweep: &Sweep) -> Markup {
    html! {
        section {
            h2 { "Points" }
            div.scroll { table.plain.stack.points {
                thead { tr {
                    @for variable in &sweep.over { th { (clean(&variable.name)) } }
                    th { "Verdict" } th { "Alert" } th { "" } th.n { "Detected" } th.n { "Median [range]" } th.n { "Predicted" }
                } }
                tbody { @for point in &sweep.points { (rows(sweep, point)) } }
            } }
        }
    }
}

fn rows(sweep: &Sweep, point: &PointReport) -> Markup {
    let verdict = || match point.verdict {
        Some(verdict) => pill(tone(verdict), &verdict_word(verdict)),
        None => html! { "not run" },
    };
    let values = || {
        let value = |name: &str| point.values.get(name).map_or("", String::as_str);
        let cell =
            move |name: &str| html! { td data-label=(clean(name)) { strong { (clean(value(name))) } } };
        sweep.over.iter().map(move |variable| cell(&variable.name))
    };
    html! {
        @if point.alerts.is_empty() {
            tr { @for value in values() { (value) } td data-label="Verdict" { (verdict()) } td.wide colspan="5" { (prose(&point.summary)) } }
        }
        @for alert in &point.alerts {
            tr {
                @for value in values() { (value) }
                td data-label="Verdict" { @match &point.drill { Some(drill) => { a href={ (clean(drill)) "/report.html" } { (verdict()) } } None => { (verdict()) } } }
                td data-label="Alert" { (clean(&alert.label)) } td data-label="Came" { (alert.seen.word()) }
                td.n data-label="Detected" { (alert.detected) " of " (alert.trials) }
                td.n data-label="Median [range]" { (range(&alert.time).unwrap_or_else(|| "—".to_owned())) }
                td.n data-label="Predicted" { (predicted(alert)) }
            }
        }
    }
}

/// What was predicted of the trials of a point.
pub(super) fn predicted(alert: &PointAlert) -> String {
    let (low, high) = (alert.predicted_ms.iter().min(), alert.predicted_ms.iter().max());
    match (low, high, &alert.predicted_never) {
        (Some(low), Some(high), _) if low == high => exact(*low),
        (Some(low), Some(high), _) => format!("{} to {}", exact(*low), exact(*high)),
        (_, _, Some(_)) => "never".to_owned(),
        _ => "—".to_owned(),
    }
}
