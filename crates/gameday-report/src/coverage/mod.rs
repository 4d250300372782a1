//! Which alert rules drills have proved: the rules of now beside the journals of then.
//!
//! ```text
//!   journals ──► Proof: what a drill says of an alert ─┐
//!   Prometheus' rules, Alertmanager's routes ──────────┴─► Coverage
//! ```
//!
//! A rule is known again by its name, and among several of one name by its labels, group and file. Moving
//! a rule to another file proves nothing less; changing its query or `for` does.

mod proof;
mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::{RuleSeen, Timestamp};
use serde::Serialize;

use crate::Moment;

pub use proof::{Outcome, Proof, proofs};
pub(crate) use proof::{Told, Witness};

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The alert rules of now.
    pub rules: &'a [RuleSeen],
    /// The routes of now; none when no Alertmanager was asked.
    pub routes: &'a [RouteSeen],
    /// What drills said, in any order.
    pub proofs: &'a [Proof],
    /// The time from which ages are counted.
    pub now: Timestamp,
    /// A proof that is older than this is stale.
    pub max_age: Option<Duration>,
}

/// One route of Alertmanager's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteSeen {
    /// The matchers on the way to it, from the root.
    pub path: String,
    /// Its receiver.
    pub receiver: String,
}

/// At which of the routes an alert with these labels stops.
pub type Stops<'a> = &'a dyn Fn(&BTreeMap<String, String>) -> Vec<usize>;

/// How a rule or a route stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The last drill that tested it proved it.
    Proved,
    /// So it was, but the rule has been changed since.
    ProvedBeforeChange,
    /// So it was, longer ago than asked for.
    Stale,
    /// The last drill that tested it failed.
    Failed,
    /// No drill has tested it.
    Never,
}

impl State {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::ProvedBeforeChange => "proved before it changed",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Never => "never proved",
        }
    }
}

/// Which rules and routes are proved.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// The version of this form.
    pub schema: u32,
    /// When it was looked at.
    pub at: Moment,
    /// Rules that are proved.
    pub proved: usize,
    /// All rules.
    pub rules: usize,
    /// The share of rules that are proved, 0 to 1; null when there is no rule.
    pub share: Option<f64>,
    /// Each rule.
    pub alerts: Vec<RuleCoverage>,
    /// Each route.
    pub routes: Vec<RouteCoverage>,
}

/// How one rule stands.
#[derive(Debug, Clone, Serialize)]
pub struct RuleCoverage {
    /// The alert's name.
    pub alert: String,
    /// Its group.
    pub group: String,
    /// Its file.
    pub file: String,
    /// The labels that the rule itself adds.
    pub labels: BTreeMap<String, String>,
    /// Its `for`.
    pub for_ms: u64,
    /// How it stands.
    pub state: State,
    /// Why, where that is not plain.
    pub why: Option<String>,
    /// The last drill that tested it.
    pub last: Option<Proof>,
    /// How long ago that was.
    pub age_ms: Option<i64>,
    /// The last drill that proved it, when a later one failed.
    pub proved_by: Option<Proof>,
}

/// How one route stands.
#[derive(Debug, Clone, Serialize)]
pub struct RouteCoverage {
    /// Which route.
    #[serde(flatten)]
    pub route: RouteSeen,
    /// The alert rules whose own labels lead there.
    pub alerts: Vec<String>,
    /// How it stands: proved when a drill's notification came by it.
    pub state: State,
    /// The last drill whose notification did.
    pub last: Option<Proof>,
    /// How long ago that was.
    pub age_ms: Option<i64>,
}

const SCHEMA: u32 = 1;

