//! The status page: what each region says of each probe, and why the last failures failed.

use gameday_core::{Phases, printable};
use maud::{DOCTYPE, Markup, html};

use super::book::{Book, Entry, Failure, Known};

/// The page as it is now.
pub(super) fn render(book: &Book) -> String {
    let known = book.read();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "gameday prober" }
            }
            body {
                h1 { "gameday prober" }
                @if let Some(problems) = &known.reload.problems {
                    p { "The files were bad at " (known.reload.at.to_ms_string()) ": everything stays as it was." }
                    pre { (printable(problems)) }
                }
                (probes(&known))
                (failures(&known))
            }
        }
    };
    page.into_string()
}

fn probes(known: &Known) -> Markup {
    html! {
        table {
            thead { tr { th { "Probe" } th { "Region" } th { "Verdict" } th { "Took" } th { "Phases" } } }
            tbody {
                @for ((probe, region), entry) in &known.entries {
                    tr { th scope="row" { (probe) } td { (region) } (last(entry)) }
                }
            }
        }
    }
}

fn last(entry: &Entry) -> Markup {
    html! {
        @match &entry.last {
            None => { td colspan="3" { "not yet looked at" } }
            Some(last) => {
                td {
                    (last.outcome.word()) " since " (last.since.to_ms_string())
                    @if let Some(message) = &last.message { ": " (printable(message)) }
                }
                td { (ms(last.total_us)) }
                td { (phases(&last.phases)) }
            }
        }
    }
}

fn phases(phases: &Phases) -> String {
    let spent = phases.named().into_iter().filter(|(_, us)| *us > 0);
    spent
        .map(|(name, us)| format!("{name} {}", ms(us)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn failures(known: &Known) -> Markup {
    let line = |failure: &Failure| {
        let reason = failure
            .outcome
            .reason()
            .map(|reason| reason.to_string())
            .unwrap_or_default();
        html! {
            tr {
                td { (failure.at.to_ms_string()) } td { (failure.probe) } td { (failure.region) } td { (reason) }
                td { (printable(&failure.message)) }
            }
        }
    };
    html! {
        h2 { "Last failures" }
        table { tbody { @for failure in &known.failures { (line(failure)) } } }
    }
}

fn ms(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}
