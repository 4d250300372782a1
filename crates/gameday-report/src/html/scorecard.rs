//! The scorecard: what was expected, what was predicted, what came.

use maud::{Markup, html};

use super::parts::{pill, prose, section};
use super::scale::px;
use crate::Measurement;
use crate::score::{self, Row};
use crate::words::clean;

/// A row for each expectation, over all trials.
pub(super) fn section_of(measurement: &Measurement) -> Markup {
    let rows = score::rows(measurement);
    if rows.is_empty() || measurement.trials.iter().all(|trial| trial.marks.t0.is_none()) {
        return html! {};
    }
    section(
        "Scorecard",
        html! {
            table.card {
                thead { tr {
                    th { "Expectation" } th.n { "Limit" } th.n { "Predicted" } th.n { "Measured" } th { "Verdict" }
                } }
                @for group in rows.chunk_by(|a, b| a.subject == b.subject) {
                    tbody {
                        @for (index, row) in group.iter().enumerate() {
                            @if row.what.is_empty() { (judged(row)) } @else { (one(row, index == 0)) }
                        }
                    }
                }
            }
        },
    )
}

/// What is true of all of a subject, before its numbers.
fn judged(row: &Row) -> Markup {
    html! {
        tr.judged {
            th scope="row" colspan="4" {
                span.subject { (clean(&row.subject)) }
                @if let Some(detail) = &row.detail { span.what { (prose(detail)) } }
            }
            td { (pill(row.score.into(), &row.word)) }
        }
    }
}

fn one(row: &Row, first: bool) -> Markup {
    let cell = |label: &str, text: &Option<String>| {
        html! { td.n.dash[text.is_none()] data-label=(label) { (clean(text.as_deref().unwrap_or("—"))) } }
    };
    html! {
        tr {
            th scope="row" { @if first { span.subject { (clean(&row.subject)) } } span.what { (prose(&row.what)) } }
            (cell("Limit", &row.limit)) (cell("Predicted", &row.predicted))
            td.n.long[row.measured.chars().count() > 24] data-label="Measured" { span.value { (clean(&row.measured)) } (meter(row)) }
            td { (pill(row.score.into(), &row.word)) }
        }
        @if let Some(detail) = &row.detail { tr.detail { td colspan="5" { (prose(detail)) } } }
    }
}

/// How much of the limit was used, with a tick where it was predicted to be.
fn meter(row: &Row) -> Markup {
    let Some((measured, predicted)) = row.shares else {
        return html! {};
    };
    let place = |share: f64| (share * 80.0).clamp(0.0, 100.0);
    html! {
        svg.meter viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            rect.lane x="0" y="1" width="80" height="4" {}
            rect.fill.over[measured > 1.0] x="0" y="1" width=(px(place(measured).max(0.8))) height="4" {}
            rect.end x="79.4" y="0" width="1.2" height="6" {}
            @if let Some(share) = predicted { rect.tick x=(px(place(share).min(99.0))) y="0" width="1" height="6" {} }
        }
    }
}
