//! Units: numbers that cannot be typed without saying what they count.
//!
//! In files they are strings: `"200ms"`, `"64KiB/s"`, `"99.9%"`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A unit that was refused, and what would have been right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not {wanted}")]
pub struct BadUnit {
    text: String,
    wanted: &'static str,
}

fn bad(text: &str, wanted: &'static str) -> BadUnit {
    BadUnit {
        text: text.chars().take(80).collect(),
        wanted,
    }
}

/// Splits `"1.5MiB"` into `1.5` and `"MiB"`.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    Some((number, text[split..].trim()))
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty), $wanted:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
        #[serde(into = "String")]
        pub struct $name($inner);

        impl $name {
            /// The bare value.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }

            /// From the bare value.
            #[must_use]
            pub const fn from_value(value: $inner) -> Self {
                Self(value)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($wanted)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl From<$name> for String {
            fn from(unit: $name) -> Self {
                unit.to_string()
            }
        }
    };
}

unit!(
    /// A length of time, at most 400 days: `"200ms"`, `"1.5s"`, `"5m"`, `"1h30m"`.
    Span(Duration),
    A_SPAN
);
unit!(
    /// A number of bytes: `"64KiB"`, `"1MB"`, `"300B"`.
    ByteSize(u64),
    A_SIZE
);
unit!(
    /// Bytes a second: `"64KiB/s"`, `"0B/s"`.
    ByteRate(u64),
    A_RATE
);
unit!(
    /// A share between 0 and 1, written as a percentage: `"99.9%"`.
    Ratio(f64),
    A_RATIO
);

const A_SPAN: &str = "a length of time such as \"200ms\", \"5s\" or \"1h30m\" (at most 400 days)";
const A_SIZE: &str = "a size such as \"64KiB\" or \"1MB\"";
const A_RATE: &str = "a rate such as \"64KiB/s\"";
const A_RATIO: &str = "a percentage such as \"99.9%\"";

impl std::str::FromStr for Span {
    type Err = BadUnit;

    fn from_str(text: &str) -> Result<Self, BadUnit> {
        let refuse = || bad(text, A_SPAN);
        let mut rest = text.trim();
        let mut total = 0.0;
        if rest.is_empty() {
            return Err(refuse());
        }
        while !rest.is_empty() {
            let end_of_number = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(refuse)?;
            let number: f64 = rest[..end_of_number].parse().map_err(|_| refuse())?;
            rest = &rest[end_of_number..];
            let end_of_unit = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            total += number * seconds_in(&rest[..end_of_unit]).ok_or_else(refuse)?;
            rest = &rest[end_of_unit..];
        }
        if total > 400.0 * 86_400.0 {
            return Err(refuse());
        }
        Ok(Self(Duration::from_secs_f64(total)))
    }
}

fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let text = match micros {
            0 => "0s".to_owned(),
            m if m % 3_600_000_000 == 0 => format!("{}h", m / 3_600_000_000),
            m if m % 60_000_000 == 0 => format!("{}m", m / 60_000_000),
            m if m % 1_000_000 == 0 => format!("{}s", m / 1_000_000),
            m if m % 1000 == 0 => format!("{}ms", m / 1000),
            m => format!("{m}us"),
        };
        f.pad(&text)
    }
}

impl std::str::FromStr for ByteSize {
    type Err = BadUnit;

    fn from_str(text: &str) -> Result<Self, BadUnit> {
        let refuse = || bad(text, A_SIZE);
        let (number, unit) = number_and_unit(text.trim()).ok_or_else(refuse)?;
        let scale = match unit {
            "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "GiB" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(refuse()),
        };
        let bytes = number * scale;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked"
        )]
        if (0.0..1e15).contains(&bytes) {
            Ok(Self(bytes as u64))
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            b if b > 0 && b % (1024 * 1024) == 0 => format!("{}MiB", b / (1024 * 1024)),
            b if b > 0 && b % 1024 == 0 => format!("{}KiB", b / 1024),
            b if b > 0 && b % 1000 == 0 => format!("{}kB", b / 1000),
            b => format!("{b}B"),
        };
        f.pad(&text)
    }
}

impl std::str::FromStr for ByteRate {
    type Err = BadUnit;

    fn from_str(text: &str) -> Result<Self, BadUnit> {
        let size = text.trim().strip_suffix("/s").ok_or_else(|| bad(text, A_RATE))?;
        size.parse::<ByteSize>()
            .map(|size| Self(size.0))
            .map_err(|_| bad(text, A_RATE))
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", ByteSize(self.0)))
    }
}

impl std::str::FromStr for Ratio {
    type Err = BadUnit;

    fn from_str(text: &str) -> Result<Self, BadUnit> {
        let refuse = || bad(text, A_RATIO);
        let number = text.trim().strip_suffix('%').ok_or_else(refuse)?;
        let percent: f64 = number.trim().parse().map_err(|_| refuse())?;
        if (0.0..=100.0).contains(&percent) {
            Ok(Self(percent / 100.0))
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nine decimals are enough for any SLO and hide the error of the division by 100.
        let percent = format!("{:.7}", self.0 * 100.0);
        f.pad(&format!(
            "{}%",
            percent.trim_end_matches('0').trim_end_matches('.')
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_printed() {
        for (text, micros) in [
            ("200ms", 200_000),
            ("1.5s", 1_500_000),
            ("5m", 300_000_000),
            ("1h30m", 5_400_000_000),
            ("0s", 0),
        ] {
            assert_eq!(
                text.parse::<Span>().unwrap().get(),
                Duration::from_micros(micros),
                "{text}"
            );
        }
        for text in ["200ms", "5s", "90s", "30m", "2h", "0s", "7us"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        for bad in [
            "",
            "5",
            "ms",
            "5 parsecs",
            "-1s",
            "1e9s",
            "inf s",
            "500d",
            "1..2s",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn sizes_rates_and_ratios_are_read() {
        assert_eq!("64KiB/s".parse::<ByteRate>().unwrap().get(), 65_536);
        assert_eq!("0B/s".parse::<ByteRate>().unwrap().to_string(), "0B/s");
        assert_eq!("1MB".parse::<ByteSize>().unwrap().get(), 1_000_000);
        assert_eq!("99.9%".parse::<Ratio>().unwrap().to_string(), "99.9%");
        assert!("64KiB".parse::<ByteRate>().is_err(), "a size is not a rate");
        assert!("101%".parse::<Ratio>().is_err());
        assert!("99999PiB".parse::<ByteSize>().is_err());
    }
}
