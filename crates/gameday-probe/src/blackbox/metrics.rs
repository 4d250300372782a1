//! What a probe says in numbers, and Prometheus' text format for them (exposition format 0.0.4).

use std::borrow::Cow;
use std::fmt::Write as _;

/// A gauge's name and its line of help.
#[derive(Debug, Clone, Copy)]
pub struct Name(pub &'static str, pub &'static str);

/// One name has one line of help.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// An HTTP probe has fewer.
const USUAL_SAMPLES: usize = 40;
/// For each of them, help and type included.
const USUAL_BYTES: usize = 160;

/// Gauges of one probe.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: Name,
    /// As they are written; empty without any.
    labels: Cow<'static, str>,
    value: f64,
}

/// A phase's label, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase(pub(super) &'static str);

impl Metrics {
    /// None yet, with room for those of a probe.
    pub(super) fn with_room() -> Self {
        Self {
            samples: Vec::with_capacity(USUAL_SAMPLES),
        }
    }

    /// Sets a gauge without labels.
    pub(super) fn set(&mut self, name: Name, value: f64) {
        self.put(name, Cow::Borrowed(""), value);
    }

    pub(super) fn set_flag(&mut self, name: Name, value: bool) {
        self.set(name, f64::from(u8::from(value)));
    }

    /// Adds to a gauge by phase.
    pub(super) fn add(&mut self, name: Name, phase: Phase, value: f64) {
        match self.find(name, phase.0) {
            Some(sample) => sample.value += value,
            None => self.samples.push(Sample {
                name,
                labels: Cow::Borrowed(phase.0),
                value,
            }),
        }
    }

    /// Sets a gauge with labels.
    pub(super) fn label(&mut self, name: Name, labels: &[(&str, &str)], value: f64) {
        let mut written = String::from("{");
        let mut sorted: Vec<_> = labels.iter().collect();
        sorted.sort_unstable();
        for (index, (label, text)) in sorted.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(written, "{comma}{label}=\"{}\"", escaped(text)).expect("a String takes everything");
        }
        written.push('}');
        self.put(name, Cow::Owned(written), value);
    }

    /// A gauge's value, if it is there.
    #[must_use]
    pub fn get(&self, name: &str, labels: &str) -> Option<f64> {
        let mut samples = self.samples.iter();
        let sample = samples.find(|sample| sample.name.0 == name && sample.labels == labels)?;
        Some(sample.value)
    }

    /// All of it as text, sorted by name and labels.
    #[must_use]
    pub fn text(&self) -> String {
        let mut sorted: Vec<&Sample> = self.samples.iter().collect();
        sorted.sort_unstable_by(|a, b| (a.name.0, &a.labels).cmp(&(b.name.0, &b.labels)));
        let mut text = String::with_capacity(sorted.len() * USUAL_BYTES);
        let mut last = "";
        for sample in sorted {
            let Name(name, help) = sample.name;
            if name != last {
                for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " gauge\n"] {
                    text.push_str(part);
                }
                last = name;
            }
            for part in [name, &sample.labels, " "] {
                text.push_str(part);
            }
            push_number(&mut text, sample.value);
            text.push('\n');
        }
        text
    }

    fn put(&mut self, name: Name, labels: Cow<'static, str>, value: f64) {
        match self.find(name, &labels) {
            Some(sample) => sample.value = value,
            None => self.samples.push(Sample { name, labels, value }),
        }
    }

    fn find(&mut self, name: Name, labels: &str) -> Option<&mut Sample> {
        let mut samples = self.samples.iter_mut();
        samples.find(|sample| sample.name == name && sample.labels == labels)
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    match text.contains(['\\', '"', '\n']) {
        false => Cow::Borrowed(text),
        true => text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .into(),
    }
}

/// A number as Go's `strconv.FormatFloat(_, 'g', -1, 64)` writes it.
pub fn push_number(text: &mut String, value: f64) {
    if value == 0.0 || value == 1.0 {
        return text.push(if value == 0.0 { '0' } else { '1' });
    }
    if !value.is_finite() {
        return text.push_str(match value {
            f64::INFINITY => "+Inf",
            f64::NEG_INFINITY => "-Inf",
            _ => "NaN",
        });
    }
    let written = match value.abs() {
        1e-4..1e6 => write!(text, "{value}"),
        _ => {
            // Go writes at least two digits of an exponent, and always its sign.
            let scientific = format!("{value:e}");
            let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(text, "{digits}e{sign}{:02}", exponent.abs())
        }
    };
    written.expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (200.0, "200"),
            (319.0, "319"),
            (100_000.0, "100000"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (3_668_918_509.0, "3.668918509e+09"),
            (-62_135_596_800.0, "-6.21355968e+10"),
            (0.000_485_2, "0.0004852"),
            (0.000_012_168, "1.2168e-05"),
            (-1.0, "-1"),
            (1.1, "1.1"),
            (f64::INFINITY, "+Inf"),
        ] {
            let mut text = String::new();
            push_number(&mut text, value);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn the_text_is_sorted_and_its_labels_are_escaped() {
        let mut metrics = Metrics::default();
        metrics.label(Name("b", "Help."), &[("x", "a\"b\\c\nd"), ("a", "1")], 1.0);
        metrics.add(Name("a_seconds", "By phase."), Phase("{phase=\"tls\"}"), 0.5);
        metrics.add(Name("a_seconds", "By phase."), Phase("{phase=\"connect\"}"), 0.0);
        metrics.add(Name("a_seconds", "By phase."), Phase("{phase=\"tls\"}"), 0.25);
        expect![[r#"
            # HELP a_seconds By phase.
            # TYPE a_seconds gauge
            a_seconds{phase="connect"} 0
            a_seconds{phase="tls"} 0.75
            # HELP b Help.
            # TYPE b gauge
            b{a="1",x="a\"b\\c\nd"} 1
        "#]]
        .assert_eq(&metrics.text());
        assert_eq!(metrics.get("a_seconds", "{phase=\"tls\"}"), Some(0.75));
    }
}
