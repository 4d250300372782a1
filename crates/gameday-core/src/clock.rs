//! How far a source's clock is from ours, with a bound of the error.
//!
//! A source read its clock at some moment between our sending and our receiving. So each sample says:
//! theirs − ours lies in `[theirs_low − received, theirs_high − sent]`. All samples hold at once, so the
//! offset lies where their intervals overlap, and each further sample can only narrow that.

use crate::{EventKind, SourceName, Timestamp};

/// One comparison of a source's clock with ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSample {
    /// Our clock just before the question was sent.
    pub sent: Timestamp,
    /// Our clock just after the answer came.
    pub received: Timestamp,
    /// The earliest that their clock can have shown.
    pub theirs_low: Timestamp,
    /// The latest that their clock can have shown.
    pub theirs_high: Timestamp,
}

/// What is known of a source's clock: theirs − ours = `offset_us` ± `error_us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Theirs less ours, in microseconds.
    pub offset_us: i64,
    /// The bound of the error, in microseconds.
    pub error_us: i64,
    /// True when this sample cannot be true together with those before: one of the clocks was stepped.
    pub stepped: bool,
}

/// The samples of one source so far. Pure: it reads no clock.
#[derive(Debug, Default)]
pub struct ClockOffset {
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    low: i64,
    high: i64,
    at: Timestamp,
}

/// Two clocks may part by this much a second without being stepped: the kernel slews at most 500 ppm.
const DRIFT_PPM: i64 = 500;

impl ClockSample {
    /// From a reading that was cut to whole units of `resolution_us`.
    #[must_use]
    pub fn cut(sent: Timestamp, received: Timestamp, theirs: Timestamp, resolution_us: i64) -> Self {
        Self {
            sent,
            received,
            theirs_low: theirs,
            theirs_high: theirs.plus_micros(resolution_us),
        }
    }
}

impl ClockOffset {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sample; says what is known now.
    pub fn add(&mut self, sample: &ClockSample) -> ClockReading {
        let ends = (
            sample.theirs_low.micros_since(sample.received),
            sample.theirs_high.micros_since(sample.sent),
        );
        // Received before it was sent: our own clock was set back in between.
        let mut stepped = ends.0 > ends.1;
        let (low, high) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let mut now = Known {
            low,
            high,
            at: sample.received,
        };
        if let Some(then) = self.known.filter(|_| !stepped) {
            let slack = drift(sample.received.micros_since(then.at));
            let (low, high) = (now.low.max(then.low - slack), now.high.min(then.high + slack));
            if low <= high {
                (now.low, now.high) = (low, high);
            } else {
                stepped = true;
            }
        }
        self.known = Some(now);
        now.reading(stepped)
    }
}

impl Known {
    fn reading(&self, stepped: bool) -> ClockReading {
        let width = self.high - self.low;
        ClockReading {
            offset_us: self.low + width / 2,
            // Rounded up, so that both ends stay inside.
            error_us: (width + 1) / 2,
            stepped,
        }
    }
}

impl ClockReading {
    /// A time of their clock on ours: less the offset, where that is more than its error.
    #[must_use]
    pub fn ours(&self, theirs: Timestamp) -> Timestamp {
        if self.offset_us.saturating_abs() > self.error_us {
            theirs.plus_micros(self.offset_us.saturating_neg())
        } else {
            theirs
        }
    }

    /// The event that records it.
    #[must_use]
    pub fn event(&self, source: SourceName) -> EventKind {
        EventKind::ClockMeasured {
            source,
            offset_us: self.offset_us,
            error_us: self.error_us,
            stepped: self.stepped,
        }
    }
}

