//! Time: the wall clock for people and other systems, the monotonic clock for us.
//!
//! Every event carries both, so that a stepped wall clock shows as a drift between them.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment of the wall clock, UTC, in whole microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The wall clock now.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// From an RFC 3339 text with up to nanoseconds (cut to microseconds).
    ///
    /// # Errors
    /// When the text is not RFC 3339.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(|t| Self(t.as_microsecond()))
    }

    /// From a Unix time in seconds, as Prometheus prints it.
    #[must_use]
    pub fn from_unix_seconds(seconds: f64) -> Option<Self> {
        let micros = (seconds * 1e6).round();
        // i64 microseconds last for 290,000 years; anything beyond a few thousand is a wrong unit.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (micros.is_finite() && micros.abs() < 1e17).then_some(Self(micros as i64))
    }

    /// The nearest whole millisecond: what marks are made of.
    #[must_use]
    pub const fn rounded_to_ms(self) -> Self {
        Self((self.0 + 500).div_euclid(1000) * 1000)
    }

    /// `self - earlier` in microseconds; negative when `earlier` is later.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Moved by some microseconds.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// RFC 3339 UTC with milliseconds, as reports show it.
    #[must_use]
    pub fn to_ms_string(self) -> String {
        format!("{:.3}", self.jiff())
    }

    fn jiff(self) -> jiff::Timestamp {
        let edge = if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(edge)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.jiff())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Time since the drill began, on the monotonic clock, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Offset(u64);

impl Offset {
    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, zero when that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Offset {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        write!(
            f,
            "{:02}:{:02}.{:03}",
            seconds / 60,
            seconds % 60,
            self.0 / 1000 % 1000
        )
    }
}

/// The one clock of a drill: offsets from its start, and the wall clock beside them.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Both clocks now.
    #[must_use]
    pub fn now(&self) -> (Offset, Timestamp) {
        (self.offset(), Timestamp::now())
    }

    /// The monotonic clock now.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.offset_of(Instant::now())
    }

    /// Where a moment of the monotonic clock lies; zero when it was before the start.
    #[must_use]
    pub fn offset_of(&self, instant: Instant) -> Offset {
        Offset::default() + instant.saturating_duration_since(self.start)
    }

    /// The moment of the monotonic clock that an offset means.
    #[must_use]
    pub fn instant_of(&self, offset: Offset) -> Instant {
        self.start + Duration::from_micros(offset.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_round_half_up_to_milliseconds_and_survive_json() {
        let t = Timestamp::parse("2026-11-22T10:00:00.123567891Z").unwrap();
        assert_eq!(t.to_string(), "2026-11-22T10:00:00.123567Z");
        assert_eq!(t.rounded_to_ms().to_ms_string(), "2026-11-22T10:00:00.124Z");
        let json = serde_json::to_string(&t).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), t);
        assert_eq!(
            Timestamp::from_unix_seconds(1.5),
            Some(Timestamp::from_micros(1_500_000))
        );
        assert_eq!(Timestamp::from_unix_seconds(f64::NAN), None);
    }

    #[test]
    fn go_zero_time_is_readable() {
        assert!(Timestamp::parse("0001-01-01T00:00:00Z").unwrap() < Timestamp::from_micros(0));
    }

    #[test]
    fn times_beyond_the_calendar_are_its_edge() {
        for micros in [i64::MIN, i64::MAX, 253_402_300_799_999_999] {
            assert!(Timestamp::from_micros(micros).to_string().len() > 20);
            assert!(Timestamp::from_micros(micros).to_ms_string().len() > 20);
        }
    }

    #[test]
    fn offsets_print_as_minutes_and_seconds() {
        assert_eq!(Offset::from_micros(83_004_999).to_string(), "01:23.004");
    }
}
