//! What several trials say together, and how each of them began.

use maud::{Markup, html};

use super::parts::{Tone, pill, prose, section, tone, verdict_word};
use crate::words::{clean, percent, span, span_or_dash, sure};
use crate::{Measurement, OverTrials, Summary, Trial};

/// The expectations over all trials, and each trial in a row; nothing when there is but one.
pub(super) fn overview(measurement: &Measurement) -> Markup {
    if measurement.trials.len() < 2 {
        return html! {};
    }
    html! {
        @if !measurement.over_trials.is_empty() { (together(measurement)) }
        (each(measurement))
    }
}

fn together(measurement: &Measurement) -> Markup {
    section(
        "Over all trials",
        html! {
            @for over in &measurement.over_trials {
                p { (pill(tone(over.verdict), &verdict_word(over.verdict))) " " b { (clean(&over.label)) } " " (prose(&over.detail)) }
                @if !over.never {
                p.note { (detected(over)) }
                div.scroll { table.plain {
                    thead { tr {
                        th { "" } th.n { "trials" } th.n { "median" } th.n { "smallest" } th.n { "largest" } th.n { "covers" }
                    } }
                    tbody {
                        @for (name, summary) in rows(over) { (row(name, summary)) }
                    }
                } }
                }
            }
            p.note {
                "Covers: how surely the true median lies between the smallest and the largest. A time that never came \
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
    [("firing (TTD)", &over.ttd), ("notified (TTN)", &over.ttn)]
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
            td.n { (summary.came) " of " (summary.trials) }
            td.n { (median) }
            td.n { (span_or_dash(summary.min_ms)) }
            td.n { (largest) }
            td.n { (summary.covers.map_or_else(|| "—".to_owned(), sure)) }
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

fn each(measurement: &Measurement) -> Markup {
    section(
        "How each trial began",
        html! {
            div.scroll { table.plain {
                thead { tr {
                    th { "Trial" } th { "Verdict" } th.n { "Phase" }
                    @for over in &measurement.over_trials { th.n { (clean(&over.label)) " TTN" } }
                    th.n { "Recovered (TTR)" } th { "Began" }
                } }
                tbody { @for trial in &measurement.trials { (line(trial)) } }
            } }
        },
    )
}

fn line(trial: &Trial) -> Markup {
    html! {
        tr {
            th scope="row" { (trial.index + 1) }
            td { (pill(tone(trial.verdict), &verdict_word(trial.verdict))) }
            td.n { (phase(trial)) }
            @for alert in &trial.alerts { td.n { (span_or_dash(alert.ttn_ms)) } }
            td.n { (span_or_dash(trial.ttr_ms)) }
            td.wide {
                @match &trial.gate {
                    Some(gate) if !gate.left.is_empty() => { (pill(Tone::Doubt, "not clean")) " " (prose(&gate.left.join("; "))) }
                    _ if trial.group_stage_clean == Some(false) => { (pill(Tone::Doubt, "group not clean")) }
                    _ => { "clean" }
                }
            }
        }
    }
}

/// `0.312 s of 1.0 s`: how long after a tick of the alerting the faults were to begin.
fn phase(trial: &Trial) -> String {
    let signed = |ms: Option<u64>| ms.and_then(|ms| i64::try_from(ms).ok());
    let gate = trial.gate.as_ref();
    let found = gate.and_then(|gate| Some((signed(gate.phase_ms)?, signed(gate.interval_ms)?)));
    found.map_or_else(
        || "—".to_owned(),
        |(phase, of)| format!("{} of {}", span(phase), span(of)),
    )
}
