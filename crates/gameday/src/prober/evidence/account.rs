//! Which failures are worth keeping: the first of its kind, then ever fewer of those that go on.

use gameday_core::{Outcome, Reason, Timestamp};

/// Whatever happens, no sooner after another.
const LEAST_S: i64 = 10;
/// A probe that fails again after it was up is kept again after so long; one that goes on failing after
/// this, then twice this, and so on.
const AGAIN_S: i64 = 60;

/// What was kept last of one probe in one region.
#[derive(Debug, Default)]
pub(in crate::prober) struct Account(Option<Last>);

#[derive(Debug)]
struct Last {
    at: Timestamp,
    reason: Option<Reason>,
    pause_s: i64,
}

impl Account {
    /// Whether this failure is to be kept; `is_first` when the look before it was none.
    pub(in crate::prober) fn keeps(&mut self, at: Timestamp, outcome: &Outcome, is_first: bool) -> bool {
        let reason = outcome.reason();
        let pause_s = match &self.0 {
            None => AGAIN_S,
            Some(last) => {
                let age_s = at.micros_since(last.at) / 1_000_000;
                let is_new = reason != last.reason || (is_first && age_s >= AGAIN_S);
                // A clock that was set back must not end it.
                match is_new {
                    _ if (0..LEAST_S).contains(&age_s) => return false,
                    true => AGAIN_S,
                    false if (0..last.pause_s).contains(&age_s) => return false,
                    false => last.pause_s.saturating_mul(2),
                }
            }
        };
        self.0 = Some(Last { at, reason, pause_s });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks as `second:reason`, `*` for a first one; which seconds are kept.
    #[track_caller]
    fn check(looks: &str, kept: &[i64]) {
        let mut account = Account::default();
        let found: Vec<i64> = looks
            .split_whitespace()
            .filter_map(|look| {
                let (second, reason) = look.split_once(':').unwrap();
                let second: i64 = second.parse().unwrap();
                let reason = match reason.trim_end_matches('*') {
                    "timeout" => Reason::Timeout,
                    _ => Reason::HttpStatus,
                };
                let at = Timestamp::from_micros(second * 1_000_000);
                account
                    .keeps(at, &Outcome::Down(reason), look.ends_with('*'))
                    .then_some(second)
            })
            .collect();
        assert_eq!(found, kept);
    }

    #[test]
    fn an_outage_is_kept_at_its_begin_and_ever_less_often() {
        let looks: Vec<String> = (0..600).map(|second| format!("{second}:status")).collect();
        check(&looks.join(" "), &[0, 60, 180, 420]);
    }

    #[test]
    fn another_reason_is_another_failure() {
        check("0:status* 11:timeout 12:status 22:status", &[0, 11, 22]);
    }

    #[test]
    fn a_probe_that_flaps_does_not_fill_the_disk() {
        let looks: Vec<String> = (0..130).map(|second| format!("{second}:status*")).collect();
        check(&looks.join(" "), &[0, 60, 120]);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_nothing() {
        check("1000:status* 5:status 6:status", &[1000, 5]);
    }
}
