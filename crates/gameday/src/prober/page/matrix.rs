//! Regions by probes: what each says, how long it took and in which phases, and the last looks.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{Outcome, ProbeName, RegionName, printable};
use maud::{Markup, html};

use super::marks::{bar, strip, verdict};
use crate::prober::book::{Entry, Known};
use crate::prober::describe::ms;

/// Rows that are shown; more would be no page any more.
const MAX_ROWS: usize = 200;
/// With more rows, one wants to look for a name.
const MANY: usize = 12;

type Row<'k> = (&'k ProbeName, BTreeMap<&'k RegionName, &'k Entry>);

pub(super) fn section(known: &Known, wanted: &str) -> Markup {
    let all = rows(known);
    let regions: BTreeSet<&RegionName> = known.entries.keys().map(|(_, region)| region).collect();
    let all_rows = all.len();
    let mut shown: Vec<Row<'_>> = all
        .into_iter()
        .filter(|(probe, _)| probe.as_str().contains(wanted))
        .collect();
    let found = shown.len();
    if found > MAX_ROWS {
        // What is well can be left out; the order of names stays, so that nothing moves.
        shown.sort_by_key(|(probe, row)| (is_well(row), *probe));
        shown.truncate(MAX_ROWS);
        shown.sort_by_key(|(probe, _)| *probe);
    }
    html! {
        section.matrix {
            h2 { "Probes" }
            @if all_rows > MANY || !wanted.is_empty() { (search(wanted)) }
            @if found > shown.len() {
                p.note { (shown.len()) " of " (found) " probes" " are shown, those that are not up first." }
            }
            @if shown.is_empty() { p.note { "No probe is named like this." } } @else { (legend()) }
            table {
                thead { tr { th scope="col" { "Probe" } @for region in &regions { th scope="col" { (region) } } } }
                tbody { @for row in &shown { (line(row, &regions)) } }
            }
        }
    }
}

fn rows(known: &Known) -> Vec<Row<'_>> {
    let mut rows = BTreeMap::<_, BTreeMap<_, _>>::new();
    for ((probe, region), entry) in &known.entries {
        rows.entry(probe).or_default().insert(region, entry);
    }
    rows.into_iter().collect()
}

fn is_well(row: &BTreeMap<&RegionName, &Entry>) -> bool {
    row.values().all(|entry| {
        let last = entry.last.as_ref();
        last.is_some_and(|last| matches!(&last.outcome, Outcome::Up { slow } if slow.is_empty()))
    })
}

fn line((probe, row): &Row<'_>, regions: &BTreeSet<&RegionName>) -> Markup {
    let totals = row
        .values()
        .filter_map(|entry| Some(entry.last.as_ref()?.total_us));
    let longest_us = totals.max().unwrap_or_default();
    html! {
        tr data-key=(probe) {
            th scope="row" { (probe) }
            @for region in regions {
                td {
                    @match row.get(region) {
                        Some(entry) => (cell(entry, region, longest_us)),
                        None => p.none data-region=(region) { "not from here" },
                    }
                }
            }
        }
    }
}

fn cell(entry: &Entry, region: &RegionName, longest_us: u64) -> Markup {
    let Some(last) = &entry.last else {
        return html! { p.none data-region=(region) { "not looked at yet" } };
    };
    let longest_phase = last.phases.named().into_iter().max_by_key(|(_, us)| *us);
    let most = longest_phase.filter(|(_, us)| *us > 0);
    html! {
        div.said data-region=(region) {
            (verdict(&last.outcome))
            span.took {
                @if let Some((name, us)) = most { small { (name) " " (ms(us)) " of " } }
                (ms(last.total_us))
            }
        }
        // What fails is told above, with its reason.
        @if let (Outcome::Up { .. }, Some(message)) = (&last.outcome, &last.message) {
            p.note { (printable(message)) }
        }
        (bar(&last.phases, last.total_us, longest_us))
        (strip(entry.recent.iter().copied()))
    }
}

fn legend() -> Markup {
    html! {
        p.legend {
            @for (name, _) in gameday_core::Phases::default().named() {
                span { svg.key viewBox="0 0 10 10" aria-hidden="true" { rect.{"p-" (name)} width="10" height="10" rx="2" {} } (name) }
            }
            span { svg.key viewBox="0 0 10 10" aria-hidden="true" { rect.other width="10" height="10" rx="2" {} } "other" }
        }
    }
}

fn search(wanted: &str) -> Markup {
    html! {
        form method="get" action="/" role="search" {
            input type="search" name="probe" value=(wanted) aria-label="names that hold" placeholder="probe" maxlength="64";
            button { "show" }
        }
    }
}
