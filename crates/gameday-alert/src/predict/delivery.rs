//! From the rule that fires to the notification: Alertmanager's route, its groups, and what keeps quiet.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::Timestamp;

use super::rule::Course;
use crate::alertmanager::{AlertmanagerSurvey, KnownLabels, Receiver, Route, Routing, Stop, all_match};

/// From the tick at which a rule fires to Alertmanager: seen to be 2 to 6 ms.
pub(super) const HAND_OFF_US: i64 = 4_000;
/// The integration, and the name under which our receiver knows all that it sends.
const PAGERDUTY: &str = "pagerduty";
/// From a group's timer to our receiver: seen to be 3 to 8 ms.
pub(super) const DELIVERY_US: i64 = 4_000;
/// A peer of a cluster waits this long for each of those before it (`--cluster.peer-timeout`).
const PEER_WAIT_US: i64 = 15_000_000;

/// How an alert is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Delivery {
    /// The receiver.
    pub(super) receiver: String,
    /// The way through the tree, for people.
    pub(super) path: String,
    /// From its hand-off to the notification: at the earliest and at the latest.
    pub(super) wait_us: (i64, i64),
    /// From a notification of its group to the next.
    pub(super) interval_us: i64,
    /// Why nothing will be sent.
    pub(super) quiet: Option<String>,
    /// Why it reaches others than those who are waited for.
    pub(super) astray: Option<String>,
    pub(super) assumes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What decides which of several routes is meant, and how an alert is delivered there.
pub(super) struct Parcel<'a> {
    pub(super) alert: &'a str,
    pub(super) labels: &'a KnownLabels,
    /// The receiver that is asked for.
    pub(super) receiver: Option<&'a str>,
    /// Where our own receiver listens.
    pub(super) webhook: Option<&'a str>,
    /// When it fires.
    pub(super) firing: Timestamp,
}

/// How an alert is delivered by one Alertmanager or by a cluster of them.
pub(super) fn delivery(parcel: &Parcel<'_>, alertmanagers: &[AlertmanagerSurvey]) -> Option<Delivery> {
    // Each is sent every alert; of a cluster, the first peer tells and the others see that it has.
    let first = alertmanagers.iter().min_by_key(|one| one.position)?;
    let mut delivery = of_one(parcel, first);
    if first.peers > 1 {
        delivery.assumes.push(format!(
            "peer {} of {} of Alertmanager's cluster tells it; each that comes after waits {} s for those before",
            first.position + 1,
            first.peers,
            PEER_WAIT_US / 1_000_000
        ));
    }
    if first.position > 0 {
        let wait = i64::try_from(first.position)
            .unwrap_or(i64::MAX)
            .saturating_mul(PEER_WAIT_US);
        delivery.wait_us.1 += wait;
        delivery.warnings.push(format!(
            "peers of this Alertmanager's cluster come before it and are not observed: if they are gone, \
             it waits {} s for them",
            wait / 1_000_000
        ));
    }
    Some(delivery)
}

fn of_one(parcel: &Parcel<'_>, alertmanager: &AlertmanagerSurvey) -> Delivery {
    let routing = &alertmanager.routing;
    let walk = routing.walk(parcel.labels);
    let (stop, mut astray) = chosen(parcel, routing, &walk.stops);
    let route = stop.route;
    let mut assumes = Vec::new();
    if !walk.depends_on.is_empty() {
        let names: Vec<&str> = walk.depends_on.iter().map(String::as_str).collect();
        assumes.push(format!(
            "the alert has none of the labels `{}`, which its routes look at",
            names.join("`, `")
        ));
    }
    if routing
        .receivers
        .get(&route.receiver)
        .is_some_and(|receiver| receiver.integrations.is_empty())
    {
        let nobody = format!(
            "the receiver `{}` tells nobody: it has no integration",
            route.receiver
        );
        astray.get_or_insert(nobody);
    }
    let mut delivery = Delivery {
        receiver: route.receiver.clone(),
        path: stop.path.clone(),
        wait_us: (route.group_wait_us, route.group_wait_us),
        interval_us: route.group_interval_us,
        quiet: quiet(parcel, alertmanager, route),
        warnings: astray.iter().cloned().collect(),
        astray,
        assumes,
    };
    group(parcel, alertmanager, route, &mut delivery);
    delivery
}

