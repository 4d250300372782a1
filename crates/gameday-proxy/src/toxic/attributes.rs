//! Toxics as Toxiproxy's API writes them: whole numbers of milliseconds and of KB (1000 bytes) a second.

use std::time::Duration;

use gameday_core::{ByteRate, Span};
use serde_json::{Map, Value};

use super::{Bandwidth, Latency, ResetPeer, Timeout, ToxicSpec};

/// A day: longer than any drill, and far from where time arithmetic overflows.
const MOST_MILLISECONDS: u64 = 86_400_000;
/// A terabyte a second.
const MOST_KILOBYTES_PER_SECOND: u64 = 1_000_000_000;

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
    /// A setting of a toxic that is ours alone has a value that it cannot have.
    #[error("bad request body: `{name}`: {cause}")]
    Setting {
        /// Where, e.g. `http.status`.
        name: String,
        /// Why.
        cause: String,
    },
    /// The toxic has no such attribute (told only where we are strict).
    #[error("attribute `{name}` is unknown to `{kind}`")]
    Unknown {
        /// What was given.
        name: String,
        /// The toxic.
        kind: &'static str,
    },
}

impl ToxicSpec {
    /// The attributes with all defaults filled in. Values are rounded to Toxiproxy's units, and what
    /// is not zero never becomes zero: a rate of 300 B/s is 1, since 0 would mean that nothing passes.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        let pairs: Vec<(&str, u64)> = match self {
            Self::Latency(l) => vec![
                ("latency", milliseconds(l.delay)),
                ("jitter", milliseconds(l.jitter)),
            ],
            Self::Bandwidth(b) => vec![("rate", rounded(u128::from(b.rate.get()), 1000))],
            Self::Timeout(t) => vec![("timeout", milliseconds(t.after))],
            Self::ResetPeer(r) => vec![("timeout", milliseconds(r.after))],
            ours => return ours.settings(),
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect()
    }

    /// The toxic of a kind with these attributes; what is missing is 0.
    ///
    /// # Errors
    /// [`BadToxic`] for an unknown kind or a value out of range.
    pub fn from_attributes(kind: &str, given: &Map<String, Value>) -> Result<Self, BadToxic> {
        let (no_time, no_rate) = (Span::from_value(Duration::ZERO), ByteRate::from_value(0));
        let blank = match kind {
            "latency" => Self::Latency(Latency {
                delay: no_time,
                jitter: no_time,
            }),
            "bandwidth" => Self::Bandwidth(Bandwidth { rate: no_rate }),
            "timeout" => Self::Timeout(Timeout { after: no_time }),
            "reset_peer" => Self::ResetPeer(ResetPeer { after: no_time }),
            kind if Self::KINDS.contains(&kind) => return Self::from_settings(kind, given.clone()),
            _ => return Err(BadToxic::Kind),
        };
        blank.merged(given)
    }

    /// The settings of a toxic that is ours alone, in the words of a scenario.
    fn settings(&self) -> Map<String, Value> {
        let value = serde_json::to_value(self).expect("settings are texts and numbers");
        match value.get(self.kind()) {
            Some(Value::Object(settings)) => settings.clone(),
            _ => Map::new(),
        }
    }

    fn from_settings(kind: &str, given: Map<String, Value>) -> Result<Self, BadToxic> {
        let value = Value::Object(Map::from_iter([(kind.to_owned(), Value::Object(given))]));
        let spec: Self = serde_path_to_error::deserialize(value).map_err(|error| BadToxic::Setting {
            name: error.path().to_string(),
            cause: error.inner().to_string(),
        })?;
        spec.check()?;
        Ok(spec)
    }

    /// Refuses settings that contradict each other.
    ///
    /// # Errors
    /// [`BadToxic::Setting`] that names them.
    pub fn check(&self) -> Result<(), BadToxic> {
        let checked = match self {
            Self::Tls(fault) => fault.check(),
            _ => Ok(()),
        };
        checked.map_err(|cause| BadToxic::Setting {
            name: self.kind().to_owned(),
            cause,
        })
    }

    /// This toxic with some attributes replaced: all of them, or none when one is refused.
    ///
    /// # Errors
    /// [`BadToxic`] for a value out of range.
    pub fn merged(&self, given: &Map<String, Value>) -> Result<Self, BadToxic> {
        Ok(match self {
            Self::Latency(old) => Self::Latency(Latency {
                delay: span(given, "latency")?.unwrap_or(old.delay),
                jitter: span(given, "jitter")?.unwrap_or(old.jitter),
            }),
            Self::Bandwidth(old) => Self::Bandwidth(Bandwidth {
                rate: rate(given, "rate")?.unwrap_or(old.rate),
            }),
            Self::Timeout(old) => Self::Timeout(Timeout {
                after: span(given, "timeout")?.unwrap_or(old.after),
            }),
            Self::ResetPeer(old) => Self::ResetPeer(ResetPeer {
                after: span(given, "timeout")?.unwrap_or(old.after),
            }),
            ours => {
                let mut settings = ours.settings();
                settings.extend(given.clone());
                return Self::from_settings(ours.kind(), settings);
            }
        })
    }

    /// Refuses attributes that this toxic does not have, which Toxiproxy's own API ignores.
    ///
    /// # Errors
    /// [`BadToxic::Unknown`] for the first of them.
    pub fn refuse_unknown(&self, given: &Map<String, Value>) -> Result<(), BadToxic> {
        if !matches!(
            self,
            Self::Latency(_) | Self::Bandwidth(_) | Self::Timeout(_) | Self::ResetPeer(_)
        ) {
            // Reading the settings of ours has refused them already.
            return Ok(());
        }
        let known = self.attributes();
        match given
            .keys()
            .find(|name| !known.contains_key(&name.to_ascii_lowercase()))
        {
            None => Ok(()),
            Some(name) => Err(BadToxic::Unknown {
                name: name.chars().take(80).collect(),
                kind: self.kind(),
            }),
        }
    }
}

