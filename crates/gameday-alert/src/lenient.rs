//! Reads foreign JSON: `null` is as good as missing, and a time that is none stays none.

use std::time::Duration;

use gameday_core::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `null` becomes the default, as a missing field does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A moment, or none when it is missing, no text, unreadable or Go's zero time.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(read_moment))
}

/// Alerts begin after 1970; whatever lies before is a zero of some language.
pub(crate) fn read_moment(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
        .ok()
        .filter(|moment| moment.as_micros() > 0)
}

/// A length in seconds as whole milliseconds; none when it is negative, endless or longer than centuries.
pub(crate) fn millis(seconds: f64) -> Option<u64> {
    const CENTURIES: f64 = 1e10;
    let span = Duration::try_from_secs_f64(seconds).ok()?;
    let rounded = span.saturating_add(Duration::from_micros(500)).as_millis();
    u64::try_from(rounded).ok().filter(|_| seconds < CENTURIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Probe {
        #[serde(default, deserialize_with = "moment")]
        at: Option<Timestamp>,
        #[serde(default, deserialize_with = "or_default")]
        names: Vec<String>,
    }

    fn at(json: &str) -> Option<Timestamp> {
        serde_json::from_str::<Probe>(json).unwrap().at
    }

    #[test]
    fn a_time_that_is_none_stays_none() {
        for none in [
            "{}",
            r#"{"at":null}"#,
            r#"{"at":""}"#,
            r#"{"at":"soon"}"#,
            r#"{"at":12345}"#,
            r#"{"at":{"x":[]}}"#,
            r#"{"at":"0001-01-01T00:00:00Z"}"#,
            r#"{"at":"1970-01-01T00:00:00Z"}"#,
            r#"{"at":"99999-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(at(none), None, "{none}");
        }
        let offset = at(r#"{"at":"2026-11-22T15:08:32.78+02:00"}"#).unwrap();
        assert_eq!(offset.to_string(), "2026-11-22T13:08:32.780000Z");
    }

    #[test]
    fn null_is_as_good_as_missing_and_a_wrong_type_is_not() {
        assert!(
            serde_json::from_str::<Probe>(r#"{"names":null}"#)
                .unwrap()
                .names
                .is_empty()
        );
        assert!(serde_json::from_str::<Probe>(r#"{"names":3}"#).is_err());
    }

    #[test]
    fn lengths_are_whole_milliseconds_or_none() {
        assert_eq!(millis(3.0), Some(3000));
        assert_eq!(millis(0.0015), Some(2));
        assert_eq!(millis(0.3), Some(300));
        assert_eq!(millis(0.0), Some(0));
        for none in [-1.0, f64::NAN, f64::INFINITY, 1e300, 1e11] {
            assert_eq!(millis(none), None, "{none}");
        }
    }
}
