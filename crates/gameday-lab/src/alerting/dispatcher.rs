//! Groups alerts by name and says when which group is notified, as Alertmanager's dispatcher does.
//!
//! Pure: it is told the time and never waits. A group's first flush comes `group_wait` after it
//! began, the others each `group_interval`; a flush notifies only if something is new; a group
//! with nothing left is dropped after its flush.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::rule_state::{Sent, alert_labels, fingerprint};
use crate::rules::{GROUP_INTERVAL, GROUP_WAIT, REPEAT_INTERVAL};

/// All groups, by the name of their alerts.
#[derive(Debug, Default)]
pub(super) struct Dispatcher {
    groups: BTreeMap<&'static str, Group>,
}

/// An alert as it was last received.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub sent: Sent,
    pub updated_at: Timestamp,
    pub fingerprint: String,
}

/// What is to be notified, and in the name of which group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notification {
    pub group: &'static str,
    pub alerts: Vec<Held>,
    pub at: Timestamp,
}

#[derive(Debug)]
struct Group {
    alerts: BTreeMap<String, Held>,
    next_flush: Timestamp,
    flushed: bool,
    notified: Option<Notified>,
    /// A notification is under way; no other starts before it has ended.
    busy: bool,
}

/// What the receiver knows.
#[derive(Debug)]
struct Notified {
    firing: BTreeSet<String>,
    resolved: BTreeSet<String>,
    at: Timestamp,
}

impl Held {
    /// True once the alert has ended.
    pub(super) fn is_resolved(&self, now: Timestamp) -> bool {
        self.sent.ends_at <= now
    }
}

impl Dispatcher {
    /// Takes in an alert that fires, still fires or has ended.
    pub(super) fn receive(&mut self, sent: Sent, now: Timestamp) {
        let fingerprint = fingerprint(&alert_labels(sent.rule));
        let (starts_at, name) = (sent.starts_at, sent.rule.name);
        let held = Held {
            sent,
            updated_at: now,
            fingerprint,
        };
        // Whose beginning nobody saw need not be seen to end.
        if held.is_resolved(now) && !self.groups.contains_key(name) {
            return;
        }
        let group = self.groups.entry(name).or_insert_with(|| Group::new(now));
        group.alerts.insert(held.fingerprint.clone(), held);
        if !group.flushed && starts_at + GROUP_WAIT < now {
            group.next_flush = now;
        }
    }

    /// Flushes the groups whose time has come; each notification must be [`finished`](Self::finished).
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Notification> {
        let mut notifications = Vec::new();
        for (name, group) in &mut self.groups {
            if !group.busy && group.next_flush <= now {
                notifications.extend(group.flush(name, now));
            }
        }
        self.drop_empty();
        notifications
    }

    /// Tells how a notification ended.
    pub(super) fn finished(&mut self, notification: &Notification, delivered: bool) {
        if let Some(group) = self.groups.get_mut(notification.group) {
            group.finished(notification, delivered);
        }
        self.drop_empty();
    }

    /// When [`due`](Self::due) should be asked again.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.groups
            .values()
            .filter(|group| !group.busy)
            .map(|group| group.next_flush)
            .min()
    }

    /// The alerts that have not ended.
    pub(super) fn active(&self, now: Timestamp) -> impl Iterator<Item = &Held> {
        self.groups
            .values()
            .flat_map(|group| group.alerts.values())
            .filter(move |held| !held.is_resolved(now))
    }

    /// The groups that hold alerts which have not ended, each with its name.
    pub(super) fn groups(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, Vec<&Held>)> {
        self.groups
            .iter()
            .map(move |(name, group)| {
                let held = group.alerts.values().filter(|held| !held.is_resolved(now));
                (*name, held.collect::<Vec<_>>())
            })
            .filter(|(_, held)| !held.is_empty())
    }

    /// How many groups there are.
    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn drop_empty(&mut self) {
        self.groups.retain(|_, group| !group.alerts.is_empty());
    }
}

impl Group {
    fn new(now: Timestamp) -> Self {
        let next_flush = now + GROUP_WAIT;
        Group {
            alerts: BTreeMap::new(),
            next_flush,
            flushed: false,
            notified: None,
            busy: false,
        }
    }

    fn flush(&mut self, name: &'static str, now: Timestamp) -> Option<Notification> {
        self.flushed = true;
        self.next_flush = now + GROUP_INTERVAL;
        let (resolved, firing) = sorted(self.alerts.values(), now);
        if !is_news(self.notified.as_ref(), &firing, &resolved, now) {
            self.alerts.retain(|_, held| !held.is_resolved(now));
            return None;
        }
        self.busy = true;
        Some(Notification {
            group: name,
            alerts: self.alerts.values().cloned().collect(),
            at: now,
        })
    }

