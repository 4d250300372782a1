//! Prometheus' text format (version 0.0.4), written in one pass over the book.

use std::fmt::{self, Write};

use gameday_core::{Phases, ProbeName, RegionName, Timestamp};

use super::book::{Book, Entry, Known, WORDS};
use super::council;
use super::histogram::Histogram;
use crate::slo;

/// All metrics as text.
pub(super) fn text(book: &Book) -> String {
    let mut text = String::new();
    let known = book.read();
    // A String takes anything.
    write_all(&mut text, book, &known).ok();
    text
}

type Key<'k> = (&'k ProbeName, &'k RegionName);

fn write_all(out: &mut String, book: &Book, known: &Known) -> fmt::Result {
    head(out, "gameday_build_info", "gauge", "The build that serves this.")?;
    writeln!(
        out,
        "gameday_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    )?;
    head(
        out,
        "gameday_prober_start_time_seconds",
        "gauge",
        "When the prober began, in seconds since 1970.",
    )?;
    writeln!(
        out,
        "gameday_prober_start_time_seconds {}",
        seconds_of(book.began)
    )?;
    head(
        out,
        "gameday_prober_config_last_reload_successful",
        "gauge",
        "Whether the files were good when they were last read.",
    )?;
    writeln!(
        out,
        "gameday_prober_config_last_reload_successful {}",
        u8::from(known.reload.ok)
    )?;
    head(
        out,
        "gameday_prober_start_lag_seconds",
        "summary",
        "How much later than intended looks begin.",
    )?;
    for quantile in [0.5, 0.9, 0.99, 1.0] {
        let us = known.lag.value_at_quantile(quantile);
        writeln!(
            out,
            "gameday_prober_start_lag_seconds{{quantile=\"{quantile}\"}} {}",
            Seconds(us)
        )?;
    }
    writeln!(out, "gameday_prober_start_lag_seconds_count {}", known.lag.len())?;
    let lost = "gameday_prober_evidence_lost_total";
    head(out, lost, "counter", "Failures whose evidence could not be kept.")?;
    writeln!(out, "{lost} {}", book.store.lost())?;
    gauges(out, known)?;
    counters(out, known)?;
    histograms(out, known)?;
    readings(out, known)?;
    if let Some(council) = &book.council {
        council::write_metrics(out, council)?;
    }
    slo::write_metrics(out, &book.budgets)
}

pub(super) fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn each(known: &Known) -> impl Iterator<Item = (Key<'_>, &Entry)> {
    known
        .entries
        .iter()
        .map(|((probe, region), entry)| ((probe, region), entry))
}

fn gauges(out: &mut String, known: &Known) -> fmt::Result {
    head(
        out,
        "gameday_probe_up",
        "gauge",
        "1 when the last look was up, 0 when it was down; none while it is unknown.",
    )?;
    for (key, entry) in each(known) {
        let Some(last) = &entry.last else { continue };
        let value = match last.outcome.word() {
            "up" | "slow" => 1,
            "down" => 0,
            _ => continue,
        };
        writeln!(out, "gameday_probe_up{{{}}} {value}", Labels(key))?;
    }
    head(
        out,
        "gameday_probe_last_run_timestamp_seconds",
        "gauge",
        "When the last look ended.",
    )?;
    for (key, entry) in each(known) {
        let Some(last) = &entry.last else { continue };
        writeln!(
            out,
            "gameday_probe_last_run_timestamp_seconds{{{}}} {}",
            Labels(key),
            seconds_of(last.at)
        )?;
    }
    Ok(())
}

fn counters(out: &mut String, known: &Known) -> fmt::Result {
    head(
        out,
        "gameday_probe_runs_total",
        "counter",
        "Looks, by what they said.",
    )?;
    for (key, entry) in each(known) {
        for (word, count) in WORDS.iter().zip(entry.runs) {
            writeln!(
                out,
                "gameday_probe_runs_total{{{},outcome=\"{word}\"}} {count}",
                Labels(key)
            )?;
        }
    }
    head(
        out,
        "gameday_probe_failures_total",
        "counter",
        "Looks that were not up, by reason.",
    )?;
    for (key, entry) in each(known) {
        for (reason, count) in &entry.reasons {
            writeln!(
                out,
                "gameday_probe_failures_total{{{},reason=\"{reason}\"}} {count}",
                Labels(key)
            )?;
        }
    }
    head(
        out,
        "gameday_probe_missed_total",
        "counter",
        "Looks that could not begin.",
    )?;
    for (key, entry) in each(known) {
        writeln!(
            out,
            "gameday_probe_missed_total{{{}}} {}",
            Labels(key),
            entry.missed
        )?;
    }
    head(
        out,
        "gameday_probe_slow_total",
        "counter",
        "Steps that took longer than their slo.",
    )?;
    for (key, entry) in each(known) {
        for step in entry.steps.iter().filter(|step| step.slow > 0) {
            let name = step.name.as_ref().map_or("", |name| name.as_str());
            writeln!(
                out,
                "gameday_probe_slow_total{{{},step=\"{name}\"}} {}",
                Labels(key),
                step.slow
            )?;
        }
    }
    Ok(())
}

fn histograms(out: &mut String, known: &Known) -> fmt::Result {
    let name = "gameday_probe_duration_seconds";
    head(
        out,
        name,
        "histogram",
        "From a look's intended start to its verdict.",
    )?;
    for (key, entry) in each(known).filter(|(_, entry)| entry.total.count() > 0) {
        histogram(out, name, &Labels(key), &entry.total)?;
    }
    let name = "gameday_probe_step_duration_seconds";
    head(
        out,
        name,
        "histogram",
        "A step's whole time, polls and their pauses included.",
    )?;
    for (key, entry) in each(known) {
        for step in entry.steps.iter().filter(|step| step.total.count() > 0) {
            let Some(step_name) = &step.name else { continue };
            let labels = format!("{},step=\"{step_name}\"", Labels(key));
            histogram(out, name, &labels, &step.total)?;
        }
    }
    let name = "gameday_probe_phase_seconds";
    head(
        out,
        name,
        "histogram",
        "The phases of a step's requests; those that did not take place are not counted.",
    )?;
    let phases = Phases::default().named();
    for (key, entry) in each(known) {
        for step in &entry.steps {
            let step_name = step.name.as_ref().map_or("", |name| name.as_str());
            for (seen, (phase, _)) in step
                .phases
                .iter()
                .zip(phases)
                .filter(|(seen, _)| seen.count() > 0)
            {
                let labels = format!("{},step=\"{step_name}\",phase=\"{phase}\"", Labels(key));
                histogram(out, name, &labels, seen)?;
            }
        }
    }
    Ok(())
}

fn histogram(out: &mut String, name: &str, labels: &impl fmt::Display, seen: &Histogram) -> fmt::Result {
    for (bound, count) in seen.cumulative() {
        match bound {
            Some(us) => writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {count}", Seconds(us))?,
            None => writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}")?,
        }
    }
    writeln!(out, "{name}_sum{{{labels}}} {}", Seconds(seen.sum_us()))?;
    writeln!(out, "{name}_count{{{labels}}} {}", seen.count())
}