fn milliseconds(span: Span) -> u64 {
    rounded(span.get().as_micros(), 1000)
}

fn rounded(value: u128, unit: u128) -> u64 {
    let nearest = (value + unit / 2) / unit;
    u64::try_from(if value > 0 { nearest.max(1) } else { 0 }).unwrap_or(u64::MAX)
}

fn span(given: &Map<String, Value>, name: &'static str) -> Result<Option<Span>, BadToxic> {
    let number = whole(given, name, MOST_MILLISECONDS)?;
    Ok(number.map(|ms| Span::from_value(Duration::from_millis(ms))))
}

fn rate(given: &Map<String, Value>, name: &'static str) -> Result<Option<ByteRate>, BadToxic> {
    let number = whole(given, name, MOST_KILOBYTES_PER_SECOND)?;
    Ok(number.map(|kilobytes| ByteRate::from_value(kilobytes * 1000)))
}

fn whole(given: &Map<String, Value>, name: &'static str, most: u64) -> Result<Option<u64>, BadToxic> {
    let Some(value) = crate::json::field(given, name) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(number) if number <= most => Ok(Some(number)),
        _ => Err(BadToxic::Attribute {
            name,
            most,
            found: value.to_string().chars().take(80).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_kind_is_built_from_nothing_and_says_its_own_name() {
        for kind in ["latency", "bandwidth", "timeout", "reset_peer"] {
            let spec = ToxicSpec::from_attributes(kind, &Map::new()).unwrap();
            assert_eq!(spec.kind(), kind);
            assert!(
                spec.attributes().values().all(|value| value == 0),
                "{kind} has defaults of 0"
            );
        }
        assert_eq!(
            ToxicSpec::from_attributes("nonsense", &Map::new()),
            Err(BadToxic::Kind)
        );
    }

    #[test]
    fn a_bad_attribute_is_refused_by_name_and_changes_nothing() {
        let old = ToxicSpec::from_attributes("latency", &attributes(r#"{"latency": 100}"#)).unwrap();
        for bad in [
            "-1",
            "1.5",
            "\"15\"",
            "4611686018427387904",
            "86400001",
            "true",
            "1e400000",
        ] {
            let Ok(given) = serde_json::from_str(&format!(r#"{{"latency": 777, "jitter": {bad}}}"#)) else {
                continue;
            };
            let error = old.merged(&given).unwrap_err().to_string();
            assert!(error.contains("`jitter`"), "{bad}: {error}");
        }
        let negative_rate = ToxicSpec::from_attributes("bandwidth", &attributes(r#"{"rate": -1}"#));
        assert!(negative_rate.unwrap_err().to_string().contains("`rate`"));
    }

    #[test]
    fn merging_keeps_what_is_not_given_and_ignores_case() {
        let old =
            ToxicSpec::from_attributes("latency", &attributes(r#"{"latency": 100, "jitter": 7}"#)).unwrap();
        let new = old
            .merged(&attributes(r#"{"LATENCY": 200, "unknown": "x"}"#))
            .unwrap();
        assert_eq!(
            Value::from(new.attributes()),
            serde_json::json!({"latency": 200, "jitter": 7})
        );
        assert!(new.refuse_unknown(&attributes(r#"{"unknown": 1}"#)).is_err());
    }

    #[test]
    fn a_scenarios_spelling_becomes_attributes() {
        #[derive(serde::Deserialize)]
        struct File {
            fault: ToxicSpec,
        }
        let of = |text: &str| toml::from_str::<File>(text).map(|file| Value::from(file.fault.attributes()));
        let latency = of("fault.latency = { delay = \"200ms\", jitter = \"20ms\" }").unwrap();
        assert_eq!(latency, serde_json::json!({"latency": 200, "jitter": 20}));
        assert_eq!(
            of("fault.bandwidth = { rate = \"300B/s\" }").unwrap(),
            serde_json::json!({"rate": 1})
        );
        assert_eq!(
            of("fault.timeout = { after = \"5s\" }").unwrap(),
            serde_json::json!({"timeout": 5000})
        );
        assert_eq!(
            of("fault.reset_peer = { after = \"0s\" }").unwrap(),
            serde_json::json!({"timeout": 0})
        );
        assert!(of("fault.latency = { delay = \"200ms\", jiter = \"20ms\" }").is_err());
    }
}
