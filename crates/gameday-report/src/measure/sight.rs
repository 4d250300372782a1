//! Who saw it first: the users, for whom the probes stand, or the alerting.
//!
//! ```text
//!   T0e ─ 1.2 s ─► checkout from eu-west: down ─ … ─► PaymentsErrorsHigh: pending ─► firing ─► notified
//! ```
//!
//! A look says when it was over that something is down or slow, so that is when it was known; an alert is as old as its
//! marks.

use gameday_core::{AlertState, EventKind};
use serde::Serialize;

use super::counted;
use super::episode::identity;
use super::fault::Fault;
use super::mark::Moment;
use super::record::AlertReport;
use super::timeline::Timeline;
use crate::words;

mod probes;

/// Who noticed the fault, in the order in which they did.
#[derive(Debug, Clone, Serialize)]
pub struct SightReport {
    /// From when it is counted: the first fault took effect, or was ordered if that is not known.
    pub since: Moment,
    /// Who was first: `probes` or `alerts`; null when nobody saw it.
    pub first: Option<&'static str>,
    /// Each who saw it, earliest first.
    pub seen: Vec<Seen>,
    /// All of it in a sentence.
    pub summary: String,
}

/// Somebody who saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// `probes` or `alerts`.
    pub by: &'static str,
    /// Which probe, steady state or alert.
    pub who: String,
    /// Where the probe looked from.
    pub region: Option<String>,
    /// Why the probe said down, that it was slow, that the steady state did not hold, or the state of the alert:
    /// `pending`, `firing`, `notified`.
    pub what: String,
    /// When.
    pub at: Moment,
    /// Milliseconds after `since`.
    pub after_ms: i64,
}

const PROBES: &str = "probes";
const ALERTS: &str = "alerts";

/// Looks through a trial; none when nothing was touched.
pub(super) fn read(
    timeline: &Timeline<'_>,
    faults: &[Fault<'_>],
    alerts: &[AlertReport],
) -> Option<SightReport> {
    let ordered = faults.iter().filter(|fault| fault.ordered.is_some());
    let first = ordered.min_by_key(|fault| fault.ordered.map(|event| event.seq))?;
    let since = match (&first.effective, first.ordered) {
        (Ok(effective), _) => *effective,
        (Err(_), event) => Moment::new(event?.time),
    };
    let mut seen = probes::of_looks(timeline, since);
    seen.extend(probes::of_steady(timeline, since));
    seen.extend(of_expected(alerts, since));
    seen.extend(of_others(timeline, alerts, since));
    seen.sort_by(|a, b| (a.at, &a.who, &a.region, &a.what).cmp(&(b.at, &b.who, &b.region, &b.what)));
    Some(SightReport {
        since,
        first: seen.first().map(|seen| seen.by),
        summary: summary(
            &seen,
            !timeline.started.plan.probes.is_empty(),
            &told(timeline, alerts, &seen, since),
        ),
        seen,
    })
}

/// The marks of what was expected.
fn of_expected(alerts: &[AlertReport], since: Moment) -> Vec<Seen> {
    let states = alerts.iter().flat_map(|alert| {
        let marks = &alert.marks;
        [
            ("pending", marks.t2),
            ("firing", marks.t3),
            (
                "notified",
                marks.t5.or(alert.elsewhere.as_ref().map(|one| one.at)),
            ),
        ]
        .map(|(what, at)| alert_seen(&alert.name, what, at, since))
    });
    states.flatten().collect()
}

/// When what nobody expected was first seen.
fn of_others(timeline: &Timeline<'_>, expected: &[AlertReport], since: Moment) -> Vec<Seen> {
    let mut seen: Vec<(String, Seen)> = Vec::new();
    let mut add = |name: &str, whose: String, what: &'static str, at: Moment| {
        let key = format!("{name} {whose} {what}");
        let is_new = !seen.iter().any(|(known, _)| *known == key);
        if is_new && !expected.iter().any(|alert| alert.name == name) {
            seen.extend(alert_seen(name, what, Some(at), since).map(|seen| (key, seen)));
        }
    };
    for event in timeline.events {
        match &event.kind {
            EventKind::AlertSeen(alert) => {
                let what = match alert.state {
                    AlertState::Pending => "pending",
                    AlertState::Firing | AlertState::Suppressed => "firing",
                    AlertState::Gone => continue,
                };
                let whose = format!("{:?}", identity(&alert.labels));
                add(&alert.alert, whose, what, Moment::new(event.time));
            }
            EventKind::Notified(notice) => {
                for alert in notice.alerts.iter().filter(|alert| alert.status == "firing") {
                    let whose = format!("{:?}", identity(&alert.labels));
                    add(&alert.alert, whose, "notified", Moment::new(notice.arrived));
                }
            }
            _ => {}
        }
    }
    seen.into_iter().map(|(_, seen)| seen).collect()
}