/// A family's lines stand together, so they are gathered by name first.
fn readings(out: &mut String, known: &Known) -> fmt::Result {
    let mut families = std::collections::BTreeMap::<&str, Vec<String>>::new();
    for (key, entry) in each(known) {
        for reading in &entry.readings {
            let mut labels = Labels(key).to_string();
            for (name, value) in &reading.labels {
                labels.push_str(&format!(",{name}=\"{}\"", escaped(value)));
            }
            let line = format!("gameday_probe_{}{{{labels}}} {}", reading.name, reading.value);
            families.entry(reading.name).or_default().push(line);
        }
    }
    for (name, lines) in families {
        head(
            out,
            &format!("gameday_probe_{name}"),
            "gauge",
            "What the last look read.",
        )?;
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// A label's value in the text format.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

struct Labels<'k>(Key<'k>);

/// Names need no escaping: they are letters, digits, `-`, `_` and `.`.
impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "probe=\"{}\",region=\"{}\"", self.0.0, self.0.1)
    }
}

/// Microseconds as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match part {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{part:06}").trim_end_matches('0')),
        }
    }
}

pub(super) fn seconds_of(time: Timestamp) -> String {
    let ms = time.rounded_to_ms().as_micros() / 1000;
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_without_a_tail() {
        let said: Vec<String> = [0, 1_000, 2_500, 1_000_000, 10_250_000]
            .map(|us| Seconds(us).to_string())
            .into();
        assert_eq!(said, ["0", "0.001", "0.0025", "1", "10.25"]);
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
