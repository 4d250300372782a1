//! One rule's state from tick to tick: inactive, pending, firing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::history::Points;
use crate::rules::{AlertRule, INTERVAL, JOB};

/// A firing alert is sent again after this time, as Prometheus' `--rules.alert.resend-delay`.
pub(super) const RESEND_DELAY: Duration = Duration::from_secs(60);

/// A rule, and the one alert it may have (both rules aggregate to the job).
#[derive(Debug)]
pub(super) struct RuleState {
    pub rule: &'static AlertRule,
    pub active: Option<Active>,
    /// The ticks at which the alert was pending (`ALERTS{alertstate="pending"}`).
    pub pending_ticks: Points,
    /// The ticks at which it was firing.
    pub firing_ticks: Points,
    pub last_evaluation: Timestamp,
    pub evaluation_took: Duration,
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Active {
    /// The tick of the first time the condition held.
    pub since: Timestamp,
    /// The tick at which it began to fire.
    pub fired: Option<Timestamp>,
    pub value: f64,
    sent: Option<Timestamp>,
}

/// An alert as it is handed to Alertmanager.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub rule: &'static AlertRule,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

impl RuleState {
    /// A rule that has not been evaluated.
    pub(super) fn new(rule: &'static AlertRule, now: Timestamp) -> Self {
        RuleState {
            rule,
            active: None,
            pending_ticks: Points::default(),
            firing_ticks: Points::default(),
            last_evaluation: now,
            evaluation_took: Duration::ZERO,
        }
    }

    /// Evaluates at a tick, given the value if the condition holds; returns what is to be sent.
    pub(super) fn tick(&mut self, tick: Timestamp, holds: Option<f64>) -> Option<Sent> {
        let Some(value) = holds else {
            // One that was only pending goes without a word.
            let fired = self.active.take()?.fired?;
            return Some(Sent {
                rule: self.rule,
                starts_at: fired,
                ends_at: tick,
            });
        };
        let active = self.active.get_or_insert(Active {
            since: tick,
            fired: None,
            value,
            sent: None,
        });
        active.value = value;
        if active.fired.is_none() && active.since + self.rule.hold <= tick {
            active.fired = Some(tick);
        }
        let Some(fired) = active.fired else {
            self.pending_ticks.push_told(tick, 1.0);
            return None;
        };
        self.firing_ticks.push_told(tick, 1.0);
        if active.sent.is_some_and(|sent| tick < sent + RESEND_DELAY) {
            return None;
        }
        active.sent = Some(tick);
        Some(Sent {
            rule: self.rule,
            starts_at: fired,
            ends_at: tick + RESEND_DELAY.max(INTERVAL) * 4,
        })
    }

    /// `inactive`, `pending` or `firing`.
    pub(super) fn word(&self) -> &'static str {
        match &self.active {
            None => "inactive",
            Some(Active { fired: None, .. }) => "pending",
            Some(Active { fired: Some(_), .. }) => "firing",
        }
    }
}

/// Prometheus' fingerprint of a set of labels: FNV-1a over names and values, each ended by 255.
pub(super) fn fingerprint(labels: &BTreeMap<&str, &str>) -> String {
    let bytes = labels.iter().flat_map(|(name, value)| {
        name.bytes()
            .chain([255])
            .chain(value.bytes())
            .chain([255])
            .collect::<Vec<u8>>()
    });
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// All labels of a rule's alert.
pub(super) fn alert_labels(rule: &AlertRule) -> BTreeMap<&'static str, &'static str> {
    [("alertname", rule.name), ("job", JOB)]
        .into_iter()
        .chain(rule.labels)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;
    use expect_test::{Expect, expect};

    /// Ticks once a second (at .293); `#` where the condition holds, `.` where it does not.
    #[track_caller]
    fn check(condition: &str, expect: Expect) {
        let at = |second: i64| Timestamp::from_millisecond(second * 1000 + 293).unwrap();
        let seconds = |time: Timestamp| time.as_millisecond() / 1000;
        let mut state = RuleState::new(&RULES[0], at(0));
        let mut told = Vec::new();
        for (second, mark) in (0..).zip(condition.chars()) {
            if let Some(sent) = state.tick(at(second), (mark == '#').then_some(0.6)) {
                let (starts, ends) = (seconds(sent.starts_at), seconds(sent.ends_at));
                told.push(format!("{second}: starts {starts} ends {ends}"));
            }
        }
        told.push(state.word().to_owned());
        expect.assert_eq(&told.join(", "));
    }

    #[test]
    fn it_fires_at_the_first_tick_that_is_hold_after_the_first_true_one() {
        check("..######", expect!["7: starts 7 ends 247, firing"]);
        check("..#####", expect!["pending"]);
    }

    #[test]
    fn it_ends_at_the_first_tick_that_is_false() {
        check(
            "########..",
            expect!["5: starts 5 ends 245, 8: starts 5 ends 8, inactive"],
        );
    }

    #[test]
    fn what_was_only_pending_is_never_sent() {
        check("#####.#####.", expect!["inactive"]);
    }

    #[test]
    fn a_firing_alert_is_sent_again_each_minute() {
        check(
            &"#".repeat(70),
            expect!["5: starts 5 ends 245, 65: starts 5 ends 305, firing"],
        );
    }
}
