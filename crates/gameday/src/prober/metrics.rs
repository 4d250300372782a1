//! Prometheus' text format, a piece at a time: thousands of probes make a hundred megabytes of text.
//!
//! The book is held for one piece only and no more than one is in memory, so that a scrape delays no look.

mod families;
mod text;

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::ops::Bound;
use std::sync::Arc;

use gameday_core::{ProbeName, RegionName};

use super::book::{Book, Entry, Known};
use super::council;
use crate::slo;
use families::FAMILIES;
use text::{Labels, Seconds, escaped};

pub(super) use text::{head, seconds_of};

/// Entries in a piece; each has a few kilobytes of histograms.
const ENTRIES: usize = 64;

type Entries = BTreeMap<(ProbeName, RegionName), Entry>;

/// All metrics, from the prober's own to what regions and objectives say.
pub(super) struct Pieces {
    book: Arc<Book>,
    next: Option<Next>,
}

/// What the next piece is.
enum Next {
    Own,
    /// The entries after one, of a family by its place in the table.
    Family(usize, Option<(ProbeName, RegionName)>),
    Readings,
    Together,
}

impl Pieces {
    pub(super) fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            next: Some(Next::Own),
        }
    }
}

impl Iterator for Pieces {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut out = String::new();
        // A String takes anything.
        self.next = match self.next.take()? {
            Next::Own => {
                own(&mut out, &self.book).ok();
                Some(Next::Family(0, None))
            }
            Next::Family(place, after) => Some(family(&mut out, &self.book.read().entries, place, after)),
            Next::Readings => {
                readings(&mut out, &self.book.read()).ok();
                Some(Next::Together)
            }
            Next::Together => {
                together(&mut out, &self.book).ok();
                None
            }
        };
        Some(out)
    }
}

/// The prober's own metrics.
fn own(out: &mut String, book: &Book) -> fmt::Result {
    let known = book.read();
    let name = "gameday_build_info";
    head(out, name, "gauge", "The build that serves this.")?;
    writeln!(out, "{name}{{version=\"{}\"}} 1", crate::BUILD)?;
    let name = "gameday_prober_start_time_seconds";
    head(
        out,
        name,
        "gauge",
        "When the prober began, in seconds since 1970.",
    )?;
    writeln!(out, "{name} {}", seconds_of(book.began))?;
    let name = "gameday_prober_config_last_reload_successful";
    let help = "Whether the files were good when they were last read.";
    head(out, name, "gauge", help)?;
    writeln!(out, "{name} {}", u8::from(known.reload.ok))?;
    let name = "gameday_prober_start_lag_seconds";
    head(out, name, "summary", "How much later than intended looks begin.")?;
    for quantile in [0.5, 0.9, 0.99, 1.0] {
        let us = known.lag.value_at_quantile(quantile);
        writeln!(out, "{name}{{quantile=\"{quantile}\"}} {}", Seconds(us))?;
    }
    writeln!(out, "{name}_count {}", known.lag.len())?;
    let name = "gameday_prober_evidence_lost_total";
    head(out, name, "counter", "Failures whose evidence could not be kept.")?;
    writeln!(out, "{name} {}", book.store.lost())
}

/// Some entries of a family; what comes after them.
fn family(out: &mut String, entries: &Entries, place: usize, after: Option<(ProbeName, RegionName)>) -> Next {
    let Some(family) = FAMILIES.get(place) else {
        return Next::Readings;
    };
    if after.is_none() {
        head(out, family.name, family.kind, family.help).ok();
    }
    let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut last = None;
    for (count, (key, entry)) in entries.range((begin, Bound::Unbounded)).enumerate() {
        if count == ENTRIES {
            return Next::Family(place, last);
        }
        (family.write)(out, family.name, (&key.0, &key.1), entry).ok();
        last = (count + 1 == ENTRIES).then(|| key.clone());
    }
    Next::Family(place + 1, None)
}

/// A family's lines stand together, so they are gathered by name first.
fn readings(out: &mut String, known: &Known) -> fmt::Result {
    let mut families = BTreeMap::<&str, Vec<String>>::new();
    for ((probe, region), entry) in &known.entries {
        for reading in &entry.readings {
            let mut labels = Labels((probe, region)).to_string();
            for (name, value) in &reading.labels {
                labels.push_str(&format!(",{name}=\"{}\"", escaped(value)));
            }
            let line = format!("gameday_probe_{}{{{labels}}} {}", reading.name, reading.value);
            families.entry(reading.name).or_default().push(line);
        }
    }
    for (name, lines) in families {
        let name = format!("gameday_probe_{name}");
        head(out, &name, "gauge", "What the last look read.")?;
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// What regions say together, and what objectives say.
fn together(out: &mut String, book: &Book) -> fmt::Result {
    if let Some(council) = book.council() {
        council::write_metrics(out, council)?;
    }
    slo::write_metrics(out, &book.budgets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_of_many_pieces_has_each_entry_once_under_one_head() {
        let region = RegionName::new("eu").unwrap();
        let entry = |n: usize| {
            let probe = ProbeName::new(&format!("p{n}")).unwrap();
            ((probe, region.clone()), Entry::default())
        };
        for count in [0, 1, ENTRIES, ENTRIES + 1, 3 * ENTRIES] {
            let entries: Entries = (0..count).map(entry).collect();
            let (mut text, mut next) = (String::new(), Next::Family(0, None));
            while let Next::Family(place, after) = next {
                next = family(&mut text, &entries, place, after);
            }
            let lines = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).count();
            assert_eq!(lines("# TYPE "), FAMILIES.len());
            assert_eq!(lines("gameday_probe_missed_total{"), count);
            for n in 0..count {
                assert_eq!(lines(&format!("gameday_probe_missed_total{{probe=\"p{n}\"")), 1);
            }
        }
    }
}