    fn finished(&mut self, notification: &Notification, delivered: bool) {
        self.busy = false;
        if !delivered {
            return;
        }
        let at = notification.at;
        let (resolved, firing) = sorted(&notification.alerts, at);
        self.notified = Some(Notified { firing, resolved, at });
        // What has changed since then is news for the next flush.
        let settled = |held: &Held| held.is_resolved(at) && notification.alerts.contains(held);
        self.alerts.retain(|_, held| !settled(held));
    }
}

/// The fingerprints of what is resolved and of what fires.
fn sorted<'a>(
    alerts: impl IntoIterator<Item = &'a Held>,
    now: Timestamp,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (resolved, firing): (Vec<&Held>, Vec<&Held>) =
        alerts.into_iter().partition(|held| held.is_resolved(now));
    let names = |alerts: Vec<&Held>| alerts.into_iter().map(|held| held.fingerprint.clone()).collect();
    (names(resolved), names(firing))
}

/// Alertmanager's rule for whether a flush is worth a notification.
fn is_news(
    notified: Option<&Notified>,
    firing: &BTreeSet<String>,
    resolved: &BTreeSet<String>,
    now: Timestamp,
) -> bool {
    match notified {
        None => !firing.is_empty(),
        Some(known) if !firing.is_subset(&known.firing) => true,
        Some(known) if firing.is_empty() => !known.firing.is_empty(),
        Some(known) => !resolved.is_subset(&known.resolved) || known.at + REPEAT_INTERVAL < now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;
    use expect_test::{Expect, expect};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1000 + second).unwrap()
    }

    /// Runs 40 seconds; `alerts` are (second, starts, ends), `refused` seconds of failed deliveries.
    #[track_caller]
    fn check(alerts: &[(i64, i64, i64)], refused: &[i64], expect: Expect) {
        let mut dispatcher = Dispatcher::default();
        let mut told = Vec::new();
        for second in 0..40 {
            for (_, starts, ends) in alerts.iter().filter(|(when, ..)| *when == second) {
                let sent = Sent {
                    rule: &RULES[0],
                    starts_at: at(*starts),
                    ends_at: at(*ends),
                };
                dispatcher.receive(sent, at(second));
            }
            for notification in dispatcher.due(at(second)) {
                let delivered = !refused.contains(&second);
                let state = if notification.alerts[0].is_resolved(at(second)) {
                    "resolved"
                } else {
                    "firing"
                };
                told.push(format!(
                    "{second}: {state}{}",
                    if delivered { "" } else { " (refused)" }
                ));
                dispatcher.finished(&notification, delivered);
            }
        }
        told.push(format!("{} groups", dispatcher.group_count()));
        expect.assert_eq(&told.join(", "));
    }

    #[test]
    fn the_first_notification_waits_for_group_wait_and_is_not_repeated() {
        check(&[(3, 3, 243)], &[], expect!["5: firing, 1 groups"]);
    }

    #[test]
    fn the_end_is_told_at_the_next_group_interval_and_the_group_is_dropped() {
        check(
            &[(3, 3, 243), (11, 3, 11)],
            &[],
            expect!["5: firing, 15: resolved, 0 groups"],
        );
    }

    #[test]
    fn an_alert_that_ends_before_its_first_flush_is_never_told() {
        check(&[(3, 3, 243), (4, 3, 4)], &[], expect!["0 groups"]);
    }

    #[test]
    fn a_refused_notification_is_tried_again_at_the_next_flush() {
        check(
            &[(3, 3, 243)],
            &[5],
            expect!["5: firing (refused), 10: firing, 1 groups"],
        );
    }

    #[test]
    fn an_alert_that_fires_again_is_told_again() {
        let alerts = [(3, 3, 243), (11, 3, 11), (20, 20, 260)];
        check(
            &alerts,
            &[],
            expect!["5: firing, 15: resolved, 22: firing, 1 groups"],
        );
    }

    #[test]
    fn an_end_and_a_new_beginning_between_two_flushes_are_no_news() {
        check(
            &[(3, 3, 243), (6, 3, 6), (8, 8, 248)],
            &[],
            expect!["5: firing, 1 groups"],
        );
    }

    #[test]
    fn an_end_without_a_beginning_makes_no_group() {
        check(&[(3, 1, 3)], &[], expect!["0 groups"]);
    }
}
