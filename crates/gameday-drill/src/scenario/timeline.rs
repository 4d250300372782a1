//! `[timeline]`: the faults, when, how long and on what.

use std::fmt;
use std::time::Duration;

use gameday_core::{FaultName, Problems, Span, Table};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::fault::{self, Fault};
use super::order::{self, Waits};
use super::probes::Probes;
use super::targets::Targets;
use crate::plan::Entry;

/// The entries, and for each that waits where it says so.
pub(super) type Read = (Vec<Entry>, Vec<Option<std::ops::Range<usize>>>);

pub(super) fn read(
    root: &mut Table<'_, '_>,
    targets: &Targets,
    probes: &Probes,
    has_prometheus: bool,
) -> Read {
    let problems = root.problems();
    if !root.has("timeline") {
        let problem = problems.source().problem(0..0, "the table [timeline] is missing");
        problems.push(problem.hint("a drill without a fault is a probe: see `gameday probe`"));
    }
    let place = root.key_span("timeline");
    let tables = root.tables("timeline");
    if let Some(place) = place.filter(|_| tables.is_empty()) {
        let problem = problems.source().problem(place, "the timeline has no fault");
        problems
            .push(problem.hint(
                "e.g. `slow = { hold = \"60s\", on = \"db\", fault.latency = { delay = \"200ms\" } }`",
            ));
    }
    let mut entries = Vec::new();
    for (name, table) in tables {
        match FaultName::new(name.get_ref()) {
            Ok(name) => entries.extend(read_one(name, table, targets, probes, has_prometheus)),
            Err(error) => problems.add(name.span(), error.to_string()),
        }
    }
    tell_overlaps(problems, &entries);
    entries
        .into_iter()
        .map(|(entry, _, waits)| (entry, waits))
        .unzip()
}

/// How long a fault is held: a span, or until a person says so.
struct Hold {
    length: Duration,
    until_mitigated: bool,
}

/// Longer than any drill may last: `[guard] max_duration` ends it sooner.
const UNTIL_TOLD: Duration = Duration::from_secs(86_400);

impl<'de> Deserialize<'de> for Hold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HoldVisitor)
    }
}

struct HoldVisitor;

impl Visitor<'_> for HoldVisitor {
    type Value = Hold;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"60s\", or \"until mitigated\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hold, E> {
        if text == "until mitigated" {
            return Ok(Hold {
                length: UNTIL_TOLD,
                until_mitigated: true,
            });
        }
        let span = text
            .parse::<Span>()
            .map_err(|error| E::custom(format!("{error}, or `until mitigated`")))?;
        Ok(Hold {
            length: span.get(),
            until_mitigated: false,
        })
    }
}

/// What a person ends lasts as long as the drill may, at most.
pub(super) fn bound(entries: &mut [Entry], max_duration: Duration) {
    for entry in entries.iter_mut().filter(|entry| entry.until_mitigated) {
        entry.hold = max_duration;
    }
}

type Placed = (Entry, std::ops::Range<usize>, Option<std::ops::Range<usize>>);

fn read_one(
    name: FaultName,
    mut table: Table<'_, '_>,
    targets: &Targets,
    probes: &Probes,
    has_prometheus: bool,
) -> Option<Placed> {
    let problems = table.problems();
    let waits: Waits = order::read_after(&mut table);
    let at: Option<Span> = table.get("at");
    let only_if = order::read_only_if(&mut table, probes, has_prometheus);
    let hold: Option<Spanned<Hold>> = table.need_spanned("hold");
    let on: Option<Spanned<String>> = table.need_spanned("on");
    let kind = on.as_ref().and_then(|on| targets.kind_of(on.get_ref()));
    let fault = fault::read(&mut table, kind);
    let place = table.span();
    table.finish();

    let (hold, on) = (hold?, on?);
    if hold.get_ref().length.is_zero() {
        problems.add(hold.span(), "a fault is held for some time");
    }
    let (on_name, target) = targets.known(problems, &on)?;
    let Fault {
        kind: fault,
        place: fault_place,
    } = fault?;
    let fits = fault.targets();
    if !fits.is_empty() && !fits.contains(&target.kind()) {
        let (word, wanted, found) = (fault.word(), fits.join(" or a "), target.kind());
        problems.add(
            fault_place,
            format!("`{word}` is done to a {wanted}, and `{on_name}` is a {found}"),
        );
    }
    let at = at.map(Span::get).unwrap_or_default();
    let (after, after_place) = waits;
    Some((
        Entry {
            name,
            at,
            after,
            only_if,
            hold: hold.get_ref().length,
            until_mitigated: hold.get_ref().until_mitigated,
            on: on_name.clone(),
            fault,
        },
        place,
        after_place,
    ))
}

/// Entries may overlap, but not two that take the same thing away: undoing one would undo the other.
fn tell_overlaps(problems: &Problems<'_>, entries: &[Placed]) {
    // When one that waits comes is not known; it then waits for its target as well.
    for (index, (second, place, waits)) in entries.iter().enumerate() {
        let clash = entries[..index].iter().find(|(first, _, too)| {
            let together = waits.is_none()
                && too.is_none()
                && first.at < second.at + second.hold
                && second.at < first.at + first.hold;
            together && first.excludes(second)
        });
        if let Some((first, ..)) = clash {
            let message = format!(
                "`{}` and `{}` overlap on `{}`",
                first.name, second.name, second.on
            );
            problems.push(
                problems
                    .source()
                    .problem(place.clone(), message)
                    .hint("let one end before the other begins"),
            );
        }
    }
}
