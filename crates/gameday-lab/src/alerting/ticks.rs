//! Ticks of the wall clock at a fixed phase, as Prometheus schedules its scrapes and evaluations.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::rules::INTERVAL;

/// A regular series of moments, one an interval.
#[derive(Debug)]
pub(super) struct Ticks {
    phase_ms: i64,
}

impl Ticks {
    /// At a phase drawn now and kept for life.
    pub(super) fn at_random_phase() -> Self {
        Ticks {
            phase_ms: rand::random_range(0..interval_ms()),
        }
    }

    /// Waits for the next tick. One that has passed while its owner was busy is left out, as
    /// Prometheus leaves it out.
    pub(super) async fn next(&self) -> Timestamp {
        let tick = self.after(Timestamp::now());
        while let Some(left) = until(tick, Timestamp::now()) {
            sleep(left).await;
        }
        tick
    }

    fn after(&self, now: Timestamp) -> Timestamp {
        let elapsed = (now.as_millisecond() - self.phase_ms).div_euclid(interval_ms());
        Timestamp::from_millisecond((elapsed + 1) * interval_ms() + self.phase_ms).expect("a second from now")
    }
}

fn interval_ms() -> i64 {
    i64::try_from(INTERVAL.as_millis()).expect("an interval of seconds")
}

/// How long it is from `now` to `then`; nothing when it has come.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = then.duration_since(now);
    (left > SignedDuration::ZERO).then(|| left.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_phase() {
        let ticks = Ticks { phase_ms: 293 };
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        assert_eq!(ticks.after(at(10_000)), at(10_293));
        assert_eq!(ticks.after(at(10_293)), at(11_293));
        assert_eq!(ticks.after(at(15_700)), at(16_293));
    }
}
