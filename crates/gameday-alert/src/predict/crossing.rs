//! The closed formula of the crossing: when the share of errors over a window is over its limit.
//!
//! With a window W, request rates l0 before and l1 during the fault, error shares e0 and e1 and a limit θ,
//! the share at a time t after the fault is
//!
//! ```text
//!   ( l1 e1 t + l0 e0 (W − t) ) / ( l1 t + l0 (W − t) )
//! ```
//!
//! which is over θ from t* = W l0 (θ − e0) / ( l1 (e1 − θ) + l0 (θ − e0) ) on, and never if e1 ≤ θ.

/// What a window holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mix {
    /// The window, in seconds.
    pub(super) window: f64,
    /// The share of errors before.
    pub(super) before: f64,
    /// The share of errors while the fault is in place.
    pub(super) during: f64,
    /// Requests while the fault is in place, for each one before.
    pub(super) traffic: f64,
}

impl Mix {
    /// Seconds from the fault to the crossing of a limit; none when it never is.
    pub(super) fn crossing(self, limit: f64) -> Option<f64> {
        if self.before > limit {
            return Some(0.0);
        }
        let rise = self.traffic * (self.during - limit);
        let left = limit - self.before;
        (self.during > limit && self.traffic > 0.0).then(|| self.window * left / (rise + left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PAIRS;

    /// Seconds to the crossing of the pair's windows both, for an objective of 99.9 %.
    fn page(pair: usize, during: f64, traffic: f64) -> Option<f64> {
        let pair = PAIRS[pair];
        let crossing = |window: std::time::Duration| {
            let mix = Mix {
                window: window.as_secs_f64(),
                before: 0.0,
                during,
                traffic,
            };
            mix.crossing(pair.threshold(0.999))
        };
        Some(crossing(pair.long)?.max(crossing(pair.short)?))
    }

    #[track_caller]
    fn check(found: Option<f64>, expected: Option<u64>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time of the table, rounded as there"
        )]
        let seconds = found.map(|seconds| seconds.round() as u64);
        assert_eq!(seconds, expected);
    }

    #[test]
    fn times_are_those_of_the_workbook_for_99_9_percent() {
        for (during, pairs) in [
            (1.0, [Some(52), Some(130), Some(259), Some(259)]),
            (0.5, [Some(104), Some(259), Some(518), Some(518)]),
            (0.1, [Some(518), Some(1296), Some(2592), Some(2592)]),
            (0.05, [Some(1037), Some(2592), Some(5184), Some(5184)]),
            (0.02, [Some(2592), Some(6480), Some(12960), Some(12960)]),
            (0.01, [None, Some(12960), Some(25920), Some(25920)]),
            (0.005, [None, None, Some(51840), Some(51840)]),
            (0.002, [None, None, None, Some(129_600)]),
        ] {
            for (pair, expected) in pairs.into_iter().enumerate() {
                check(page(pair, during, 1.0), expected);
            }
        }
    }

    #[test]
    fn a_fault_that_takes_the_traffic_is_seen_later() {
        // 7 min 38 s and 35 min 37 s.
        check(page(0, 1.0, 0.1), Some(459));
        check(page(0, 1.0, 0.01), Some(2137));
        check(page(0, 1.0, 0.0), None);
    }

    #[test]
    fn errors_from_before_shorten_it() {
        let mix = Mix {
            window: 60.0,
            before: 0.007_2,
            during: 1.0,
            traffic: 1.0,
        };
        // Half of the limit is there already.
        assert!((mix.crossing(0.0144).unwrap() - 60.0 * 0.0072 / 0.9928).abs() < 1e-9);
        assert_eq!(Mix { before: 0.5, ..mix }.crossing(0.0144), Some(0.0));
        assert_eq!(
            Mix {
                during: 0.0144,
                ..mix
            }
            .crossing(0.0144),
            None,
            "at the limit is not over it"
        );
    }

    #[test]
    fn scaled_down_it_is_what_was_measured_less_scrape_and_ticks() {
        // Measured: 60 s, 14.4x, 99.9 %: predicted .86, 8.64 and 28.80 s.
        for (during, expected) in [(1.0, 0.864), (0.1, 8.64), (0.03, 28.8)] {
            let mix = Mix {
                window: 60.0,
                before: 0.0,
                during,
                traffic: 1.0,
            };
            assert!((mix.crossing(0.0144).unwrap() - expected).abs() < 1e-9);
        }
    }
}
