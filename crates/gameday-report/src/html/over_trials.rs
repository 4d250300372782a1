//! What several trials say together.

use maud::{Markup, html};

use super::parts::{pill, prose, section, tone, verdict_word};
use crate::words::{clean, percent, span_or_dash, sure};
use crate::{Measurement, OverTrials, Summary};

/// The expectations over all trials; nothing when there is but one.
pub(super) fn together(measurement: &Measurement) -> Markup {
    if measurement.trials.len() < 2 || measurement.over_trials.is_empty() {
        return html! {};
    }
    section(
        "Over all trials",
        html! {
            @for over in &measurement.over_trials {
                p { (pill(tone(over.verdict), &verdict_word(over.verdict))) " " b { (clean(&over.label)) } " " (prose(&over.detail)) }
                @if !over.never {
                p.note { (detected(over)) }
                div.scroll { table.plain.stack {
                    thead { tr {
                        th { "Time" } th.n { "Came in" } th.n { "Median" } th.n { "Smallest" } th.n { "Largest" } th.n { "Confidence" }
                    } }
                    tbody {
                        @for (name, summary) in rows(over) { (row(name, summary)) }
                    }
                } }
                }
            }
            p.note {
                "Confidence: how surely the true median lies between the smallest and the largest. A time that never came \
                 stands last in the order and enters no mean."
            }
        },
    )
}

fn rows(over: &OverTrials) -> Vec<(&'static str, &Summary)> {
    let stages = ["scrape", "rule", "hold", "hand_off", "group"];
    let stages = stages
        .iter()
        .filter_map(|name| Some((*name, over.stages.get(name)?)));
    [
        ("to firing (TTD)", &over.ttd),
        ("to the notification (TTN)", &over.ttn),
    ]
    .into_iter()
    .chain(stages)
    .collect()
}

fn row(name: &str, summary: &Summary) -> Markup {
    let largest = match summary.came < summary.trials {
        true => "never".to_owned(),
        false => span_or_dash(summary.max_ms),
    };
    let median = match (summary.median_ms, summary.trials) {
        (None, 1..) => "not reached".to_owned(),
        (median, _) => span_or_dash(median),
    };
    html! {
        tr {
            th scope="row" { (name.replace('_', "-")) }
            td.n data-label="Came in" { (summary.came) " of " (summary.trials) }
            td.n data-label="Median" { (median) }
            td.n data-label="Smallest" { (span_or_dash(summary.min_ms)) }
            td.n data-label="Largest" { (largest) }
            td.n data-label="Confidence" { (summary.covers.map_or_else(|| "—".to_owned(), sure)) }
        }
    }
}

fn detected(over: &OverTrials) -> String {
    let share = over.detected_share.map_or_else(String::new, |[low, high]| {
        format!(
            ": with 95 % between {} and {} of all such faults",
            percent(low),
            percent(high)
        )
    });
    format!(
        "Detected in {} of {} trials{share}.",
        over.detected,
        over.trials - over.unknown
    )
}
