//! Alerts that no expectation is about: what else the fault set off, and what was going on anyway.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, Timestamp};
use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::episode::identity;
use super::forbid::ForbidReport;
use super::mark::Moment;
use super::record::AlertReport;
use super::timeline::Timeline;

type Labels = BTreeMap<String, String>;

/// An alert that nobody expected.
#[derive(Debug, Clone, Serialize)]
pub struct OtherAlert {
    /// The alert's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// When it was first seen.
    pub seen_at: Moment,
    /// Whether it was seen firing.
    pub fired: bool,
    /// `unexpected`, `forbidden`, `pending_only`, or `already_firing` when it was there before the first fault.
    pub verdict: AlertVerdict,
}

/// Alerts that were seen, or told to our receiver, and that no expectation is about.
pub(super) fn read(
    timeline: &Timeline<'_>,
    expected: &[AlertReport],
    forbidden: &[ForbidReport],
) -> Vec<OtherAlert> {
    let mut found = Found {
        t0: timeline.first_ordered().map(|event| event.time),
        alerts: BTreeMap::new(),
    };
    let is_other = |name: &str| !expected.iter().any(|alert| alert.name == name);
    for event in timeline.events {
        match &event.kind {
            EventKind::AlertSeen(seen) if seen.state != AlertState::Gone && is_other(&seen.alert) => {
                let fired = matches!(seen.state, AlertState::Firing | AlertState::Suppressed);
                found.add(event.time, &seen.alert, &seen.labels, fired);
            }
            EventKind::Notified(notice) => {
                let firing = notice.alerts.iter().filter(|alert| alert.status == "firing");
                for alert in firing.filter(|alert| is_other(&alert.alert)) {
                    found.add(notice.arrived, &alert.alert, &alert.labels, true);
                }
            }
            _ => {}
        }
    }
    let mut others: Vec<OtherAlert> = found.alerts.into_values().collect();
    for other in others
        .iter_mut()
        .filter(|other| other.verdict == AlertVerdict::Unexpected)
    {
        let same = |name: &str, labels: &Labels| name == other.name && identity(labels) == other.labels;
        let mut came = forbidden.iter().flat_map(|forbid| &forbid.alerts);
        if came.any(|alert| same(&alert.name, &alert.labels)) {
            other.verdict = AlertVerdict::Forbidden;
        }
    }
    others.sort_by_key(|other| other.seen_at);
    others
}

struct Found {
    t0: Option<Timestamp>,
    alerts: BTreeMap<(String, Labels), OtherAlert>,
}

impl Found {
    fn add(&mut self, at: Timestamp, name: &str, labels: &Labels, fired: bool) {
        let labels = identity(labels);
        let before = self.t0.is_none_or(|t0| at < t0);
        let other = self
            .alerts
            .entry((name.to_owned(), labels.clone()))
            .or_insert_with(|| OtherAlert {
                name: name.to_owned(),
                labels,
                seen_at: Moment::new(at),
                fired: false,
                verdict: AlertVerdict::PendingOnly,
            });
        if fired && !other.fired {
            other.fired = true;
            other.verdict = match before {
                true => AlertVerdict::AlreadyFiring,
                false => AlertVerdict::Unexpected,
            };
        }
    }
}
