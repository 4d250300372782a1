//! Prometheus' text format, version 0.0.4: heads, labels, seconds, histograms.

use std::fmt::{self, Write};

use gameday_core::{ProbeName, RegionName, Timestamp};

use crate::prober::histogram::Histogram;

/// Whose a line is.
pub(super) type Key<'k> = (&'k ProbeName, &'k RegionName);

pub(in crate::prober) fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

pub(super) fn histogram(
    out: &mut String,
    name: &str,
    labels: &impl fmt::Display,
    seen: &Histogram,
) -> fmt::Result {
    for (bound, count) in seen.cumulative() {
        match bound {
            Some(us) => writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {count}", Seconds(us))?,
            None => writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}")?,
        }
    }
    writeln!(out, "{name}_sum{{{labels}}} {}", Seconds(seen.sum_us()))?;
    writeln!(out, "{name}_count{{{labels}}} {}", seen.count())
}

/// A label's value in the text format.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

pub(super) struct Labels<'k>(pub(super) Key<'k>);

/// Names need no escaping: they are letters, digits, `-`, `_` and `.`.
impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "probe=\"{}\",region=\"{}\"", self.0.0, self.0.1)
    }
}

/// Microseconds as seconds.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match part {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{part:06}").trim_end_matches('0')),
        }
    }
}

pub(in crate::prober) fn seconds_of(time: Timestamp) -> String {
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
