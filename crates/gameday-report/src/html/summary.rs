//! What a reader wants on the first screen: the verdict, five numbers, and the briefing.

use maud::{Markup, html};

use super::parts::{Tone, link, pill, prose, tone, verdict_word};
use crate::measure::NOT_OBSERVED;
use crate::statistics::median_of;
use crate::words::{capital, clean, exact, span, span_or_between};
use crate::{AlertReport, AlertVerdict, Measurement, Trial, Verdict};

/// The verdict in a word and a sentence.
pub(super) fn banner(measurement: &Measurement) -> Markup {
    let tone = tone(measurement.verdict);
    let (first, last) = (measurement.trials.first(), measurement.trials.last());
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
                    span { "took " (span(last.unwrap_or(trial).ended_at.ms_since(trial.started_at))) }
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
            h2 { "In ninety seconds" @if measurement.trials.len() > 1 { span.aside-note { (which(measurement, trial)) } } }
            dl {
                @for line in &trial.briefing {
                    dt { (capital(line.key)) }
                    dd { (prose(&line.text)) }
                }
            }
        }
    }
}

/// Why this trial is told of several.
fn which(measurement: &Measurement, trial: &Trial) -> String {
    let alike = measurement.trials.iter().all(|one| one.verdict == trial.verdict);
    let why = match (alike, trial.alerts.is_empty()) {
        (false, _) => ", the worst",
        (true, false) => ", the slowest",
        (true, true) => "",
    };
    format!("trial {} of {}{why}", trial.index + 1, measurement.trials.len())
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

/// The key numbers: of one trial as they are, of several their medians.
pub(super) fn numbers(trials: &[Trial], told: &Trial) -> Markup {
    let trials: Vec<&Trial> = trials.iter().filter(|trial| trial.marks.t0.is_some()).collect();
    if trials.is_empty() || told.marks.t0.is_none() {
        return html! {};
    }
    let all = |of: fn(&Trial) -> Number| trials.iter().map(|trial| of(trial)).collect::<Vec<_>>();
    html! {
        section.numbers aria-label="Key numbers" {
            @if !told.alerts.is_empty() {
                (number("Time to detect", "fault effective → firing", &all(|trial| Number::of_alert(trial, |alert| (alert.ttd_ms, None)))))
                (number("Time to notify", "fault effective → notification", &all(Number::of_notice)))
            }
            @if acked(&trials) { (number("Time to acknowledge", "notification → ack", &all(Number::of_ack))) }
            @if trials.iter().any(|trial| trial.mitigation.is_some()) {
                (number("Time to mitigate", "fault effective → “mitigated”", &all(Number::of_mitigation)))
            }
            (number("Time to recover", &recovering(&trials), &all(|trial| Number::known(trial.ttr_ms, not_steady(trial)))))
            (number("Self-heal", "fault removed → steady", &healing(&trials)))
            @if !told.alerts.is_empty() {
                (number("Hang-over", "fault removed → resolved notice", &all(Number::of_end)))
            }
        }
        (notes(told))
    }
}

/// What the time to recover is of: most of it may be the drill's own doing.
fn recovering(trials: &[&Trial]) -> String {
    let held = match trials {
        [one] => one.held_ms(),
        _ => None,
    };
    let held = held.map_or_else(String::new, |ms| {
        format!(", {} of it the drill's own hold", span(ms))
    });
    format!("fault effective → steady{held}")
}

/// The self-heal of each; of the only trial as exactly as its probes looked.
fn healing(trials: &[&Trial]) -> Vec<Number> {
    let one = |trial: &&Trial| {
        let look = trial.within_a_look().filter(|_| trials.len() == 1);
        let look = look.and_then(|look| i64::try_from(look).ok());
        Number {
            between: look.map(|look| [0, look]),
            ..Number::known(trial.self_heal_ms.filter(|_| look.is_none()), not_steady(trial))
        }
    };
    trials.iter().map(one).collect()
}

fn not_steady(trial: &Trial) -> &'static str {
    if trial.never_left {
        "never left"
    } else {
        "not seen"
    }
}

fn acked(trials: &[&Trial]) -> bool {
    let mut alerts = trials.iter().flat_map(|trial| &trial.alerts);
    alerts.any(|alert| alert.ack.is_some())
}

