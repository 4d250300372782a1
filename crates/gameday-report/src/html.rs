//! `report.html`: one file that needs no network, reads on a phone and prints; without its script it is whole.

mod account;
mod arrivals;
mod difference;
mod disturbances;
mod figure;
mod index;
mod labels;
mod over_trials;
mod parts;
mod policy;
mod scale;
mod scorecard;
mod summary;
mod tables;
mod timeline;
mod tracks;
mod trials;
mod waterfall;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use index::render_index_html;

pub(crate) use parts::{pill, prose, tone, verdict_word};
pub(crate) use scale::{float, px};

use crate::words::clean;
use crate::{Measurement, Trial};

/// How every page of ours looks.
pub(crate) const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The Content-Security-Policy of a page without a script.
pub(crate) fn style_policy(style: &str) -> String {
    policy::style_only(style)
}

/// Renders `report.html`.
#[must_use]
pub fn render_html(measurement: &Measurement) -> String {
    let title = format!(
        "{}: {}",
        measurement.verdict.word().to_uppercase(),
        clean(&measurement.plan.title)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::of(STYLE, SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (summary::banner(measurement))
                    (body(measurement))
                    footer { "gameday " (clean(&measurement.version)) " · " (clean(&measurement.drill)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

/// Of several trials the page shows one whole, and the others below, folded.
fn body(measurement: &Measurement) -> Markup {
    let Some(trial) = measurement.told() else {
        return html! {};
    };
    let parts = parts_of(measurement, trial);
    html! {
        (summary::numbers(&measurement.trials, trial))
        (summary::briefing(measurement, trial))
        (summary::refusal(trial))
        @if trial.marks.t0.is_some() { (contents(&parts)) }
        @if measurement.trials.len() > 1 && trial.marks.t0.is_some() {
            p.note { "The scorecard, the trials and the difference are of all trials; everything else below is of trial " (trial.index + 1) "." }
        }
        (summary::reasons(trial))
        @for part in &parts { div id=(part.anchor) { (part.content) } }
    }
}

/// A part of the page that the contents lead to.
struct Part {
    anchor: &'static str,
    name: &'static str,
    content: Markup,
}

fn parts_of(measurement: &Measurement, trial: &Trial) -> Vec<Part> {
    let touched = trial.marks.t0.is_some();
    let all = [
        ("scorecard", "Scorecard", scorecard::section_of(measurement)),
        ("timeline", "Timeline", timeline::section(trial)),
        (
            "stages",
            "Where the time went",
            html! { (waterfall::stages(trial)) (disturbances::table(trial)) },
        ),
        (
            "trials",
            "Trials",
            html! { (trials::strip(measurement)) (over_trials::together(measurement)) },
        ),
        (
            "difference",
            "Since the last drill",
            difference::section_of(measurement),
        ),
        ("alerts", "Alerts", alerts(trial)),
        ("recovery", "Recovery", tables::recovery(trial)),
        (
            "impact",
            "Impact",
            html! { (account::impact(trial)) (tables::probes(trial)) },
        ),
        (
            "safety",
            "Safety",
            html! { (tables::faults(trial)) (tables::safety(trial)) },
        ),
        (
            "findings",
            "Findings",
            html! { @if touched { (account::findings(trial)) (account::blanks()) } },
        ),
        ("log", "Log", account::log(measurement, trial)),
        ("others", "Other trials", others(measurement, trial)),
        ("appendix", "Appendix", appendix(measurement, trial)),
    ];
    all.into_iter()
        .filter(|(.., content)| !content.0.is_empty())
        .map(|(anchor, name, content)| Part {
            anchor,
            name,
            content,
        })
        .collect()
}

/// What reached whom.
fn alerts(trial: &Trial) -> Markup {
    html! { (arrivals::forbidden(trial)) (arrivals::other_alerts(trial)) (arrivals::notifications(trial)) (arrivals::links(trial)) (tables::people(trial)) }
}

fn contents(parts: &[Part]) -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            @for part in parts { a href={ "#" (part.anchor) } { (part.name) } }
        }
    }
}

/// Every other trial, folded.
fn others(measurement: &Measurement, shown: &Trial) -> Markup {
    html! {
        @for trial in measurement.trials.iter().filter(|trial| trial.index != shown.index) {
            details.trial id={ "trial-" (trial.index) } {
                summary { "Trial " (trial.index + 1) " · " (parts::verdict_word(trial.verdict)) " · " (clean(&trial.summary)) }
                (summary::numbers(std::slice::from_ref(trial), trial))
                (timeline::section(trial))
                (waterfall::stages(trial)) (disturbances::table(trial))
                (arrivals::forbidden(trial)) (arrivals::other_alerts(trial)) (arrivals::notifications(trial)) (tables::recovery(trial))
                (account::impact(trial)) (tables::faults(trial)) (tables::safety(trial))
            }
        }
    }
}

fn appendix(measurement: &Measurement, trial: &Trial) -> Markup {
    html! {
        (tables::checks(trial))
        (tables::clocks(trial))
        (tables::journal(&measurement.journal))
        (tables::plan(measurement))
    }
}
