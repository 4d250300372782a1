//! How long toxics were asked to delay what passed, and how long they did: two histograms a direction.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// One delay of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    /// How long after its arrival the chunk should leave.
    pub(crate) requested: Duration,
    /// How long after its arrival it left.
    pub(crate) achieved: Duration,
}

/// All delays of a direction since its proxy was made.
#[derive(Debug)]
pub(crate) struct Delays {
    seen: Mutex<Seen>,
}

/// Delays in microseconds; two significant digits are enough for a distribution and keep each at a few kB.
#[derive(Debug)]
struct Seen {
    requested: Histogram<u64>,
    achieved: Histogram<u64>,
    requested_micros: u64,
    achieved_micros: u64,
}

/// The shape that Prometheus wants: counts up to each bound, in seconds, and the sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) up_to: Vec<(f64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum_seconds: f64,
}

/// An hour: longer delays are counted as this.
const LONGEST_MICROS: u64 = 3_600_000_000;
/// The bounds of what is exported, in microseconds.
const BOUNDS_MICROS: [u64; 16] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

impl Default for Delays {
    fn default() -> Self {
        let empty =
            || Histogram::new_with_max(LONGEST_MICROS, 2).expect("two digits up to an hour are a shape");
        Self {
            seen: Mutex::new(Seen {
                requested: empty(),
                achieved: empty(),
                requested_micros: 0,
                achieved_micros: 0,
            }),
        }
    }
}

impl Delays {
    /// Counts a delay.
    pub(crate) fn record(&self, delay: Delay) {
        let micros = |span: Duration| {
            u64::try_from(span.as_micros())
                .unwrap_or(u64::MAX)
                .min(LONGEST_MICROS)
        };
        let (requested, achieved) = (micros(delay.requested), micros(delay.achieved));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requested.saturating_record(requested);
        seen.achieved.saturating_record(achieved);
        seen.requested_micros = seen.requested_micros.saturating_add(requested);
        seen.achieved_micros = seen.achieved_micros.saturating_add(achieved);
    }

    /// What was asked for, and what was achieved.
    pub(crate) fn distributions(&self) -> (Distribution, Distribution) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (
            distribution(&seen.requested, seen.requested_micros),
            distribution(&seen.achieved, seen.achieved_micros),
        )
    }
}

fn distribution(histogram: &Histogram<u64>, sum_micros: u64) -> Distribution {
    let up_to = BOUNDS_MICROS
        .iter()
        .map(|bound| (seconds(*bound), histogram.count_between(0, *bound)));
    Distribution {
        up_to: up_to.collect(),
        count: histogram.len(),
        sum_seconds: seconds(sum_micros),
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_counted_up_to_each_bound() {
        let delays = Delays::default();
        for (requested, achieved) in [(5, 6), (5, 5), (200, 230), (7_200_000, 7_200_000)] {
            delays.record(Delay {
                requested: Duration::from_millis(requested),
                achieved: Duration::from_millis(achieved),
            });
        }
        let (requested, achieved) = delays.distributions();
        let at = |distribution: &Distribution, seconds: f64| {
            distribution
                .up_to
                .iter()
                .find(|(bound, _)| *bound == seconds)
                .map(|(_, count)| *count)
        };
        assert_eq!(
            (at(&requested, 0.005), at(&requested, 0.2), requested.count),
            (Some(2), Some(3), 4)
        );
        assert_eq!(
            (at(&achieved, 0.005), at(&achieved, 0.2), at(&achieved, 60.0)),
            (Some(1), Some(2), Some(3))
        );
        assert!(
            (achieved.sum_seconds - 3600.241).abs() < 1e-6,
            "{}",
            achieved.sum_seconds
        );
    }
}