/// What has to be known to read the numbers.
fn notes(trial: &Trial) -> Markup {
    html! {
        @if let Some(sight) = &trial.sight {
            p.note { span.key { "Who noticed:" } " " (prose(&sight.summary)) "." }
        }
        @if trial.alerts.len() > 1 && let Some(alert) = first_notified(trial) {
            p.note { "Detection and hang-over are those of " (clean(&alert.title())) ", the first to arrive." }
        }
        @if trial.group_stage_clean == Some(false) {
            p.note { (pill(Tone::Doubt, "group not clean"))
                " " (prose(trial.why.get("group_stage_clean").map_or("Alertmanager still had a group from before", String::as_str)))
                ": the notification time counts in no mean." }
        }
    }
}

/// Of several alerts the one that was notified first stands for all.
fn first_notified(trial: &Trial) -> Option<&AlertReport> {
    let alerts = trial.alerts.iter();
    alerts.min_by_key(|alert| (alert.marks.t5.is_none(), alert.marks.t5))
}

/// A time, or the two that it is between.
type Measured = (Option<i64>, Option<[i64; 2]>);

/// A time of a trial: known, known to lie between two, or not there and the word for that.
struct Number {
    ms: Option<i64>,
    between: Option<[i64; 2]>,
    absent: &'static str,
}

impl Number {
    fn known(ms: Option<i64>, absent: &'static str) -> Self {
        Self {
            ms,
            between: None,
            absent,
        }
    }

    fn of_alert(trial: &Trial, of: fn(&AlertReport) -> Measured) -> Self {
        let alert = first_notified(trial);
        let (ms, between) = alert.map_or((None, None), of);
        let absent = match alert.map(|alert| alert.verdict) {
            Some(AlertVerdict::Unknown) => "unknown",
            Some(_) => "never",
            None => "—",
        };
        Self { ms, between, absent }
    }

    /// One that went elsewhere was sent, and of one that nobody observed it is not known.
    fn of_notice(trial: &Trial) -> Self {
        let told = Self::of_alert(trial, |alert| (alert.ttn_ms, alert.ttn_between_ms));
        let absent = match first_notified(trial) {
            Some(alert) if alert.elsewhere.is_some() => "elsewhere",
            Some(alert) if alert.why.get("T5").is_some_and(|why| why == NOT_OBSERVED) => "not observed",
            _ => told.absent,
        };
        Self { absent, ..told }
    }

    /// Of what never began nobody can say how long it took to end.
    fn of_end(trial: &Trial) -> Self {
        let of = |alert: &AlertReport| (alert.hang_over_ms, alert.hang_over_between_ms);
        let absent = match first_notified(trial).map(|alert| alert.marks.t5.is_some()) {
            Some(true) => "not seen",
            _ => "—",
        };
        Self {
            absent,
            ..Self::of_alert(trial, of)
        }
    }

    fn of_ack(trial: &Trial) -> Self {
        let acks = trial.alerts.iter().filter_map(|alert| alert.ack.as_ref());
        let first = acks.min_by_key(|ack| ack.t6);
        Self::known(first.and_then(|ack| ack.tta_ms), "never")
    }

    fn of_mitigation(trial: &Trial) -> Self {
        let said = trial.mitigation.as_ref();
        Self::known(said.and_then(|said| said.ttm_ms), "never")
    }
}

/// One of the key numbers; what is known to lie between two is never shown as one.
fn number(name: &str, what: &str, all: &[Number]) -> Markup {
    let values: Vec<i64> = all.iter().filter_map(|one| one.ms).collect();
    let several = (all.len() > 1).then(|| over(&values, all.len()));
    html! {
        div.number {
            div.name { (name) }
            @match (median_of(values.iter().copied()), all) {
                (Some(ms), _) => { div.figure title=(exact(ms)) data-ms=(ms) { (figure(ms)) } }
                (None, [Number { between: Some(_), .. }]) => { div.figure.none { (span_or_between(None, all[0].between)) } }
                (None, [first, ..]) => { div.figure.none { (first.absent) } }
                (None, []) => {}
            }
            div.what { (what) @if all.iter().any(|one| one.ms.is_none() && one.between.is_some()) { ", an interval" } }
            @if let Some(several) = several { div.what { (several) } }
        }
    }
}

/// What the median of several trials is of.
fn over(values: &[i64], trials: usize) -> String {
    let of = if values.len() == trials {
        format!("{trials} trials")
    } else {
        format!("{} of {trials} trials", values.len())
    };
    match (values.iter().min(), values.iter().max()) {
        (Some(low), Some(high)) => format!("median of {of}, {} to {}", span(*low), span(*high)),
        _ => format!("in {of}"),
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
