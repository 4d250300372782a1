//! How much of the journal stands whole, and what of it was summed up.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, ProbeName, RegionName};
use serde::Serialize;

use crate::words;

/// What stands in the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JournalReport {
    /// Its lines.
    pub lines: u64,
    /// Looks, the summed ones among them.
    pub looks: Summed,
    /// Evaluations of steady states, the summed ones among them.
    pub evaluations: Summed,
    /// Looks by probe and region.
    pub probes: Vec<ProbeSummed>,
}

/// How many there were, and how many of them have no line of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summed {
    /// All of them.
    pub all: u64,
    /// Those that were summed up.
    pub summed: u64,
}

/// The looks of a probe from a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeSummed {
    /// Which probe.
    pub probe: String,
    /// From where.
    pub region: String,
    /// Its looks.
    #[serde(flatten)]
    pub looks: Summed,
}

impl Summed {
    fn whole(&mut self, number: usize) {
        self.all += number as u64;
    }

    fn summed(&mut self, number: usize) {
        self.whole(number);
        self.summed += number as u64;
    }

    fn add(&mut self, number: usize, by_reader: bool) {
        if by_reader {
            self.whole(number);
        } else {
            self.summed(number);
        }
    }
}

impl JournalReport {
    /// Whether anything was summed up.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.looks.summed + self.evaluations.summed > 0
    }

    /// In a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        if !self.is_sampled() {
            return format!(
                "All of the journal is whole: {}, nothing was summed up.",
                words::count(self.lines, "line")
            );
        }
        format!(
            "The journal has {} and was sampled: {} of {} and {} of {} of a steady state, all of them saying nothing new, \
             were summed up. When each of them was and what it measured is kept, so every number here is that of all of \
             them; their phases, steps' times and traces are not. The first failures of each kind after one another, and what is on either side of a change, are whole.",
            words::count(self.lines, "line"),
            self.looks.summed,
            words::count(self.looks.all, "look"),
            self.evaluations.summed,
            words::count(self.evaluations.all, "evaluation"),
        )
    }

    /// Adds another journal's.
    pub(super) fn with(mut self, events: &[Event]) -> Self {
        let mut probes: BTreeMap<(&ProbeName, &RegionName), Summed> = BTreeMap::new();
        for event in events {
            match &event.kind {
                EventKind::ProbeDone(done) => {
                    probes.entry((&done.probe, &event.region)).or_default().whole(1);
                }
                EventKind::LooksSummed(one) => probes
                    .entry((&one.probe, &event.region))
                    .or_default()
                    .add(one.looks.len(), one.by_reader),
                EventKind::SteadyEvaluated(_) => self.evaluations.whole(1),
                EventKind::SteadySummed(one) => self.evaluations.add(one.values.len(), one.by_reader),
                _ => {}
            }
        }
        let lines = events.iter().map(|event| event.seq.saturating_add(1)).max();
        self.lines = self.lines.saturating_add(lines.unwrap_or(0));
        for looks in probes.values() {
            self.looks.all += looks.all;
            self.looks.summed += looks.summed;
        }
        self.probes
            .extend(probes.into_iter().map(|((probe, region), looks)| ProbeSummed {
                probe: probe.to_string(),
                region: region.to_string(),
                looks,
            }));
        self
    }
}
