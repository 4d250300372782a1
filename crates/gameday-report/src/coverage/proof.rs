//! What a drill says of an alert: whether it came as it should, and which rule it came from.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{Event, EventKind, ExpectRecord, RuleSeen};
use serde::{Deserialize, Serialize};

use crate::measure::measure_all;
use crate::statistics::median_of;
use crate::{AlertReport, AlertVerdict, Marks, Moment, TimelineError, Verdict};

/// Whether a drill proved an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It came as it should, in every trial that could tell.
    Proved,
    /// It did not, in one at least.
    Failed,
    /// No trial could tell.
    Unclear,
}

/// What a drill says of one expectation.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// The drill's name.
    pub drill: String,
    /// Its scenario.
    pub scenario: String,
    /// When it began.
    pub at: Moment,
    /// The alert's name.
    pub alert: String,
    /// The expectation's key.
    pub label: String,
    /// Whether it proved the alert.
    pub outcome: Outcome,
    /// The report's sentence on it: of the first trial that failed, else of the last one.
    pub detail: String,
    /// Trials that passed.
    pub passed: usize,
    /// All trials.
    pub trials: usize,
    /// Fault effective to firing: the middle of the trials that know it.
    pub ttd_ms: Option<i64>,
    /// Fault effective to notification: the middle of the trials that know it.
    pub ttn_ms: Option<i64>,
    /// The receivers that its notifications reached.
    pub receivers: BTreeSet<String>,
    /// The labels of the alert that came; those that were wanted when none came.
    pub labels: BTreeMap<String, String>,
    /// The rules of that name, as they were then.
    #[serde(skip)]
    rules: Vec<RuleSeen>,
}

/// What a report says of an expectation in one trial.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Told {
    pub(crate) label: String,
    pub(crate) verdict: AlertVerdict,
    detail: String,
    marks: Marks,
    ttd_ms: Option<i64>,
    ttn_ms: Option<i64>,
    receiver: Option<String>,
    labels: BTreeMap<String, String>,
}

impl From<&AlertReport> for Told {
    fn from(alert: &AlertReport) -> Self {
        Self {
            label: alert.label.clone(),
            verdict: alert.verdict,
            detail: alert.detail.clone(),
            marks: alert.marks.clone(),
            ttd_ms: alert.ttd_ms,
            ttn_ms: alert.ttn_ms,
            receiver: alert.receiver.clone(),
            labels: alert.labels.clone(),
        }
    }
}

/// The drill that says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Witness<'a> {
    pub(crate) drill: &'a str,
    pub(crate) scenario: &'a str,
    pub(crate) at: Moment,
}

/// What the journal of a drill says of each of its expectations.
///
/// # Errors
/// [`TimelineError`] when it is no journal that this build can read.
pub fn proofs(events: &[Event]) -> Result<Vec<Proof>, TimelineError> {
    let measurement = measure_all(std::iter::once(events))?;
    let Some(first) = measurement.trials.first() else {
        return Ok(Vec::new());
    };
    let witness = Witness {
        drill: &measurement.drill,
        scenario: &measurement.scenario,
        at: first.started_at,
    };
    let expect = measurement.plan.expect.iter();
    let proofs = expect.filter_map(|expect| {
        let alerts = measurement.trials.iter().flat_map(|trial| &trial.alerts);
        let of_it = alerts.filter(|alert| alert.label == expect.label);
        let told: Vec<Told> = of_it.map(Told::from).collect();
        // A scenario may want it in some trials only.
        let mut over = measurement.over_trials.iter();
        let enough = over.any(|over| over.label == expect.label && over.verdict == Verdict::Passed);
        let proof = Proof::of(witness, expect, &told, enough)?;
        Some(Proof {
            rules: rules_named(events, &expect.alert),
            ..proof
        })
    });
    Ok(proofs.collect())
}

fn rules_named(events: &[Event], alert: &str) -> Vec<RuleSeen> {
    let rules = events.iter().filter_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == alert => Some(rule.clone()),
        _ => None,
    });
    rules.collect()
}

/// What one trial says. Silence that was wanted proves nothing of an alert.
fn outcome(alert: &Told) -> Outcome {
    let came = alert.marks.t3.is_some() || alert.marks.t5.is_some();
    match alert.verdict {
        AlertVerdict::Passed if came => Outcome::Proved,
        AlertVerdict::Passed
        | AlertVerdict::NotEffective
        | AlertVerdict::NotOrdered
        | AlertVerdict::AlreadyFiring
        | AlertVerdict::Unknown => Outcome::Unclear,
        _ => Outcome::Failed,
    }
}