fn alert_seen(name: &str, what: &str, at: Option<Moment>, since: Moment) -> Option<Seen> {
    let at = at.filter(|at| *at >= since)?;
    Some(Seen {
        by: ALERTS,
        who: name.to_owned(),
        region: None,
        what: what.to_owned(),
        at,
        after_ms: at.ms_since(since),
    })
}

/// What is known of notifications: that none came can be said only where they were observed.
fn told(timeline: &Timeline<'_>, alerts: &[AlertReport], seen: &[Seen], since: Moment) -> String {
    if let Some(first) = seen.iter().find(|seen| seen.what == "notified") {
        let elsewhere = alerts.iter().filter_map(|alert| alert.elsewhere.as_ref());
        let receiver = elsewhere
            .filter(|one| one.at == first.at)
            .map(|one| format!(", to `{}`", one.receiver))
            .next();
        return format!(
            "and the first notification came after {}{}",
            words::span(first.after_ms),
            receiver.unwrap_or_default()
        );
    }
    let observe = &timeline.started.plan.observe;
    if observe.webhook.is_some() || !observe.webhooks.is_empty() {
        return "and no notification reached our webhook".to_owned();
    }
    let counted = alerts.iter().filter_map(|alert| alert.ttn_between_ms);
    if let Some([least, most]) = counted.min() {
        return format!(
            "and was notified after {} to {}, as Alertmanager counted",
            words::span(least),
            words::span(most)
        );
    }
    let end = Moment::new(timeline.last().time);
    if counted::was_counted(timeline) && counted::grown(timeline, since, end).is_empty() {
        return "and Alertmanager delivered no notification".to_owned();
    }
    "and notifications were not observed".to_owned()
}

/// `probes saw it first, after 1.2 s (checkout from eu-west: dns_nxdomain); the first alert, X, was pending after 8.0 s`.
fn summary(seen: &[Seen], have_probes: bool, told: &str) -> String {
    let of = |by: &str| seen.iter().find(|seen| seen.by == by);
    let probe = |seen: &Seen| {
        let after = words::span(seen.after_ms);
        match &seen.region {
            Some(region) => format!("after {after} (`{}` from {region}: {})", seen.who, seen.what),
            None => format!("after {after} (`{}` {})", seen.who, seen.what),
        }
    };
    let alert = |seen: &Seen| {
        format!(
            "after {} (`{}` {})",
            words::span(seen.after_ms),
            seen.who,
            seen.what
        )
    };
    match (of(PROBES), of(ALERTS)) {
        (Some(first), None) => format!("probes saw it {}; no alert did", probe(first)),
        (None, Some(first)) if have_probes => {
            format!("an alert saw it {}, {told}; no probe saw it", alert(first))
        }
        (None, Some(first)) => format!("an alert saw it {}, {told}; no probe looked", alert(first)),
        (Some(users), Some(page)) if users.at <= page.at => {
            format!(
                "probes saw it first, {}; an alert {}, {told}",
                probe(users),
                alert(page)
            )
        }
        (Some(users), Some(page)) => {
            format!(
                "an alert saw it first, {}, {told}; probes {}",
                alert(page),
                probe(users)
            )
        }
        (None, None) if have_probes => "nobody saw it: no probe did and no alert came".to_owned(),
        (None, None) => "nobody saw it: no probe looked and no alert came".to_owned(),
    }
}
