//! Ticks: what happens again and again at a fixed distance.

/// One known tick and the distance to the next, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    /// A tick.
    pub(super) at_us: i64,
    /// From one to the next; more than zero.
    pub(super) every_us: i64,
}

impl Phase {
    /// A phase; none when nothing can be repeated so.
    pub(super) fn new(at_us: i64, every_us: i64) -> Option<Self> {
        (every_us > 0).then_some(Self { at_us, every_us })
    }

    /// The first tick that is not before a moment.
    pub(super) fn at_or_after(self, moment_us: i64) -> i64 {
        let behind = (self.at_us - moment_us).rem_euclid(self.every_us);
        moment_us + behind
    }

    /// The last tick that is not after a moment.
    pub(super) fn at_or_before(self, moment_us: i64) -> i64 {
        moment_us - (moment_us - self.at_us).rem_euclid(self.every_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_on_both_sides_of_the_known_one() {
        let phase = Phase::new(7, 5).unwrap();
        for (moment, before, after) in [(7, 7, 7), (8, 7, 12), (11, 7, 12), (1, -3, 2), (-4, -8, -3)] {
            assert_eq!(phase.at_or_before(moment), before, "{moment}");
            assert_eq!(phase.at_or_after(moment), after, "{moment}");
        }
        assert_eq!(Phase::new(7, 0), None);
    }
}
