//! Where the time to the notification went, stage by stage, predicted beside measured, and what would shorten it.

use maud::{Markup, html};

use super::parts::{prose, section};
use super::scale::{float, px};
use crate::measure::Advice;
use crate::words::{self, clean, exact, exact_or_between, exact_or_dash, percent, spaced};
use crate::{AlertReport, Moment, StagesMs, Trial};

/// Where the time went for each alert, and its marks.
pub(super) fn stages(trial: &Trial) -> Markup {
    if trial.marks.t0.is_none() {
        return html! {};
    }
    html! { @for alert in &trial.alerts { (stages_of(trial, alert)) } }
}

fn stages_of(trial: &Trial, alert: &AlertReport) -> Markup {
    let title = match trial.alerts.len() {
        1 => "Where the time went".to_owned(),
        _ => format!("Where the time went: {}", clean(&alert.title())),
    };
    let none = alert.stages_ms == StagesMs::default() && alert.predicted.is_none();
    section(
        &title,
        html! {
            @if let Some(advice) = &alert.advice { (largest(advice)) }
            @if none { p.note { "No stage is known: " (why(alert, "ttn_ms")) "." } } @else { (waterfall(trial, alert)) }
            (foretold(alert))
            (marks(trial, alert))
            @for note in words::remarks(alert) { p.note { (prose(&note)) } }
        },
    )
}

/// The largest stage in a sentence.
fn largest(advice: &Advice) -> Markup {
    html! {
        p.lead {
            strong { (exact(advice.ms)) ", " (percent(advice.share)) " of the time" }
            ", went into " (prose(crate::measure::stage_word(advice.stage))) ". "
            span.shorter { "Sooner: " (prose(&advice.text)) "." }
        }
    }
}

/// What was said before the fault, beyond times.
fn foretold(alert: &AlertReport) -> Markup {
    let Some(predicted) = &alert.predicted else {
        return html! { p.note { "Not predicted: " (why(alert, "predicted")) } };
    };
    let lines = words::foretold(predicted);
    html! {
        @if !lines.is_empty() {
            details {
                summary { "What the prediction says, and takes for granted" }
                ul.plain { @for line in lines { li { (prose(&line)) } } }
            }
        }
    }
}

fn why(alert: &AlertReport, key: &str) -> Markup {
    html! { span.why { (prose(alert.why.get(key).map_or("", String::as_str))) } }
}

const MEANING: [(&str, &str); 5] = [
    ("T0e → T1", "until the monitoring could see it"),
    ("T1 → T2", "until the rule was true"),
    ("T2 → T3", "the rule's for"),
    ("T3 → T4", "Prometheus to Alertmanager"),
    ("T4 → T5", "grouping and delivery"),
];

fn waterfall(trial: &Trial, alert: &AlertReport) -> Markup {
    let nothing = StagesMs::default();
    let foretold = alert
        .predicted
        .as_ref()
        .map_or(&nothing, |predicted| &predicted.stages_ms);
    let total = alert.stages_ms.sum().max(foretold.sum());
    let measured = alert.stages_ms.named().into_iter().zip(starts(&alert.stages_ms));
    let predicted = foretold.named().into_iter().zip(starts(foretold));
    let rows = measured.zip(predicted).zip(MEANING);
    let ttn = alert
        .predicted
        .as_ref()
        .map(|predicted| words::predicted(predicted.range("T5")));
    let largest = alert.advice.as_ref().map(|advice| advice.stage);
    html! {
        table.stages {
            thead { tr {
                th { "Stage" } th { "From → to" } th.n { "Predicted" } th.n { "Measured" } th.bars { span.hide { "Share" } }
            } }
            tbody { @for (((( name, ms), start), ((_, foretold), foretold_start)), (marks, meaning)) in rows {
                tr.largest[largest == Some(name)] {
                    th scope="row" { (spaced(name).replace(' ', "-")) span.what { (meaning) } }
                    td.marks { (marks) }
                    td.n data-label="Predicted" { (exact_or_dash(foretold)) }
                    td.n data-label="Measured" { (exact_or_dash(ms)) }
                    td.bars {
                        @if let Some(foretold) = foretold { (bar(Bar::Predicted, foretold_start, foretold, total)) }
                        @match ms {
                            Some(ms) => (bar(Bar::Measured, start, ms, total)),
                            None if is_told_above(alert, name) => {}
                            None => (why(alert, name)),
                        }
                    }
                }
            } }
            tfoot { tr {
                th scope="row" { "Time to notify" } td.marks { "T0e → T5" }
                td.n data-label="Predicted" { (ttn.unwrap_or_else(|| "—".to_owned())) }
                td.n data-label="Measured" { (exact_or_between(alert.ttn_ms, alert.ttn_between_ms)) }
                td.bars { @if alert.ttn_ms.is_none() && !is_told_above(alert, "ttn_ms") { (why(alert, "ttn_ms")) } }
            }
            (of_people(trial, alert))
            }
        }
    }
}

