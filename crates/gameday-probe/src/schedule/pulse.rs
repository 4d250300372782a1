//! Tells whether the prober itself ran all the time: a machine that was suspended, or a thread that got no core, saw a
//! service's silence that was its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// From one beat to the next.
const BEAT: Duration = Duration::from_millis(200);
/// A beat that is so late, or a look that begins so late, says nothing of the service any more.
pub(super) const STALL: Duration = Duration::from_secs(1);

/// Beats on the thread that looks.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    /// The newest beat, in microseconds from the start.
    beat_us: AtomicU64,
    /// When the newest stall was over; 0 before the first.
    stalled_us: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            beat_us: AtomicU64::new(0),
            stalled_us: AtomicU64::new(0),
        })
    }

    /// Beats until it is dropped.
    pub(super) async fn beat(&self) {
        loop {
            self.note(self.at(Instant::now()));
            sleep(BEAT).await;
        }
    }

    fn note(&self, now_us: u64) {
        let before = self.beat_us.swap(now_us, Ordering::Relaxed);
        if is_stall(before, now_us) {
            self.stalled_us.store(now_us, Ordering::Relaxed);
        }
    }

    /// Whether it stood still at any time since then.
    pub(super) fn stood_still_since(&self, then: Instant) -> bool {
        // Whoever asks may be awake before the beat is.
        let unnoticed = is_stall(self.beat_us.load(Ordering::Relaxed), self.at(Instant::now()));
        unnoticed || self.stalled_us.load(Ordering::Relaxed) > self.at(then)
    }

    fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

fn is_stall(before_us: u64, now_us: u64) -> bool {
    Duration::from_micros(now_us.saturating_sub(before_us)) > BEAT + STALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_beat_is_a_stall_for_the_looks_it_falls_into() {
        let pulse = Pulse::new();
        let then = |ms| pulse.start + Duration::from_millis(ms);
        pulse.note(200_000);
        pulse.note(1_300_000);
        assert!(
            !pulse.stood_still_since(then(100)),
            "1.1 s may happen on a busy machine"
        );
        pulse.note(3_000_000);
        assert!(pulse.stood_still_since(then(1_400)) && pulse.stood_still_since(then(2_900)));
        assert!(!pulse.stood_still_since(then(3_001)), "it began after that");
    }
}