impl Proof {
    /// What a drill says of an expectation, trial by trial; none when it says nothing. Its rules are not known.
    pub(crate) fn of(
        witness: Witness<'_>,
        expect: &ExpectRecord,
        told: &[Told],
        enough: bool,
    ) -> Option<Self> {
        let outcomes: Vec<Outcome> = told.iter().map(outcome).collect();
        let failed = outcomes.iter().position(|outcome| *outcome == Outcome::Failed);
        let passed = outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Proved)
            .count();
        let telling = match failed {
            Some(index) => &told[index],
            None => told.last()?,
        };
        let came = told.iter().rev().find(|alert| !alert.labels.is_empty());
        Some(Self {
            drill: witness.drill.to_owned(),
            scenario: witness.scenario.to_owned(),
            at: witness.at,
            alert: expect.alert.clone(),
            label: expect.label.clone(),
            outcome: match (failed, passed) {
                (Some(_), 1..) if enough => Outcome::Proved,
                (Some(_), _) => Outcome::Failed,
                (None, 0) => Outcome::Unclear,
                (None, _) => Outcome::Proved,
            },
            detail: telling.detail.clone(),
            passed,
            trials: told.len(),
            ttd_ms: median_of(told.iter().filter_map(|alert| alert.ttd_ms)),
            ttn_ms: median_of(told.iter().filter_map(|alert| alert.ttn_ms)),
            receivers: told.iter().filter_map(|alert| alert.receiver.clone()).collect(),
            labels: came.map_or_else(|| expect.labels.clone(), |alert| alert.labels.clone()),
            rules: Vec::new(),
        })
    }

    /// Which of these rules it is about.
    pub(super) fn rules_of(&self, rules: &[RuleSeen]) -> Vec<usize> {
        let named: Vec<usize> = (0..rules.len())
            .filter(|index| rules[*index].alert == self.alert)
            .collect();
        // One rule of a name stays itself whatever is changed of it.
        if named.len() < 2 {
            return named;
        }
        let fits = named.into_iter().filter(|index| self.carries(&rules[*index]));
        let fits: Vec<(usize, u8)> = fits.map(|index| (index, self.likeness(&rules[index]))).collect();
        let best = fits.iter().map(|(_, likeness)| *likeness).max();
        fits.into_iter()
            .filter(|(_, likeness)| Some(*likeness) == best)
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether the alert that came carries what the rule adds to its alerts.
    fn carries(&self, rule: &RuleSeen) -> bool {
        let fixed = rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
        let mut wrong = fixed.filter(|(label, value)| self.labels.get(*label) != Some(value));
        wrong.next().is_none()
    }

    fn likeness(&self, rule: &RuleSeen) -> u8 {
        let of = |then: &RuleSeen| 2 * u8::from(then.group == rule.group) + u8::from(then.file == rule.file);
        self.rules.iter().map(of).max().unwrap_or(0)
    }

    /// What of the rule is not as it was then.
    pub(super) fn changed(&self, rule: &RuleSeen) -> Option<String> {
        let then = self.then(rule)?;
        let mut changes = Vec::new();
        if then.query != rule.query {
            changes.push("its query".to_owned());
        }
        if then.for_ms != rule.for_ms {
            changes.push(format!(
                "its `for` ({} then, {} now)",
                crate::words::limit(then.for_ms),
                crate::words::limit(rule.for_ms)
            ));
        }
        if then.labels != rule.labels {
            changes.push("its labels".to_owned());
        }
        (!changes.is_empty()).then(|| format!("{} changed since", changes.join(", ")))
    }

    /// Why nobody can say whether the rule has been changed since.
    pub(super) fn doubt(&self, rule: &RuleSeen) -> Option<String> {
        let why = "the drill read no rules, so nobody can say whether this one was changed since";
        self.then(rule).is_none().then(|| why.to_owned())
    }

    /// The rule as it was then.
    fn then(&self, rule: &RuleSeen) -> Option<&RuleSeen> {
        let alike = |then: &&RuleSeen| {
            let place = 2 * u8::from(then.group == rule.group) + u8::from(then.file == rule.file);
            4 * u8::from(then.labels == rule.labels) + place
        };
        self.rules.iter().max_by_key(alike)
    }
}
