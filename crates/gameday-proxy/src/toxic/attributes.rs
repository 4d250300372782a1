//! Toxics as Toxiproxy's API writes them: whole numbers of milliseconds, of KB (1000 bytes) a second, of bytes.
//!
//! What its eight kinds have beyond Toxiproxy (a distribution, a ramp) stands beside those numbers in the words of a
//! scenario; kinds that are ours alone have those words only.

use gameday_core::Span;
use serde_json::{Map, Value};

use super::ToxicSpec;

/// A day: longer than any drill, and far from where time arithmetic overflows.
const MOST_MILLISECONDS: u64 = 86_400_000;
/// The same in microseconds.
const MOST_MICROSECONDS: u64 = 86_400_000_000;
/// A terabyte a second.
const MOST_KILOBYTES_PER_SECOND: u64 = 1_000_000_000;
/// A terabyte.
const MOST_BYTES: u64 = 1_000_000_000_000;

/// A toxic that was refused, and why.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadToxic {
    /// There is no such toxic.
    #[error("invalid toxic type")]
    Kind,
    /// An attribute has a value that it cannot have.
    #[error("bad request body: attribute `{name}` must be a whole number from 0 to {most}, not {found}")]
    Attribute {
        /// The attribute.
        name: &'static str,
        /// The largest value it may have.
        most: u64,
        /// What was there instead.
        found: String,
    },
    /// A setting has a value that it cannot have, or contradicts another.
    #[error("`{name}`: {cause}")]
    Setting {
        /// Where, e.g. `http.status`.
        name: String,
        /// Why.
        cause: String,
    },
    /// The toxic has no such attribute (told only where we are strict).
    #[error("attribute `{name}` is unknown to `{kind}`, which takes {takes}")]
    Unknown {
        /// What was given.
        name: String,
        /// The toxic.
        kind: &'static str,
        /// What it has.
        takes: String,
    },
}

/// A number of Toxiproxy's and the setting that it is.
struct Number {
    /// Toxiproxy's name.
    name: &'static str,
    /// A scenario's.
    key: &'static str,
    unit: &'static str,
    most: u64,
}

const fn number(name: &'static str, key: &'static str, unit: &'static str, most: u64) -> Number {
    Number {
        name,
        key,
        unit,
        most,
    }
}

