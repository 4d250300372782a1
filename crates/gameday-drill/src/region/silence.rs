//! Counts the looks of a region that should have come and did not.

use std::time::Duration;

use gameday_core::Offset;

/// A look is told this much after it was over, at most.
const SLACK: Duration = Duration::from_secs(3);

/// One probe of one region.
#[derive(Debug)]
pub(crate) struct Silence {
    every: Duration,
    timeout: Duration,
    /// When a look was last heard of, or counted as missed.
    last: Offset,
    is_silent: bool,
}

impl Silence {
    /// A probe that is expected to look from now on.
    pub(crate) fn new(every: Duration, timeout: Duration, now: Offset) -> Self {
        Self {
            every: every.max(Duration::from_millis(1)),
            timeout,
            last: now,
            is_silent: false,
        }
    }

    /// A look was heard of that was over at this time; false when it comes after it was counted as missed.
    pub(crate) fn heard(&mut self, now: Offset, ended: Offset) -> bool {
        if self.is_silent && ended <= self.last {
            return false;
        }
        self.last = now;
        self.is_silent = false;
        true
    }

    /// So many looks have not come since this was asked last.
    pub(crate) fn missed(&mut self, now: Offset) -> u64 {
        let since = now.since(self.last);
        let patience = self.every + self.timeout + SLACK;
        if !self.is_silent && since < patience {
            return 0;
        }
        let count = since.as_nanos() / self.every.as_nanos();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.is_silent = true;
        self.last = self.last + self.every * count;
        count.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Offset {
        Offset::from_micros(ms * 1000)
    }

    fn every_second() -> Silence {
        Silence::new(Duration::from_secs(1), Duration::from_secs(2), at(0))
    }

    #[test]
    fn looks_that_come_are_not_missed() {
        let mut silence = every_second();
        for second in 1..20 {
            assert!(silence.heard(at(second * 1000), at(second * 1000 - 40)));
            assert_eq!(silence.missed(at(second * 1000 + 900)), 0);
        }
    }

    #[test]
    fn after_a_while_every_look_that_did_not_come_is_counted_once() {
        let mut silence = every_second();
        silence.heard(at(1000), at(1000));
        assert_eq!(silence.missed(at(6_999)), 0, "every + timeout + 3 s");
        assert_eq!(silence.missed(at(7_000)), 6);
        assert_eq!(silence.missed(at(7_500)), 0);
        assert_eq!(silence.missed(at(8_100)), 1);
        let rest: u64 = (9..=60).map(|second| silence.missed(at(second * 1000))).sum();
        assert_eq!(6 + 1 + rest, 59, "one for each second from the last that came");
    }

    #[test]
    fn looks_that_were_counted_as_missed_come_too_late() {
        let mut silence = every_second();
        silence.heard(at(1000), at(1000));
        silence.missed(at(30_000));
        for second in 2..=30 {
            assert!(!silence.heard(at(30_400), at(second * 1000)), "second {second}");
        }
        assert!(silence.heard(at(30_400), at(30_300)));
        assert_eq!(silence.missed(at(36_000)), 0, "it is patient again");
        assert_eq!(silence.missed(at(36_400)), 6);
    }
}
