//! A probe's looks over a trailing span of time: what steady states and guards are computed from.

use std::collections::VecDeque;
use std::time::Duration;

use gameday_core::{Offset, Outcome};
use hdrhistogram::Histogram;

/// The looks of the last `span`, all regions pooled.
#[derive(Debug)]
pub(crate) struct Window {
    span: Duration,
    began: Option<Offset>,
    looks: VecDeque<(Offset, Look)>,
}

#[derive(Debug, Clone, Copy)]
enum Look {
    Up { total_us: u64 },
    Down,
    Unknown,
}

/// What a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) unknown: u64,
}

impl Counts {
    /// Up/(Up+Down); none when neither was seen.
    #[expect(clippy::cast_precision_loss, reason = "counts of looks are small")]
    pub(crate) fn success(self) -> Option<f64> {
        let known = self.up + self.down;
        (known > 0).then(|| self.up as f64 / known as f64)
    }

    /// More than half of the looks could not look, or there was none at all.
    pub(crate) fn is_blind(self) -> bool {
        let known = self.up + self.down;
        known == 0 || self.unknown > known
    }
}

impl Window {
    pub(crate) fn new(span: Duration) -> Self {
        Self {
            span,
            began: None,
            looks: VecDeque::new(),
        }
    }

    /// The probes began to look.
    pub(crate) fn begin(&mut self, at: Offset) {
        self.began.get_or_insert(at);
    }

    pub(crate) fn push(&mut self, at: Offset, outcome: &Outcome, total: Duration) {
        let look = match outcome {
            Outcome::Up { .. } => Look::Up {
                total_us: u64::try_from(total.as_micros()).unwrap_or(u64::MAX).max(1),
            },
            Outcome::Down(_) => Look::Down,
            Outcome::Unknown(_) => Look::Unknown,
        };
        self.looks.push_back((at, look));
    }

    /// Ticks that could not run are looks that saw nothing.
    pub(crate) fn push_missed(&mut self, at: Offset, count: u64) {
        for _ in 0..count.min(1000) {
            self.looks.push_back((at, Look::Unknown));
        }
    }

    /// Whether a whole span has been looked at.
    pub(crate) fn is_full(&self, now: Offset) -> bool {
        self.began.is_some_and(|began| now.since(began) >= self.span)
    }

    /// Forgets what is older than the span, and counts the rest.
    pub(crate) fn counts(&mut self, now: Offset) -> Counts {
        while self
            .looks
            .front()
            .is_some_and(|(at, _)| now.since(*at) > self.span)
        {
            self.looks.pop_front();
        }
        let mut counts = Counts::default();
        for (_, look) in &self.looks {
            match look {
                Look::Up { .. } => counts.up += 1,
                Look::Down => counts.down += 1,
                Look::Unknown => counts.unknown += 1,
            }
        }
        counts
    }

    /// The 95th percentile of the total times of the looks that said up, in milliseconds.
    pub(crate) fn p95_ms(&self) -> Option<f64> {
        let mut histogram = Histogram::<u64>::new(3).expect("three significant digits are allowed");
        for (_, look) in &self.looks {
            if let Look::Up { total_us } = look {
                histogram.record(*total_us).expect("it grows with its values");
            }
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of a probe are far below 2^52"
        )]
        (!histogram.is_empty()).then(|| histogram.value_at_quantile(0.95) as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gameday_core::Reason;

    fn at(seconds: u64) -> Offset {
        Offset::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn looks_older_than_the_span_are_forgotten() {
        let mut window = Window::new(Duration::from_secs(10));
        window.begin(at(0));
        for second in 0..20 {
            window.push(at(second), &Outcome::Down(Reason::HttpStatus), Duration::ZERO);
        }
        window.push(at(20), &Outcome::Up { slow: vec![] }, Duration::from_millis(50));
        let counts = window.counts(at(20));
        assert_eq!(
            (counts.up, counts.down),
            (1, 10),
            "seconds 10 to 19, and the look at 20"
        );
        assert!(!window.is_full(at(9)) && window.is_full(at(10)));
    }

    #[test]
    fn silence_is_blindness_not_success() {
        let mut window = Window::new(Duration::from_secs(10));
        window.begin(at(0));
        assert!(window.counts(at(10)).is_blind(), "no look at all");
        window.push(at(10), &Outcome::Up { slow: vec![] }, Duration::from_millis(5));
        window.push_missed(at(10), 2);
        let counts = window.counts(at(10));
        assert!(counts.is_blind());
        assert_eq!(counts.success(), Some(1.0), "unknown never counts as an outage");
    }

    #[test]
    fn p95_is_of_the_looks_that_said_up() {
        let mut window = Window::new(Duration::from_secs(100));
        for n in 1..=100_u64 {
            window.push(at(1), &Outcome::Up { slow: vec![] }, Duration::from_millis(n));
        }
        window.push(at(1), &Outcome::Down(Reason::Timeout), Duration::from_secs(60));
        let p95 = window.p95_ms().unwrap();
        assert!((95.0..95.2).contains(&p95), "{p95}");
    }
}
