//! `report.html`: one file that needs no network, reads on a phone and prints; without its script it is whole.

mod account;
mod arrivals;
mod disturbances;
mod figure;
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

/// Of several trials the page shows the worst whole, and the others below, folded.
fn body(measurement: &Measurement) -> Markup {
    let worst = measurement
        .trials
        .iter()
        .rev()
        .max_by_key(|trial| trial.verdict.precedence());
    let Some(trial) = worst else { return html! {} };
    let touched = trial.marks.t0.is_some();
    html! {
        (summary::numbers(trial))
        (summary::briefing(measurement, trial))
        (summary::refusal(trial))
        @if touched { (contents(measurement)) }
        (summary::reasons(trial))
        div #scorecard { (scorecard::section_of(measurement)) }
        div #timeline { (timeline::section(trial)) }
        div #stages { (waterfall::stages(trial)) (disturbances::table(trial)) }
        div #trials { (trials::strip(measurement)) (over_trials::overview(measurement)) (summary::means(measurement)) (trials::difference(measurement)) }
        (told(trial))
        div #findings { @if touched { (account::findings(trial)) (account::blanks()) } }
        div #log { (account::log(measurement, trial)) }
        (others(measurement, trial))
        div #appendix { (appendix(measurement, trial)) }
    }
}

/// What happened in a trial, table by table.
fn told(trial: &Trial) -> Markup {
    html! {
        div #alerts { (arrivals::forbidden(trial)) (arrivals::other_alerts(trial)) (arrivals::notifications(trial)) (arrivals::links(trial)) (tables::people(trial)) }
        div #recovery { (tables::recovery(trial)) }
        div #impact { (account::impact(trial)) (tables::probes(trial)) }
        div #safety { (tables::faults(trial)) (tables::safety(trial)) }
    }
}

fn contents(measurement: &Measurement) -> Markup {
    let several = measurement.trials.len() > 1;
    html! {
        nav.contents aria-label="Contents" {
            @for (anchor, name) in [
                ("scorecard", "Scorecard"), ("timeline", "Timeline"), ("stages", "Where the time went"), ("trials", "Trials"), ("alerts", "Alerts"),
                ("recovery", "Recovery"), ("impact", "Impact"), ("safety", "Safety"), ("findings", "Findings"), ("log", "Log"), ("appendix", "Appendix"),
            ] { @if anchor != "trials" || several { a href={ "#" (anchor) } { (name) } } }
        }
    }
}

/// Every other trial, folded.
fn others(measurement: &Measurement, shown: &Trial) -> Markup {
    html! {
        @for trial in measurement.trials.iter().filter(|trial| trial.index != shown.index) {
            details.trial id={ "trial-" (trial.index) } {
                summary { "Trial " (trial.index + 1) " · " (parts::verdict_word(trial.verdict)) " · " (clean(&trial.summary)) }
                (summary::numbers(trial))
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
        (tables::plan(measurement))
    }
}
