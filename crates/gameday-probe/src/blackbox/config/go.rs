//! Go's and its YAML library's spellings of values.

use std::time::Duration;

/// YAML 1.1's words, which a key that takes a boolean understands.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// `time.ParseDuration`, without a sign: numbers with units. A number alone is none, as in their YAML.
pub(super) fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        sum += number
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (!text.is_empty())
        .then(|| Duration::try_from_secs_f64(sum).ok())
        .flatten()
}

/// `time.Duration.String`.
pub(super) fn span_text(span: Duration) -> String {
    let nanoseconds = span.as_nanos();
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => format!("{}µs", span.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{}ms", span.as_secs_f64() * 1e3),
        _ => {
            let whole = span.as_secs();
            let (hours, minutes) = (whole / 3600, whole / 60 % 60);
            let seconds = Duration::new(whole % 60, span.subsec_nanos()).as_secs_f64();
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, _) => format!("{minutes}m{seconds}s"),
                _ => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

const UNITS: [(&str, u64); 6] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];

/// A size in powers of two, also when it is spelled as if in powers of ten.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let factor = match &text[digits..] {
        "" | "B" => 1,
        unit => {
            let (letter, rest) = unit.split_at_checked(1)?;
            let known = UNITS
                .iter()
                .find(|(name, _)| name.starts_with(&letter.to_ascii_uppercase()))?;
            matches!(rest, "B" | "iB").then_some(known.1)?
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size of a file's limit"
    )]
    let bytes = (number * factor as f64) as u64;
    Some(bytes)
}

/// `units.Base2Bytes.String`.
pub(super) fn size_text(mut bytes: u64) -> String {
    let mut text = String::new();
    for (unit, factor) in UNITS {
        if bytes >= factor {
            text.push_str(&format!("{}{unit}B", bytes / factor));
            bytes %= factor;
        }
    }
    if bytes > 0 || text.is_empty() {
        text.push_str(&format!("{bytes}B"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_and_sizes_are_spelled_as_go_spells_them() {
        for (typed, told) in [
            ("5s", "5s"),
            ("90s", "1m30s"),
            ("1.5s", "1.5s"),
            ("1h", "1h0m0s"),
            ("100ms", "100ms"),
        ] {
            assert_eq!(span(typed).map(span_text).as_deref(), Some(told), "{typed}");
        }
        assert_eq!(
            [span("5"), span("x"), span(""), span("5 s")],
            [None; 4],
            "theirs refuses them as well"
        );
        for (typed, told) in [
            ("10MB", "10MiB"),
            ("1KiB", "1KiB"),
            ("1500B", "1KiB476B"),
            ("0", "0B"),
        ] {
            assert_eq!(size(typed).map(size_text).as_deref(), Some(told), "{typed}");
        }
        assert_eq!([size("x"), size("10XB"), size("-1B")], [None, None, None]);
    }
}
