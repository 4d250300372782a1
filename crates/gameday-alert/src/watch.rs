//! Turns polls of one source into what changed between them.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState};

use crate::Alert;

/// Remembers the last poll of one source. Pure: it asks nobody and reads no clock.
#[derive(Debug, Default)]
pub struct Watch {
    /// By the whole label set, which is what makes two alerts of one name two alerts.
    listed: BTreeMap<BTreeMap<String, String>, AlertSeen>,
}

impl Watch {
    /// A watch that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a poll; returns each alert that is new or changed, then each that is listed no more.
    ///
    /// An alert that went keeps its last times, so that `Gone` says which alert it was. A poll that
    /// failed is no poll: do not feed it as an empty list.
    pub fn observe(&mut self, poll: Vec<Alert>) -> Vec<AlertSeen> {
        let mut before = std::mem::take(&mut self.listed);
        for alert in poll {
            let seen = AlertSeen::from(alert);
            let kept = self
                .listed
                .entry(seen.labels.clone())
                .or_insert_with(|| seen.clone());
            // Replicas may list one alert twice; the order in which they do must not look like a change.
            if precedence(&seen) < precedence(kept) {
                *kept = seen;
            }
        }
        let mut changes: Vec<AlertSeen> = self
            .listed
            .iter()
            .filter(|(labels, now)| before.remove(*labels).is_none_or(|then| changed(&then, now)))
            .map(|(_, now)| now.clone())
            .collect();
        changes.extend(before.into_values().map(|last| AlertSeen {
            state: AlertState::Gone,
            ..last
        }));
        changes
    }
}

/// What of an alert is a change. Its annotations are not: they hold values that differ at each evaluation.
fn changed(then: &AlertSeen, now: &AlertSeen) -> bool {
    then.state != now.state
        || then.fingerprint != now.fingerprint
        || then.active_at != now.active_at
        || then.starts_at != now.starts_at
        || then.updated_at != now.updated_at
        || then.receivers != now.receivers
        || then.suppressed_by != now.suppressed_by
        || then.keep_firing_since != now.keep_firing_since
}

/// Of two listings of one alert, the one that sorts first stands: the furthest on, then the oldest.
fn precedence(seen: &AlertSeen) -> impl Ord + use<> {
    let stage = match seen.state {
        AlertState::Firing => 0,
        AlertState::Suppressed => 1,
        AlertState::Pending => 2,
        AlertState::Gone => 3,
    };
    // A known time stands before none: `false` sorts first.
    let time = |moment: Option<gameday_core::Timestamp>| (moment.is_none(), moment);
    (
        stage,
        time(seen.starts_at),
        time(seen.active_at),
        time(seen.updated_at),
    )
}

#[cfg(test)]
mod tests;
