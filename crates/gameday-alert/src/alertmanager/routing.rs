//! Which receiver an alert reaches, and when: Alertmanager's route tree, walked as Alertmanager does.
//!
//! ```text
//!   config.original ──► Routing ──walk(labels)──► the routes where the alert stops, each with
//!                                                 receiver, group_by, group_wait, group_interval
//! ```

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::Timestamp;

pub use calendar::Calendar;
pub use matcher::{MatchOp, Matcher};

mod calendar;
mod config;
mod matcher;
mod ours;

/// What a configuration of Alertmanager says of where alerts go.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The root of the tree; it matches every alert.
    pub root: Route,
    /// Receivers, by name.
    pub receivers: BTreeMap<String, Receiver>,
    /// Named time intervals.
    pub calendars: BTreeMap<String, Calendar>,
    /// Which alerts keep others quiet.
    pub inhibitions: Vec<Inhibition>,
}

/// One route, with what it inherits from its parents.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its receiver.
    pub receiver: String,
    /// Which labels make a group.
    pub group_by: GroupBy,
    /// How long the first notification of a group waits for company, in microseconds.
    pub group_wait_us: i64,
    /// How long a group's next notification waits, in microseconds.
    pub group_interval_us: i64,
    /// When a notification is repeated although nothing has changed, in microseconds.
    pub repeat_interval_us: i64,
    /// All of them must match.
    pub matchers: Vec<Matcher>,
    /// Whether the siblings after it are tried although it matched.
    pub goes_on: bool,
    /// Time intervals in which nothing is sent; not inherited.
    pub mute: Vec<String>,
    /// Time intervals outside of which nothing is sent; not inherited.
    pub active: Vec<String>,
    /// Its children, in order.
    pub routes: Vec<Route>,
}

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// These; with none, all alerts of the route are one group.
    Labels(BTreeSet<String>),
    /// All (`...`): each alert is its own group.
    All,
}

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receiver {
    /// How, e.g. `webhook`, `pagerduty`; one for each integration.
    pub integrations: Vec<String>,
    /// The URLs of its webhooks, where Alertmanager shows them (it does not since 0.26).
    pub webhooks: Vec<String>,
    /// The URLs of its pagers that speak PagerDuty's events, as our receiver does.
    pub pagers: Vec<String>,
}

/// Alerts that keep other alerts quiet while they fire.
#[derive(Debug, Clone)]
pub struct Inhibition {
    /// What the quieting alert matches.
    pub source: Vec<Matcher>,
    /// What the quieted alert matches.
    pub target: Vec<Matcher>,
    /// Labels that both must have in common.
    pub equal: Vec<String>,
}

/// An alert's labels as far as they are known before it fires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownLabels {
    /// What is known.
    pub labels: BTreeMap<String, String>,
    /// Whether there are no others.
    pub complete: bool,
}

/// The way of an alert through the tree.
#[derive(Debug)]
pub struct Walk<'r> {
    /// Where it stops, in the order in which it is dispatched; never empty.
    pub stops: Vec<Stop<'r>>,
    /// Labels that were looked at and that are not known: with them it may go another way.
    pub depends_on: BTreeSet<String>,
}

/// A route at which an alert stops.
#[derive(Debug, Clone)]
pub struct Stop<'r> {
    /// The route.
    pub route: &'r Route,
    /// The way to it, for people: the matchers of each route from the root on.
    pub path: String,
}

