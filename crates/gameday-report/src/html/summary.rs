//! What a reader wants on the first screen: the verdict, five numbers, and the briefing.

use maud::{Markup, html};

use super::parts::{Tone, link, pill, prose, tone, verdict_word};
use crate::words::{clean, exact, span, span_or_between};
use crate::{Measurement, Trial, Verdict};

/// The verdict in a word and a sentence.
pub(super) fn banner(measurement: &Measurement) -> Markup {
    let tone = tone(measurement.verdict);
    let first = measurement.trials.first();
    html! {
        header {
            p.eyebrow { "Game day · " (clean(&measurement.scenario)) }
            h1 { (clean(&measurement.plan.title)) }
            div class={ "verdict " (tone.class()) } role="status" {
                div.word { span.sign aria-hidden="true" { (tone.sign()) } (capital(&verdict_word(measurement.verdict))) }
                p { (prose(&measurement.summary)) }
            }
            p.meta {
                @if let Some(trial) = first {
                    span { (trial.started_at.text().replace('T', " ").trim_end_matches('Z')) " UTC" }
                    span { (span(trial.ended_at.ms_since(trial.started_at))) " long" }
                }
                @if measurement.trials.len() > 1 { span { (measurement.trials.len()) " trials" } }
                @if let Some(lab) = &measurement.lab { span { "lab " (clean(lab)) } }
                span { "exit code " (measurement.exit_code) }
                @if let Some(seed) = measurement.plan.seed {
                    span title="the same random choices again: gameday run --seed" { "seed " (seed) }
                }
                @if let Some(runbook) = &measurement.plan.runbook { span { "runbook " (link(runbook, runbook)) } }
            }
        }
    }
}

/// A sentence for each question of somebody who was not there; of several trials, of the worst.
pub(super) fn briefing(measurement: &Measurement, trial: &Trial) -> Markup {
    html! {
        section.briefing {
            h2 { "In ninety seconds" @if measurement.trials.len() > 1 { span.aside-note { "trial " (trial.index + 1) ", the worst" } } }
            dl {
                @for line in &trial.briefing {
                    dt { (capital(line.key)) }
                    dd { (prose(&line.text)) }
                }
            }
        }
    }
}

/// What to do before the drill can be run, when it was refused.
pub(super) fn refusal(trial: &Trial) -> Markup {
    if trial.verdict != Verdict::Refused {
        return html! {};
    }
    html! {
        section {
            h2 { "What was refused, and what to do" }
            ul.refusals { @for finding in trial.findings.iter().filter(|finding| finding.weight != crate::Weight::Note) {
                li { p { (pill(Tone::Doubt, "refused")) " " (prose(&finding.text)) } p.do { "→ " (prose(&finding.action)) } }
            } }
        }
    }
}

/// Everything that kept the drill from passing, when it is more than the banner says.
pub(super) fn reasons(trial: &Trial) -> Markup {
    html! {
        @if trial.reasons.len() > 1 {
            section {
                h2 { "Why" }
                ul.reasons { @for reason in &trial.reasons { li { (prose(reason)) } } }
            }
        }
    }
}

/// The key numbers; those of an alert are of the one that was notified first.
pub(super) fn numbers(trial: &Trial) -> Markup {
    if trial.marks.t0.is_none() {
        return html! {};
    }
    let alert = trial
        .alerts
        .iter()
        .min_by_key(|alert| (alert.marks.t5.is_none(), alert.marks.t5));
    let of = |value: fn(&crate::AlertReport) -> Option<i64>| alert.and_then(value);
    html! {
        section.numbers aria-label="Key numbers" {
            (number("Time to detect", "fault effective → firing", of(|alert| alert.ttd_ms)))
            (number_or_between("Time to notify", "fault effective → notification", of(|alert| alert.ttn_ms),
                alert.and_then(|alert| alert.ttn_between_ms)))
            (number("Time to recover", "fault effective → steady", trial.ttr_ms))
            (number("Self-heal", "fault removed → steady", trial.self_heal_ms))
            (number_or_between("Hang-over", "fault removed → resolved notice", of(|alert| alert.hang_over_ms),
                alert.and_then(|alert| alert.hang_over_between_ms)))
        }
        @if let Some(sight) = &trial.sight {
            p.note { span.key { "Who saw it" } " " (prose(&sight.summary)) "." }
        }
        @if trial.alerts.len() > 1 && let Some(alert) = alert {
            p.note { "Detection and hang-over are those of " (clean(&alert.title())) ", the first to arrive." }
        }
        @if trial.group_stage_clean == Some(false) {
            p.note { (pill(Tone::Doubt, "group not clean"))
                " " (prose(trial.why.get("group_stage_clean").map_or("Alertmanager still had a group from before", String::as_str)))
                ": the notification time counts in no mean." }
        }
    }
}

/// What is known to lie between two is never shown as one number.
fn number_or_between(name: &str, what: &str, ms: Option<i64>, between: Option<[i64; 2]>) -> Markup {
    match (ms, between) {
        (None, Some(_)) => html! {
            div.number {
                div.name { (name) }
                div.figure.none { (span_or_between(ms, between)) }
                div.what { (what) ", an interval" }
            }
        },
        _ => number(name, what, ms),
    }
}

fn number(name: &str, what: &str, ms: Option<i64>) -> Markup {
    html! {
        div.number {
            div.name { (name) }
            @match ms {
                Some(ms) => { div.figure title=(exact(ms)) data-ms=(ms) { (figure(ms)) } }
                None => { div.figure.none { "—" } }
            }
            div.what { (what) }
        }
    }
}

/// A number with its unit set smaller.
fn figure(ms: i64) -> Markup {
    let text = span(ms);
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index % 2 == 0 { (word) } @else { small { (word) } }
        }
    }
}

/// The means of one trial, in the one form in which they may stand.
pub(super) fn means(measurement: &Measurement) -> Markup {
    if measurement.trials.len() != 1 || measurement.mttd.trials == 0 {
        return html! {};
    }
    html! {
        section {
            h2 { "Means" }
            p.mean { (measurement.mttd.sentence()) }
            p.mean { (measurement.mttr.sentence()) }
        }
    }
}

/// With a capital first letter, as it stands alone.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