/// Of the routes at which an alert stops, the one that is meant; and why it is none of those that should be.
fn chosen<'s, 'r>(
    parcel: &Parcel<'_>,
    routing: &Routing,
    stops: &'s [Stop<'r>],
) -> (&'s Stop<'r>, Option<String>) {
    let at = |name: &str| stops.iter().find(|stop| stop.route.receiver == name);
    // Its events do not tell which receiver sent them, so they have one name for all.
    let pager = |stop: &&Stop<'_>| {
        let receiver = routing.receivers.get(&stop.route.receiver);
        receiver.is_some_and(|receiver| receiver.integrations.iter().any(|kind| kind == PAGERDUTY))
    };
    if let Some(wanted) = parcel.receiver {
        let through_pager = || stops.iter().find(pager).filter(|_| wanted == PAGERDUTY);
        if let Some(stop) = at(wanted).or_else(through_pager) {
            return (stop, None);
        }
        let reached: Vec<&str> = stops.iter().map(|stop| stop.route.receiver.as_str()).collect();
        let reached = reached.join("`, `");
        return (
            &stops[0],
            Some(format!("misrouted: it reaches `{reached}`, not `{wanted}`")),
        );
    }
    let ours = parcel
        .webhook
        .map(|url| routing.receivers_at(url))
        .unwrap_or_default();
    let stop = stops.iter().find(|stop| ours.contains_key(&stop.route.receiver));
    let elsewhere = (stop.is_none() && !ours.is_empty()).then(|| {
        let names: Vec<String> = ours.into_keys().collect();
        format!(
            "our webhook belongs to `{}`, which this alert does not reach",
            names.join("`, `")
        )
    });
    let else_told = || match parcel.webhook {
        Some(_) => likely(routing, stops),
        None => &stops[0],
    };
    (stop.unwrap_or_else(else_told), elsewhere)
}

/// The stop that may be ours where Alertmanager does not show the URLs of webhooks.
fn likely<'s, 'r>(routing: &Routing, stops: &'s [Stop<'r>]) -> &'s Stop<'r> {
    let tells = |how: fn(&Receiver) -> bool| {
        let mut stops = stops.iter();
        stops.find(|stop| routing.receivers.get(&stop.route.receiver).is_some_and(how))
    };
    let webhook = tells(|one| one.integrations.iter().any(|kind| kind == "webhook"));
    let found = webhook.or_else(|| tells(|one| !one.integrations.is_empty()));
    found.unwrap_or(&stops[0])
}

/// Why nothing will be sent: a time interval, a silence, an alert that inhibits.
fn quiet(parcel: &Parcel<'_>, alertmanager: &AlertmanagerSurvey, route: &Route) -> Option<String> {
    let routing = &alertmanager.routing;
    let told = parcel.firing.plus_micros(HAND_OFF_US + route.group_wait_us);
    if let Some(why) = routing.muted_at(route, told) {
        return Some(why);
    }
    let mut ignored = BTreeSet::new();
    let silence = alertmanager.silences.iter().find(|silence| {
        silence.until > parcel.firing && all_match(&silence.matchers, parcel.labels, &mut ignored)
    });
    if let Some(silence) = silence {
        return Some(format!(
            "silenced by `{}` until {}",
            silence.id,
            silence.until.to_ms_string()
        ));
    }
    let live = alertmanager.groups.iter().flat_map(|group| &group.alerts);
    let by = live.filter(|alert| alert.active).find(|alert| {
        routing
            .inhibitions
            .iter()
            .any(|rule| rule.quiets(&alert.labels, parcel.labels))
    })?;
    let name = by.labels.get("alertname").map_or("", String::as_str);
    Some(format!("inhibited by `{name}`, which fires"))
}

/// A group that is there already, or that may be, is notified at its next interval instead.
fn group(parcel: &Parcel<'_>, alertmanager: &AlertmanagerSurvey, route: &Route, delivery: &mut Delivery) {
    if let Some(left) = left_over(parcel, alertmanager, route) {
        let latest = match left {
            LeftOver::Joined(_) => route.group_interval_us,
            LeftOver::Phantom(_) => route.group_interval_us.max(route.group_wait_us),
        };
        delivery.wait_us = (0, latest);
        delivery.warnings.push(left.text());
    }
}

