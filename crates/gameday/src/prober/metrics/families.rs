//! What is told of each probe in each region: one row a metric.

use std::fmt::{self, Write};

use gameday_core::Phases;

use super::text::{Key, Labels, histogram, seconds_of};
use crate::prober::book::{Entry, WORDS};

/// A metric that every entry may have.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    /// Writes one entry's lines of the metric of that name.
    pub(super) write: fn(&mut String, &str, Key<'_>, &Entry) -> fmt::Result,
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "gameday_probe_up",
        kind: "gauge",
        help: "1 when the last look was up, 0 when it was down; none while it is unknown.",
        write: up,
    },
    Family {
        name: "gameday_probe_last_run_timestamp_seconds",
        kind: "gauge",
        help: "When the last look ended.",
        write: |out, name, key, entry| match &entry.last {
            Some(last) => writeln!(out, "{name}{{{}}} {}", Labels(key), seconds_of(last.at)),
            None => Ok(()),
        },
    },
    Family {
        name: "gameday_probe_runs_total",
        kind: "counter",
        help: "Looks, by what they said.",
        write: |out, name, key, entry| {
            WORDS.iter().zip(entry.runs).try_for_each(|(word, count)| {
                writeln!(out, "{name}{{{},outcome=\"{word}\"}} {count}", Labels(key))
            })
        },
    },
    Family {
        name: "gameday_probe_failures_total",
        kind: "counter",
        help: "Looks that were not up, by reason.",
        write: |out, name, key, entry| {
            entry.reasons.iter().try_for_each(|(reason, count)| {
                writeln!(out, "{name}{{{},reason=\"{reason}\"}} {count}", Labels(key))
            })
        },
    },
    Family {
        name: "gameday_probe_missed_total",
        kind: "counter",
        help: "Looks that could not begin.",
        write: |out, name, key, entry| writeln!(out, "{name}{{{}}} {}", Labels(key), entry.missed),
    },
    Family {
        name: "gameday_probe_slow_total",
        kind: "counter",
        help: "Steps that took longer than their slo.",
        write: slow,
    },
    Family {
        name: "gameday_probe_duration_seconds",
        kind: "histogram",
        help: "From a look's intended start to its verdict.",
        write: |out, name, key, entry| match entry.total.count() {
            0 => Ok(()),
            _ => histogram(out, name, &Labels(key), &entry.total),
        },
    },
    Family {
        name: "gameday_probe_step_duration_seconds",
        kind: "histogram",
        help: "A step's whole time, polls and their pauses included.",
        write: steps,
    },
    Family {
        name: "gameday_probe_phase_seconds",
        kind: "histogram",
        help: "The phases of a step's requests; those that did not take place are not counted.",
        write: phases,
    },
];

fn up(out: &mut String, name: &str, key: Key<'_>, entry: &Entry) -> fmt::Result {
    let value = match entry.last.as_ref().map(|last| last.outcome.word()) {
        Some("up" | "slow") => 1,
        Some("down") => 0,
        _ => return Ok(()),
    };
    writeln!(out, "{name}{{{}}} {value}", Labels(key))
}

fn slow(out: &mut String, name: &str, key: Key<'_>, entry: &Entry) -> fmt::Result {
    for step in entry.steps.iter().filter(|step| step.slow > 0) {
        let step_name = step.name.as_ref().map_or("", |name| name.as_str());
        writeln!(
            out,
            "{name}{{{},step=\"{step_name}\"}} {}",
            Labels(key),
            step.slow
        )?;
    }
    Ok(())
}

fn steps(out: &mut String, name: &str, key: Key<'_>, entry: &Entry) -> fmt::Result {
    for step in entry.steps.iter().filter(|step| step.total.count() > 0) {
        let Some(step_name) = &step.name else { continue };
        let labels = format!("{},step=\"{step_name}\"", Labels(key));
        histogram(out, name, &labels, &step.total)?;
    }
    Ok(())
}

fn phases(out: &mut String, name: &str, key: Key<'_>, entry: &Entry) -> fmt::Result {
    let phases = Phases::default().named();
    for step in &entry.steps {
        let step_name = step.name.as_ref().map_or("", |name| name.as_str());
        let took_place = step
            .phases
            .iter()
            .zip(phases)
            .filter(|(seen, _)| seen.count() > 0);
        for (seen, (phase, _)) in took_place {
            let labels = format!("{},step=\"{step_name}\",phase=\"{phase}\"", Labels(key));
            histogram(out, name, &labels, seen)?;
        }
    }
    Ok(())
}