/// The numbers of Toxiproxy's kinds, and what else they have here; nothing for kinds that are ours alone.
fn numbers(kind: &str) -> Option<(&'static [Number], &'static [&'static str])> {
    const LATENCY: [Number; 2] = [
        number("latency", "delay", "ms", MOST_MILLISECONDS),
        number("jitter", "jitter", "ms", MOST_MILLISECONDS),
    ];
    const BANDWIDTH: [Number; 1] = [number("rate", "rate", "kB/s", MOST_KILOBYTES_PER_SECOND)];
    const SLOW_CLOSE: [Number; 1] = [number("delay", "delay", "ms", MOST_MILLISECONDS)];
    const TIMEOUT: [Number; 1] = [number("timeout", "after", "ms", MOST_MILLISECONDS)];
    const SLICER: [Number; 3] = [
        number("average_size", "size", "B", MOST_BYTES),
        number("size_variation", "variation", "B", MOST_BYTES),
        number("delay", "delay", "us", MOST_MICROSECONDS),
    ];
    const LIMIT_DATA: [Number; 1] = [number("bytes", "bytes", "B", MOST_BYTES)];
    Some(match kind {
        "latency" => (&LATENCY, &["distribution", "p50", "p99", "over"]),
        "bandwidth" => (&BANDWIDTH, &["shared", "over"]),
        "slow_close" => (&SLOW_CLOSE, &[]),
        "timeout" | "reset_peer" => (&TIMEOUT, &[]),
        "slicer" => (&SLICER, &[]),
        "limit_data" => (&LIMIT_DATA, &[]),
        "noop" => (&[], &[]),
        _ => return None,
    })
}

impl ToxicSpec {
    /// The attributes with all defaults filled in. Values are rounded to Toxiproxy's units, and what
    /// is not zero never becomes zero: a rate of 300 B/s is 1, since 0 would mean that nothing passes.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        let mut settings = self.settings();
        let Some((numbers, _)) = numbers(self.kind()) else {
            return settings;
        };
        let amounts = self.amounts();
        for number in numbers {
            settings.remove(number.key);
        }
        let pairs = numbers.iter().zip(amounts);
        settings.extend(pairs.map(|(number, amount)| (number.name.to_owned(), Value::from(amount))));
        settings
    }

    /// The amounts of its numbers, in their units and order.
    fn amounts(&self) -> Vec<u64> {
        match self {
            Self::Latency(l) => vec![milliseconds(l.delay), milliseconds(l.jitter)],
            Self::Bandwidth(b) => vec![rounded(u128::from(b.rate.get()), 1000)],
            Self::SlowClose(s) => vec![milliseconds(s.delay)],
            Self::Timeout(t) => vec![milliseconds(t.after)],
            Self::ResetPeer(r) => vec![milliseconds(r.after)],
            Self::Slicer(s) => vec![
                s.size.get(),
                s.variation.get(),
                u64::try_from(s.delay.get().as_micros()).unwrap_or(u64::MAX),
            ],
            Self::LimitData(l) => vec![l.bytes.get()],
            _ => Vec::new(),
        }
    }

    /// Refuses a number that the API would refuse, so that a scenario is refused when it is read.
    pub(super) fn check_amounts(&self) -> Result<(), (&'static str, String)> {
        let numbers = numbers(self.kind()).into_iter().flat_map(|(numbers, _)| numbers);
        let mut amounts = numbers.zip(self.amounts());
        match amounts.find(|(number, amount)| *amount > number.most) {
            None => Ok(()),
            Some((number, _)) => Err((number.key, format!("at most {}{}", number.most, number.unit))),
        }
    }

    /// The toxic of a kind with these attributes; a number that is missing is 0.
    ///
    /// # Errors
    /// [`BadToxic`] for an unknown kind or a value out of range.
    pub fn from_attributes(kind: &str, given: &Map<String, Value>) -> Result<Self, BadToxic> {
        let Some((numbers, ours)) = numbers(kind) else {
            return Self::from_settings(kind, given.clone());
        };
        let mut settings = Map::new();
        for number in numbers {
            let amount = whole(given, number)?.unwrap_or(0);
            settings.insert(
                number.key.to_owned(),
                Value::from(format!("{amount}{}", number.unit)),
            );
        }
        let known = given
            .iter()
            .filter(|(name, value)| ours.contains(&name.as_str()) && !value.is_null());
        settings.extend(known.map(|(name, value)| (name.clone(), value.clone())));
        let spec = Self::parsed(kind, settings)?;
        match &spec {
            // In the words of whoever asked.
            Self::Slicer(slicer) => {
                slicer
                    .check("average_size", "size_variation")
                    .map_err(|(name, cause)| BadToxic::Setting {
                        name: name.to_owned(),
                        cause,
                    })?;
            }
            _ => spec.check()?,
        }
        Ok(spec)
    }

    /// The settings in the words of a scenario.
    fn settings(&self) -> Map<String, Value> {
        let value = serde_json::to_value(self).expect("settings are texts and numbers");
        match value.get(self.kind()) {
            Some(Value::Object(settings)) => settings.clone(),
            _ => Map::new(),
        }
    }

    fn from_settings(kind: &str, given: Map<String, Value>) -> Result<Self, BadToxic> {
        if !Self::KINDS.contains(&kind) {
            return Err(BadToxic::Kind);
        }
        let spec = Self::parsed(kind, given)?;
        spec.check().map(|()| spec)
    }

    fn parsed(kind: &str, settings: Map<String, Value>) -> Result<Self, BadToxic> {
        let value = Value::Object(Map::from_iter([(kind.to_owned(), Value::Object(settings))]));
        serde_path_to_error::deserialize(value).map_err(|error| BadToxic::Setting {
            name: error.path().to_string(),
            cause: error.inner().to_string(),
        })
    }

    /// This toxic with some attributes replaced: all of them, or none when one is refused.
    ///
    /// # Errors
    /// [`BadToxic`] for a value out of range.
    pub fn merged(&self, given: &Map<String, Value>) -> Result<Self, BadToxic> {
        let mut attributes = self.attributes();
        for (name, value) in given {
            let known = numbers(self.kind()).into_iter().flat_map(|(numbers, _)| numbers);
            let name = known
                .map(|number| number.name)
                .find(|known| known.eq_ignore_ascii_case(name))
                .unwrap_or(name);
            // `null` is not given, as Go reads it.
            if !value.is_null() {
                attributes.insert(name.to_owned(), value.clone());
            }
        }
        Self::from_attributes(self.kind(), &attributes)
    }

    /// Refuses attributes that this toxic does not have, which Toxiproxy's own API ignores.
    ///
    /// # Errors
    /// [`BadToxic::Unknown`] for the first of them.
    pub fn refuse_unknown(&self, given: &Map<String, Value>) -> Result<(), BadToxic> {
        // Reading the settings of a kind that is ours alone has refused them already.
        let Some((numbers, ours)) = numbers(self.kind()) else {
            return Ok(());
        };
        let is_known = |name: &str| {
            numbers
                .iter()
                .any(|number| number.name.eq_ignore_ascii_case(name))
                || ours.contains(&name)
        };
        match given.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(BadToxic::Unknown {
                name: name.chars().take(80).collect(),
                kind: self.kind(),
                takes: takes(numbers, ours),
            }),
        }
    }
}

/// The attributes of a kind, with their units and the words that a scenario has for them.
fn takes(numbers: &[Number], ours: &[&str]) -> String {
    let numbers = numbers.iter().map(|number| {
        let Number { name, key, unit, .. } = number;
        let elsewhere = (name != key).then(|| format!("; `{key}` in a scenario"));
        format!("`{name}` ({unit}{})", elsewhere.unwrap_or_default())
    });
    let all: Vec<_> = numbers
        .chain(ours.iter().map(|name| format!("`{name}`")))
        .collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

fn milliseconds(span: Span) -> u64 {
    rounded(span.get().as_micros(), 1000)
}

fn rounded(value: u128, unit: u128) -> u64 {
    let nearest = (value + unit / 2) / unit;
    u64::try_from(if value > 0 { nearest.max(1) } else { 0 }).unwrap_or(u64::MAX)
}

fn whole(given: &Map<String, Value>, number: &Number) -> Result<Option<u64>, BadToxic> {
    let Some(value) = crate::json::field(given, number.name) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(amount) if amount <= number.most => Ok(Some(amount)),
        _ => Err(BadToxic::Attribute {
            name: number.name,
            most: number.most,
            found: value.to_string().chars().take(80).collect(),
        }),
    }
}

#[cfg(test)]
mod tests;