/// What people did about it; of several alerts the mitigation stands with the first.
fn of_people(trial: &Trial, alert: &AlertReport) -> Markup {
    let ack = alert.ack.as_ref();
    let ack = ack.map(|ack| ("Time to acknowledge", "T5 → T6", &ack.who, ack.tta_ms));
    let first = trial
        .alerts
        .first()
        .is_some_and(|first| first.label == alert.label);
    let said = trial.mitigation.as_ref().filter(|_| first);
    let said = said.map(|said| ("Time to mitigate", "T0e → said", &said.who, said.ttm_ms));
    html! {
        @for (name, marks, who, ms) in ack.into_iter().chain(said) { tr {
            th scope="row" { (name) span.what { "by " (clean(who)) } } td.marks { (marks) }
            td.n data-label="Predicted" { "—" } td.n data-label="Measured" { (exact_or_dash(ms)) } td.bars {}
        } }
    }
}

/// Whether an earlier stage is not there for the same reason: a reader needs it once.
fn is_told_above(alert: &AlertReport, stage: &str) -> bool {
    let names = alert.stages_ms.named().map(|(name, _)| name);
    let above = names.iter().take_while(|name| **name != stage);
    let reason = alert.why.get(stage);
    above.into_iter().any(|name| alert.why.get(*name) == reason)
}

/// Where each stage's bar begins: after those before it.
fn starts(stages: &StagesMs) -> [i64; 5] {
    let mut sum = 0;
    stages.named().map(|(_, ms)| {
        let start = sum;
        sum += ms.unwrap_or(0);
        start
    })
}

/// Whose time a bar draws.
#[derive(Clone, Copy, PartialEq)]
enum Bar {
    Predicted,
    Measured,
}

fn bar(whose: Bar, start: i64, ms: i64, total: i64) -> Markup {
    let (size, class) = match whose {
        Bar::Predicted => ("bar thin", "ghost"),
        Bar::Measured => ("bar", "fill"),
    };
    let share = |ms: i64| float(ms) * 100.0 / float(total.max(1));
    html! {
        svg class=(size) viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.lane x="0" y="0" width="100" height="10" {}
            rect class=(class) x=(px(share(start).min(99.4))) y="0" width=(px(share(ms).max(0.6))) height="10" {}
        }
    }
}

/// Each mark with its time and what it is after T0e.
fn marks(trial: &Trial, alert: &AlertReport) -> Markup {
    let fault = trial.faults.iter().find(|fault| fault.name == alert.of);
    let effective = fault.and_then(|fault| fault.effective_at);
    let after = |at: Option<Moment>| {
        at.zip(effective)
            .map_or_else(String::new, |(at, from)| format!("+{}", exact(at.ms_since(from))))
    };
    let raw = |name: &str| match name {
        "T0e" => fault?.raw.get("effective_at"),
        mark => alert.raw.get(mark),
    };
    let told_by = |name: &str| match name {
        "T0e" => Some("the first that the fault touched"),
        mark => alert.told_by.get(mark).map(String::as_str),
    };
    let (told, over) = alert
        .marks
        .named()
        .into_iter()
        .partition::<Vec<_>, _>(|(name, _)| !["T9", "T10"].contains(name));
    let ack = alert.ack.as_ref().map(|ack| ("T6", Some(ack.t6)));
    let all = [("T0e", effective)]
        .into_iter()
        .chain(told)
        .chain(ack)
        .chain(over);
    html! {
        details {
            summary { "Marks, UTC" }
            div.scroll tabindex="0" role="region" aria-label="Marks" { table.plain {
                thead { tr { th { "Mark" } th { "What" } th.n { "Time" } th.n { "After T0e" } th { "As the source gave it" } th { "Read from" } } }
                tbody { @for (name, at) in all {
                    tr {
                        th scope="row" { (name) }
                        td { (meaning(name)) }
                        td.n { (at.map_or_else(|| "—".to_owned(), Moment::clock)) }
                        td.n { (after(at)) }
                        td { @match raw(name).filter(|_| at.is_some()) {
                            Some(raw) => code { (clean(raw)) },
                            None => (why(alert, name)),
                        } }
                        td { @match (name, &alert.ack) {
                            ("T6", Some(ack)) => (clean(&ack.who)),
                            _ => (told_by(name).filter(|_| at.is_some()).unwrap_or_default()),
                        } }
                    }
                } }
            } }
        }
    }
}

fn meaning(mark: &str) -> &'static str {
    match mark {
        "T0e" => "fault effective",
        "T1" => "first scrape that could see it",
        "T2" => "rule active",
        "T3" => "firing",
        "T4" => "seen by Alertmanager",
        "T5" => "notification received",
        "T6" => "acknowledged",
        "T9" => "rule inactive",
        _ => "resolved notice received",
    }
}
