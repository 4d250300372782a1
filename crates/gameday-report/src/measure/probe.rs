//! What the probes saw, by probe, region and part of the drill.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, Outcome, ProbeName, RegionName};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::look::looks;
use super::timeline::Timeline;

/// Latencies over an hour are counted as an hour.
const HIGHEST_US: u64 = 3_600_000_000;

/// One probe in one region.
#[derive(Debug, Clone, Serialize)]
pub struct ProbeReport {
    /// Its name in the scenario.
    pub probe: String,
    /// Where it looked from.
    pub region: String,
    /// Looks that were over before the first fault was ordered.
    pub before: Phase,
    /// Those that ended later and began before the last fault was gone.
    pub during: Phase,
    /// From then on.
    pub after: Phase,
}

impl ProbeReport {
    /// Each part of the drill with its word.
    #[must_use]
    pub fn phases(&self) -> [(&'static str, &Phase); 3] {
        [
            ("before", &self.before),
            ("during", &self.during),
            ("after", &self.after),
        ]
    }

    /// Ticks that should have been looks since the first fault, and those of them that told nothing.
    pub(super) fn looks(&self) -> (u64, u64) {
        let of = |phase: &Phase| {
            (
                phase.runs.saturating_add(phase.missed),
                phase.unknown.saturating_add(phase.missed),
            )
        };
        let ((a, b), (c, d)) = (of(&self.during), of(&self.after));
        (a.saturating_add(c), b.saturating_add(d))
    }
}

/// What a probe saw in a part of the drill.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Phase {
    /// Looks.
    pub runs: u64,
    /// Looks that said up, the slow ones among them.
    pub up: u64,
    /// Looks that said up, with a step over its objective.
    pub slow: u64,
    /// Looks that said down.
    pub down: u64,
    /// Looks that could not look.
    pub unknown: u64,
    /// Ticks without a look.
    pub missed: u64,
    /// Median latency of the looks that said up, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub p95_ms: Option<f64>,
    /// Largest of the same.
    pub max_ms: Option<f64>,
    /// How often each reason was given.
    pub reasons: BTreeMap<&'static str, u64>,
}

/// Every probe of the plan in every region, also those that never looked.
pub(super) fn read(timeline: &Timeline<'_>) -> Vec<ProbeReport> {
    let mut found: BTreeMap<(&ProbeName, &RegionName), [Tally; 3]> = BTreeMap::new();
    for probe in &timeline.started.plan.probes {
        for region in &probe.regions {
            found.insert((&probe.name, region), Default::default());
        }
    }
    let t0 = timeline
        .first_ordered()
        .map_or(u64::MAX, |event| event.at.as_micros());
    let t7 = timeline
        .last_removed()
        .map_or(u64::MAX, |event| event.at.as_micros());
    // A look that was still under way when the fault was ordered saw some of it: it says nothing of before.
    let part = |began: u64, ended: u64| usize::from(ended >= t0) + usize::from(began >= t0 && began >= t7);
    for look in looks(timeline.events) {
        let tallies = found.entry((look.probe, look.region)).or_default();
        let began = look.intended.as_micros();
        let ended = began.saturating_add(look.total_us);
        tallies[part(began, ended)].look(look.outcome, look.total_us);
    }
    for event in timeline.events {
        if let EventKind::ProbeMissed { probe, count } = &event.kind {
            let tallies = found.entry((probe, &event.region)).or_default();
            let missed = &mut tallies[part(at(event), at(event))].phase.missed;
            *missed = missed.saturating_add(*count);
        }
    }
    found
        .into_iter()
        .map(|((probe, region), tallies)| report(probe, region, tallies))
        .collect()
}

fn at(event: &Event) -> u64 {
    event.at.as_micros()
}

fn report(probe: &ProbeName, region: &RegionName, tallies: [Tally; 3]) -> ProbeReport {
    let [before, during, after] = tallies.map(Tally::finish);
    ProbeReport {
        probe: probe.to_string(),
        region: region.to_string(),
        before,
        during,
        after,
    }
}

struct Tally {
    phase: Phase,
    latency: Histogram<u64>,
    max_us: Option<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let latency =
            Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("the bounds are constants in order");
        Self {
            phase: Phase::default(),
            latency,
            max_us: None,
        }
    }
}

impl Tally {
    fn look(&mut self, outcome: &Outcome, total_us: u64) {
        self.phase.runs += 1;
        match outcome {
            Outcome::Up { slow } => {
                self.phase.up += 1;
                self.phase.slow += u64::from(!slow.is_empty());
                self.latency.saturating_record(total_us);
                self.max_us = self.max_us.max(Some(total_us));
            }
            Outcome::Down(_) => self.phase.down += 1,
            Outcome::Unknown(_) => self.phase.unknown += 1,
        }
        if let Some(reason) = outcome.reason() {
            *self.phase.reasons.entry(reason.word()).or_default() += 1;
        }
    }

    fn finish(mut self) -> Phase {
        if let Some(max_us) = self.max_us {
            // A bucket's upper end may lie above the largest value that was seen.
            let quantile = |q| Some(to_ms(self.latency.value_at_quantile(q).min(max_us)));
            self.phase.p50_ms = quantile(0.5);
            self.phase.p95_ms = quantile(0.95);
            self.phase.max_ms = Some(to_ms(max_us));
        }
        self.phase
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies stay far below 2^53 µs")]
fn to_ms(us: u64) -> f64 {
    // To a tenth of a millisecond: a histogram of three digits knows no more.
    (us as f64 / 100.0).round() / 10.0
}
