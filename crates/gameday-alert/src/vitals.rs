//! Turns readings of what sources say of themselves into what changed between them.

use std::collections::BTreeMap;

use gameday_core::{NotificationsCounted, SourceName, SourceSeen, Timestamp, Vitals};

/// Some compute when they started from when the machine did, which the kernel rounds to seconds.
const SAME_START_US: i64 = 2_000_000;

/// Remembers what one source last said of itself. Pure: it asks nobody and reads no clock.
#[derive(Debug, Default)]
pub struct VitalsWatch {
    last: Option<Vitals>,
    asked: Option<Timestamp>,
}

impl VitalsWatch {
    /// Takes what was asked for at `sent` and had come at `received`; says so if it is new.
    ///
    /// A source that did not answer said nothing: do not feed it.
    pub fn observe(
        &mut self,
        source: &SourceName,
        vitals: Vitals,
        (sent, received): (Timestamp, Timestamp),
    ) -> Option<SourceSeen> {
        let after = self.asked.replace(sent);
        if self.last.as_ref().is_some_and(|last| same(last, &vitals)) {
            return None;
        }
        self.last = Some(vitals.clone());
        Some(SourceSeen {
            source: source.clone(),
            after,
            by: received,
            vitals,
        })
    }
}

fn same(last: &Vitals, now: &Vitals) -> bool {
    let near = match (last.started_at, now.started_at) {
        (Some(last), Some(now)) => last.micros_since(now).abs() < SAME_START_US,
        (last, now) => last == now,
    };
    let rest = |vitals: &Vitals| Vitals {
        started_at: None,
        ..vitals.clone()
    };
    near && rest(last) == rest(now)
}

/// Remembers the counters of notifications of one Alertmanager. Pure, as [`VitalsWatch`] is.
#[derive(Debug, Default)]
pub struct CountsWatch {
    last: Option<Counts>,
}

#[derive(Debug)]
struct Counts {
    delivered: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    sent: Timestamp,
}

impl CountsWatch {
    /// Takes the counters that were asked for at `sent` and had come at `received`; says what they grew by.
    pub fn observe(
        &mut self,
        source: &SourceName,
        delivered: BTreeMap<String, u64>,
        failed: BTreeMap<String, u64>,
        (sent, received): (Timestamp, Timestamp),
    ) -> Option<NotificationsCounted> {
        let now = Counts {
            delivered,
            failed,
            sent,
        };
        let last = self.last.replace(now)?;
        let now = self.last.as_ref()?;
        let counted = NotificationsCounted {
            source: source.clone(),
            after: last.sent,
            by: received,
            delivered: growth(&last.delivered, &now.delivered),
            failed: growth(&last.failed, &now.failed),
        };
        (!counted.delivered.is_empty() || !counted.failed.is_empty()).then_some(counted)
    }
}

/// What each counter grew by, those that did. One that fell began anew: all it shows is growth.
fn growth(last: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = |(name, now): (&String, &u64)| {
        let before = last.get(name).copied().unwrap_or(0);
        let more = if *now < before { *now } else { now - before };
        (more > 0).then(|| (name.clone(), more))
    };
    now.iter().filter_map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_micros(at * 1_000_000)
    }

    fn source() -> SourceName {
        SourceName::new("prometheus").unwrap()
    }

    fn vitals(started: i64, loaded: i64) -> Vitals {
        Vitals {
            started_at: Some(second(started)),
            config_loaded_at: Some(second(loaded)),
            ..Vitals::default()
        }
    }

    #[test]
    fn what_a_source_says_is_told_first_and_when_it_changed_between_which_moments() {
        let mut watch = VitalsWatch::default();
        let mut look = |vitals: Vitals, at: i64| {
            watch
                .observe(&source(), vitals, (second(at), second(at + 1)))
                .map(|seen| (seen.after, seen.by))
        };
        assert_eq!(look(vitals(5, 6), 100), Some((None, second(101))));
        assert_eq!(look(vitals(5, 6), 110), None);
        // Rounded another way by the kernel: the same process.
        assert_eq!(look(vitals(6, 6), 115), None);
        assert_eq!(look(vitals(5, 118), 120), Some((Some(second(115)), second(121))));
        assert_eq!(
            look(vitals(125, 125), 130),
            Some((Some(second(120)), second(131)))
        );
    }

    #[test]
    fn evaluations_that_were_missed_are_a_change() {
        let mut watch = VitalsWatch::default();
        let at = |at: i64| (second(at), second(at));
        watch.observe(&source(), vitals(5, 6), at(1));
        let mut missed = vitals(5, 6);
        missed.missed.insert("rules.yml;shop".into(), 1);
        let seen = watch.observe(&source(), missed.clone(), at(2)).unwrap();
        assert_eq!((seen.after, seen.vitals), (Some(second(1)), missed));
    }

    fn counts(webhook: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("webhook".to_owned(), webhook), ("email".to_owned(), 0)])
    }

    #[test]
    fn growth_is_between_the_question_before_and_the_answer_now() {
        let mut watch = CountsWatch::default();
        let mut look = |delivered: u64, failed: u64, at: i64| {
            let reading = (second(at), second(at + 1));
            watch.observe(&source(), counts(delivered), counts(failed), reading)
        };
        assert_eq!(look(7, 0, 10), None, "what was before counts for nothing");
        assert_eq!(look(7, 0, 20), None);
        let grown = look(9, 1, 30).unwrap();
        assert_eq!((grown.after, grown.by), (second(20), second(31)));
        assert_eq!(grown.delivered, BTreeMap::from([("webhook".to_owned(), 2)]));
        assert_eq!(grown.failed, BTreeMap::from([("webhook".to_owned(), 1)]));
        // It was restarted, and has delivered one since.
        let anew = look(1, 0, 40).unwrap();
        assert_eq!(anew.delivered, BTreeMap::from([("webhook".to_owned(), 1)]));
        assert_eq!(anew.failed, BTreeMap::new());
    }
}
