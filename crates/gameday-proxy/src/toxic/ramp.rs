//! A toxic that grows: from nothing to all of it over a time, counted from when it was attached.

use std::time::{Duration, Instant};

use gameday_core::Span;

/// How far a toxic has grown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    from: Instant,
    over: Duration,
}

impl Ramp {
    pub(crate) fn new(from: Instant, over: Option<Span>) -> Self {
        Self {
            from,
            over: over.map(Span::get).unwrap_or_default(),
        }
    }

    /// 0 to 1; without a time to grow over, always 1.
    pub(crate) fn at(&self, now: Instant) -> f64 {
        if self.over.is_zero() {
            return 1.0;
        }
        let grown = now.saturating_duration_since(self.from).as_secs_f64() / self.over.as_secs_f64();
        grown.min(1.0)
    }
}