/// A group that was there before the alert.
enum LeftOver {
    /// It holds alerts.
    Joined(String),
    /// It may be there, empty.
    Phantom(String),
}

impl LeftOver {
    fn text(self) -> String {
        match self {
            Self::Joined(text) | Self::Phantom(text) => text,
        }
    }
}

fn left_over(parcel: &Parcel<'_>, alertmanager: &AlertmanagerSurvey, route: &Route) -> Option<LeftOver> {
    let own = route.group_by.group(&parcel.labels.labels);
    let joins = alertmanager
        .groups
        .iter()
        .find(|group| group.receiver == route.receiver && group.labels == own);
    if let Some(group) = joins {
        return Some(LeftOver::Joined(format!(
            "its group already holds {}: it is told with the group's next notification, within {} s",
            counted(group.alerts.len(), "alert"),
            route.group_interval_us / 1_000_000
        )));
    }
    phantom(parcel.alert, &own, alertmanager, route).map(LeftOver::Phantom)
}

/// Why the time that an alert spends in its group would not be that of a new group, if that is so.
pub(super) fn unclean(parcel: &Parcel<'_>, alertmanager: &AlertmanagerSurvey) -> Option<String> {
    let walk = alertmanager.routing.walk(parcel.labels);
    let (stop, _) = chosen(parcel, &alertmanager.routing, &walk.stops);
    left_over(parcel, alertmanager, stop.route).map(LeftOver::text)
}

/// Why an empty group may be left over from an alert that was resolved a short time ago.
///
/// Prometheus sends a resolved alert again each minute for 15 minutes, and each time its group is made
/// anew, empty, until Alertmanager's next maintenance.
fn phantom(
    alert: &str,
    group: &BTreeMap<String, String>,
    alertmanager: &AlertmanagerSurvey,
    route: &Route,
) -> Option<String> {
    if alertmanager
        .empty_groups
        .is_some_and(|empty| empty <= alertmanager.empty_before)
    {
        return None;
    }
    let mut fired = alertmanager.fired_lately.iter();
    let of_group = fired.find(|labels| {
        let known = KnownLabels {
            labels: (*labels).clone(),
            complete: true,
        };
        let walk = alertmanager.routing.walk(&known);
        let same =
            |stop: &Stop<'_>| stop.route.receiver == route.receiver && route.group_by.group(labels) == *group;
        walk.stops.iter().any(same)
    })?;
    let name = of_group.get("alertname").map_or(alert, String::as_str);
    Some(format!(
        "`{name}` of the same group fired in the last 16 min: its empty group may still be there, and would \
         be told at its next interval instead of after group_wait"
    ))
}

/// When the notifications of an alert arrive, or why none does.
pub(super) struct Told {
    pub(super) firing_us: Option<i64>,
    pub(super) resolved_us: Option<i64>,
    pub(super) never: Option<String>,
}

/// The notifications of a rule's course when the group waits for `wait_us`.
pub(super) fn told(course: &Course, delivery: &Delivery, wait_us: i64) -> Told {
    let none = |never| Told {
        firing_us: None,
        resolved_us: None,
        never,
    };
    if delivery.quiet.is_some() {
        return none(delivery.quiet.clone());
    }
    let Some(firing) = course.firing_us else {
        return none(None);
    };
    let flush = firing + HAND_OFF_US + wait_us;
    let resolved = course.inactive_us.map(|tick| tick + HAND_OFF_US);
    if resolved.is_some_and(|resolved| resolved <= flush) {
        return none(Some(
            "it is resolved before its group is first told, so nobody ever is: hold the fault longer"
                .to_owned(),
        ));
    }
    let next = resolved.map(|resolved| {
        let interval = delivery.interval_us.max(1);
        // What comes just as the group's timer goes off is taken along.
        flush + (resolved - flush + interval - 1).div_euclid(interval) * interval
    });
    Told {
        firing_us: Some(flush + DELIVERY_US),
        resolved_us: next.map(|flush| flush + DELIVERY_US),
        never: None,
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
