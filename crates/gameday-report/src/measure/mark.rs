//! Moments and spans that are known, or a line that says why not.

use std::collections::BTreeMap;

use gameday_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::origin::Origin;

/// Something known, or why it is not.
pub(super) type Known<T> = Result<T, String>;

/// Nothing is further from 1970 than 7,900 years; a journal that says so must not overflow anything.
const FURTHEST_US: i64 = 250_000_000_000_000_000;

/// A moment rounded to whole milliseconds; every span of a report is a difference of two of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// The nearest whole millisecond to a time.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        let micros = time.as_micros().clamp(-FURTHEST_US, FURTHEST_US);
        Self(Timestamp::from_micros(micros).rounded_to_ms())
    }

    /// The time itself.
    #[must_use]
    pub fn time(self) -> Timestamp {
        self.0
    }

    /// Whole milliseconds since `earlier`; negative when that is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> i64 {
        self.0.micros_since(earlier.0) / 1000
    }

    /// RFC 3339 UTC with milliseconds.
    #[must_use]
    pub fn text(self) -> String {
        self.0.to_ms_string()
    }

    /// The time of day alone, `HH:MM:SS.mmm`.
    #[must_use]
    pub fn clock(self) -> String {
        let text = self.text();
        text.split_once('T')
            .map_or(text.clone(), |(_, clock)| clock.trim_end_matches('Z').to_owned())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self::new)
    }
}

/// A moment of a source's clock: as it was read, and as it is on ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Our time, rounded.
    pub at: Moment,
    /// The source's own time; none when our clock took it.
    pub raw: Option<Timestamp>,
    /// Where it was read.
    pub origin: Option<Origin>,
}

impl Mark {
    /// A mark that our own clock took.
    pub(super) fn ours(time: Timestamp) -> Self {
        Self {
            at: Moment::new(time),
            raw: None,
            origin: Some(Origin::Receiver),
        }
    }

    /// The same, read there.
    pub(super) fn by(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }
}

/// The value, after its why was written down when there is none.
pub(super) fn keep<T>(known: Known<T>, key: &str, why: &mut BTreeMap<String, String>) -> Option<T> {
    known.map_err(|reason| why.insert(key.to_owned(), reason)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_differences_of_rounded_moments() {
        let a = Moment::new(Timestamp::from_micros(1_499));
        let b = Moment::new(Timestamp::from_micros(3_500));
        assert_eq!(b.ms_since(a), 3, "1.499 rounds to 1 and 3.5 to 4");
        assert_eq!(a.ms_since(b), -3);
        assert_eq!(a.clock(), "00:00:00.001");
    }
}
