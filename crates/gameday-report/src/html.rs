//! `report.html`: one file that needs no network and no script, reads on a phone and prints.

mod alerts;
mod figure;
mod labels;
mod parts;
mod scale;
mod summary;
mod tables;
mod timeline;
mod tracks;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::words::clean;
use crate::{Measurement, Trial};

const STYLE: &str = include_str!("html/style.css");

/// Nothing may be loaded, sent, framed or run; only the style that stands in the page applies.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

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
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (summary::banner(measurement))
                    @for trial in &measurement.trials { (body(measurement, trial)) }
                    (summary::means(measurement))
                    (tables::plan(measurement))
                    footer { "gameday " (clean(&measurement.version)) " · " (clean(&measurement.drill)) }
                }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn body(measurement: &Measurement, trial: &Trial) -> Markup {
    html! {
        @if measurement.trials.len() > 1 {
            h2.trial { "Trial " (trial.index + 1) " · " (parts::verdict_word(trial.verdict)) }
        }
        (summary::reasons(trial))
        (summary::numbers(trial))
        (alerts::scorecard(trial))
        (alerts::stages(trial))
        (timeline::section(trial))
        (tables::faults(trial))
        (tables::recovery(trial))
        (tables::probes(trial))
        (tables::notifications(trial))
        (tables::other_alerts(trial))
        (tables::checks(trial))
        (tables::safety(trial))
        (tables::clocks(trial))
    }
}