/// Works out how each rule and each route stands.
#[must_use]
pub fn coverage(asked: &Asked<'_>, stops: Stops<'_>) -> Coverage {
    let mut proofs: Vec<&Proof> = asked.proofs.iter().collect();
    proofs.sort_by_key(|proof| proof.at);
    let owners: Vec<Vec<usize>> = proofs.iter().map(|proof| proof.rules_of(asked.rules)).collect();
    let alerts: Vec<RuleCoverage> = (0..asked.rules.len())
        .map(|index| {
            let own = proofs.iter().zip(&owners);
            let own = own.filter(|(_, owner)| owner.contains(&index));
            rule(asked, index, &own.map(|(proof, _)| *proof).collect::<Vec<_>>())
        })
        .collect();
    let proved = alerts.iter().filter(|alert| alert.state == State::Proved).count();
    Coverage {
        schema: SCHEMA,
        at: Moment::new(asked.now),
        proved,
        rules: alerts.len(),
        share: (!alerts.is_empty()).then(|| share(proved, alerts.len())),
        routes: (0..asked.routes.len())
            .map(|index| route(asked, index, &proofs, stops))
            .collect(),
        alerts,
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 rules")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// How one rule stands by what drills said of it, the newest last.
fn rule(asked: &Asked<'_>, index: usize, proofs: &[&Proof]) -> RuleCoverage {
    let seen = &asked.rules[index];
    let Testimony { last, earlier } = testimony(proofs);
    let age_ms = last.map(|proof| age(asked, proof));
    let (state, why) = match last {
        None => (State::Never, unclear(proofs)),
        Some(proof) if proof.outcome == Outcome::Failed => (State::Failed, Some(proof.detail.clone())),
        Some(proof) => match proof.changed(seen) {
            Some(what) => (State::ProvedBeforeChange, Some(what)),
            None if too_old(asked, proof) => (State::Stale, None),
            None => (State::Proved, proof.doubt(seen)),
        },
    };
    RuleCoverage {
        alert: seen.alert.clone(),
        group: seen.group.clone(),
        file: seen.file.clone(),
        labels: seen.labels.clone(),
        for_ms: seen.for_ms,
        proved_by: earlier.filter(|_| state == State::Failed).cloned(),
        state,
        why,
        last: last.cloned(),
        age_ms,
    }
}

/// The drills that say how an alert stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Testimony<'a> {
    /// The last one that could tell.
    pub(crate) last: Option<&'a Proof>,
    /// The last one before it that proved it.
    pub(crate) earlier: Option<&'a Proof>,
}

/// Which of the drills, the newest last, tell how an alert stands.
pub(crate) fn testimony<'a>(proofs: &[&'a Proof]) -> Testimony<'a> {
    let mut told = proofs
        .iter()
        .rev()
        .filter(|proof| proof.outcome != Outcome::Unclear);
    Testimony {
        last: told.next().copied(),
        earlier: told.find(|proof| proof.outcome == Outcome::Proved).copied(),
    }
}

/// Why drills that had this alert in mind said nothing of it.
pub(crate) fn unclear(proofs: &[&Proof]) -> Option<String> {
    let last = proofs.last()?;
    Some(format!("{} could not tell: {}", last.drill, last.detail))
}

fn route(asked: &Asked<'_>, index: usize, proofs: &[&Proof], stops: Stops<'_>) -> RouteCoverage {
    let seen = &asked.routes[index];
    let came_by = |proof: &&&Proof| {
        proof.outcome == Outcome::Proved
            && proof.receivers.contains(&seen.receiver)
            && stops(&proof.labels).contains(&index)
    };
    let last = proofs.iter().rev().find(came_by).copied();
    let leads_here = |rule: &&RuleSeen| {
        let mut labels = rule.labels.clone();
        labels.insert("alertname".to_owned(), rule.alert.clone());
        stops(&labels).contains(&index)
    };
    let mut alerts: Vec<String> = asked
        .rules
        .iter()
        .filter(leads_here)
        .map(|rule| rule.alert.clone())
        .collect();
    alerts.dedup();
    RouteCoverage {
        route: seen.clone(),
        alerts,
        state: match last {
            None => State::Never,
            Some(proof) if too_old(asked, proof) => State::Stale,
            Some(_) => State::Proved,
        },
        age_ms: last.map(|proof| age(asked, proof)),
        last: last.cloned(),
    }
}

fn age(asked: &Asked<'_>, proof: &Proof) -> i64 {
    Moment::new(asked.now).ms_since(proof.at)
}

fn too_old(asked: &Asked<'_>, proof: &Proof) -> bool {
    let most = asked
        .max_age
        .map(|most| i64::try_from(most.as_millis()).unwrap_or(i64::MAX));
    most.is_some_and(|most| age(asked, proof) > most)
}