impl Routing {
    /// The way of an alert with these labels.
    #[must_use]
    pub fn walk(&self, labels: &KnownLabels) -> Walk<'_> {
        let mut walk = Walk {
            stops: Vec::new(),
            depends_on: BTreeSet::new(),
        };
        descend(&self.root, "", labels, &mut walk);
        walk
    }

    /// Every route, each parent before its children.
    #[must_use]
    pub fn routes(&self) -> Vec<Stop<'_>> {
        let mut found = Vec::new();
        let mut open = vec![(&self.root, String::new())];
        while let Some((route, above)) = open.pop() {
            let path = route.path_below(&above);
            let children = route.routes.iter().rev();
            open.extend(children.map(|child| (child, path.clone())));
            found.push(Stop { route, path });
        }
        found
    }

    /// At which of [`Self::routes`] an alert with these labels, and no others, stops.
    #[must_use]
    pub fn stops(&self, labels: &BTreeMap<String, String>) -> Vec<usize> {
        let labels = KnownLabels {
            labels: labels.clone(),
            complete: true,
        };
        let walk = self.walk(&labels);
        let stopped = |at: &Stop<'_>| walk.stops.iter().any(|stop| std::ptr::eq(stop.route, at.route));
        let routes = self.routes();
        let indexes = routes.iter().enumerate().filter(|(_, route)| stopped(route));
        indexes.map(|(index, _)| index).collect()
    }

    /// The time interval because of which nothing is sent from a route at a moment, if that is so.
    #[must_use]
    pub fn muting_interval<'r>(&self, route: &'r Route, at: Timestamp) -> Option<&'r str> {
        let holds = |name: &&String| self.calendars.get(*name).is_some_and(|one| one.holds(at));
        let inactive = || {
            route
                .active
                .first()
                .filter(|_| !route.active.iter().any(|name| holds(&name)))
        };
        route
            .mute
            .iter()
            .find(holds)
            .or_else(inactive)
            .map(String::as_str)
    }

    /// Why nothing is sent from a route at a moment, if that is so.
    #[must_use]
    pub fn muted_at(&self, route: &Route, at: Timestamp) -> Option<String> {
        let holds = |name: &&String| {
            self.calendars
                .get(*name)
                .is_some_and(|calendar| calendar.holds(at))
        };
        if let Some(name) = route.mute.iter().find(holds) {
            return Some(format!("muted by the time interval `{name}`"));
        }
        (!route.active.is_empty() && !route.active.iter().any(|name| holds(&name)))
            .then(|| format!("outside of the time interval `{}`", route.active.join("`, `")))
    }
}

/// As Alertmanager's `Route.Match`: the deepest routes that match, else the route itself.
fn descend<'r>(route: &'r Route, path: &str, labels: &KnownLabels, walk: &mut Walk<'r>) -> bool {
    if !all_match(&route.matchers, labels, &mut walk.depends_on) {
        return false;
    }
    let path = route.path_below(path);
    let before = walk.stops.len();
    for child in &route.routes {
        if descend(child, &path, labels, walk) && !child.goes_on {
            break;
        }
    }
    if walk.stops.len() == before {
        walk.stops.push(Stop { route, path });
    }
    true
}

impl Route {
    /// The way to it, below the way to its parent.
    fn path_below(&self, path: &str) -> String {
        let own: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        match (path, own.join(",")) {
            ("", own) => own,
            (path, own) if own.is_empty() => path.to_owned(),
            (path, own) => format!("{path} > {own}"),
        }
    }
}

/// Whether all matchers match; a label that is not known counts as missing, and is remembered.
pub(crate) fn all_match(
    matchers: &[Matcher],
    labels: &KnownLabels,
    depends_on: &mut BTreeSet<String>,
) -> bool {
    let mut unknown = BTreeSet::new();
    let mut all = true;
    for matcher in matchers {
        let value = labels.labels.get(&matcher.label);
        if value.is_none() && !labels.complete {
            unknown.insert(matcher.label.clone());
            all &= matcher.matches("");
        } else if !matcher.matches(value.map_or("", String::as_str)) {
            // What is known decides alone.
            return false;
        }
    }
    depends_on.append(&mut unknown);
    all
}

impl GroupBy {
    /// What tells the group of an alert from others of its route.
    #[must_use]
    pub fn group(&self, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let of_group = |label: &String| match self {
            Self::All => true,
            Self::Labels(names) => names.contains(label),
        };
        let labels = labels.iter().filter(|(label, _)| of_group(label));
        labels
            .map(|(label, value)| (label.clone(), value.clone()))
            .collect()
    }
}

impl Inhibition {
    /// Whether `source`, which fires, keeps `target` quiet.
    #[must_use]
    pub fn quiets(&self, source: &BTreeMap<String, String>, target: &KnownLabels) -> bool {
        let source = KnownLabels {
            labels: source.clone(),
            complete: true,
        };
        let value =
            |labels: &KnownLabels, name: &String| labels.labels.get(name).cloned().unwrap_or_default();
        let mut ignored = BTreeSet::new();
        all_match(&self.source, &source, &mut ignored)
            && all_match(&self.target, target, &mut ignored)
            && self
                .equal
                .iter()
                .all(|name| value(&source, name) == value(target, name))
            // An alert that is both does not keep itself quiet (since 0.22).
            && !(all_match(&self.target, &source, &mut ignored) && all_match(&self.source, target, &mut ignored))
    }
}

#[cfg(test)]
mod amtool_tests;
#[cfg(test)]
mod tests;