/// How far clocks may have parted in `age_us`; an age below zero means that ours was stepped back.
fn drift(age_us: i64) -> i64 {
    age_us.max(0).saturating_mul(DRIFT_PPM) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: i64) -> Timestamp {
        Timestamp::from_micros(1_795_352_907_000_000 + value * 1000)
    }

    /// Asked at `sent`, answered at `received`, their clock showed `theirs`, all in milliseconds.
    fn sample(sent: i64, received: i64, theirs: i64, resolution: i64) -> ClockSample {
        ClockSample::cut(ms(sent), ms(received), ms(theirs), resolution * 1000)
    }

    fn reading(offset_us: i64, error_us: i64, stepped: bool) -> ClockReading {
        ClockReading {
            offset_us,
            error_us,
            stepped,
        }
    }

    #[test]
    fn one_sample_bounds_the_offset_by_the_round_trip_and_the_resolution() {
        // Between 0 and 10 ms of ours it was 105 to 106 ms of theirs: they are 95 to 106 ms ahead.
        let got = ClockOffset::new().add(&sample(0, 10, 105, 1));
        assert_eq!(got, reading(100_500, 5_500, false));
    }

    #[test]
    fn whole_seconds_at_many_phases_narrow_down_to_the_round_trip() {
        let mut clock = ClockOffset::new();
        // Their clock is 250 ms ahead, shows whole seconds, and answers half way through 2 ms.
        let mut last = reading(0, 0, true);
        for nth in 0..40_i64 {
            let sent = nth * 1037;
            let theirs = (sent + 1 + 250).div_euclid(1000) * 1000;
            last = clock.add(&sample(sent, sent + 2, theirs, 1000));
            assert!(
                (last.offset_us - 250_000).abs() <= last.error_us,
                "{nth}: {last:?}"
            );
            assert!(!last.stepped);
        }
        assert!(last.error_us < 40_000, "after 40 samples: {last:?}");
    }

    #[test]
    fn a_stepped_clock_starts_over_and_says_so() {
        let mut clock = ClockOffset::new();
        clock.add(&sample(0, 2, 1, 1));
        assert!(!clock.add(&sample(1000, 1002, 1001, 1)).stepped);
        let after = clock.add(&sample(2000, 2002, 2501, 1));
        assert_eq!(after, reading(500_500, 1_500, true));
        assert!(!clock.add(&sample(3000, 3002, 3501, 1)).stepped);
    }

    #[test]
    fn our_own_clock_set_back_in_mid_question_is_a_step_too() {
        let got = ClockOffset::new().add(&sample(1000, 500, 900, 1));
        assert!(got.stepped);
        // Both readings of ours stay possible: they are 99 ms behind or 400 ms ahead.
        assert!(got.offset_us - got.error_us <= -99_000 && got.offset_us + got.error_us >= 400_000);
    }

    #[test]
    fn slow_drift_is_no_step() {
        let mut clock = ClockOffset::new();
        // 50 ppm apart: 3 ms a minute, more than a sample's width, yet nobody touched a clock.
        for minute in 0..30 {
            let sent = minute * 60_000;
            let got = clock.add(&sample(sent, sent + 1, sent + minute * 3, 1));
            assert!(!got.stepped, "minute {minute}");
            assert!((got.offset_us - minute * 3000).abs() <= got.error_us + 500);
        }
    }

    #[test]
    fn a_time_is_corrected_only_where_the_offset_is_more_than_its_error() {
        let theirs = ms(5000);
        assert_eq!(
            reading(100_500, 5_500, false).ours(theirs),
            theirs.plus_micros(-100_500)
        );
        assert_eq!(
            reading(-3_000, 2_999, false).ours(theirs),
            theirs.plus_micros(3_000)
        );
        assert_eq!(reading(3_000, 3_000, false).ours(theirs), theirs);
    }

    #[test]
    fn hostile_times_do_not_overflow() {
        let mut clock = ClockOffset::new();
        for theirs in [-377_705_023_201_000_000, 253_402_207_200_999_999] {
            let theirs = Timestamp::from_micros(theirs);
            clock.add(&ClockSample::cut(ms(0), ms(1), theirs, 1000));
        }
    }
}
