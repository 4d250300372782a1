//! Dose and response: one scenario, drilled over a grid of magnitudes.
//!
//! ```text
//!   journals of the points ──► measure ──► Sweep ──┬─► sweep.json
//!                                                   ├─► sweep.md
//!                                                   └─► sweep.html (chart)
//! ```
//!
//! A pure function of what the points' drills left, like every report.

mod axis;
mod chart;
mod page;
mod text;

use std::collections::BTreeMap;

use gameday_core::Event;
use serde::Serialize;

use crate::statistics::Summary;
use crate::{Measurement, TimelineError, Verdict, measure};
pub use page::render_sweep_html;
pub use text::{point_lines, render_sweep_json, render_sweep_markdown, sweep_lines};

/// A point of the grid, before it is measured.
#[derive(Debug, Clone)]
pub struct SweepPoint {
    /// The value of each variable that is swept.
    pub values: BTreeMap<String, String>,
    /// Its drill's name; none when it was not run.
    pub drill: Option<String>,
    /// Its drill's journal.
    pub events: Option<Vec<Event>>,
}

/// What a sweep says. Serialized, it is `sweep.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// The version of this form.
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The variables that are swept, each with its values in the order in which they were given.
    pub over: Vec<SweptVariable>,
    /// Each point.
    pub points: Vec<PointReport>,
    /// For each expectation, and each combination of the other variables, where detection begins.
    pub edges: Vec<Edge>,
}

/// A variable that is swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweptVariable {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// A point of the grid.
#[derive(Debug, Clone, Serialize)]
pub struct PointReport {
    /// The value of each variable that is swept.
    pub values: BTreeMap<String, String>,
    /// Its drill's name, which is that of its folder; null when it was not run.
    pub drill: Option<String>,
    /// The drill's verdict; null when it was not run.
    pub verdict: Option<Verdict>,
    /// The verdict in a sentence.
    pub summary: String,
    /// Each expectation.
    pub alerts: Vec<PointAlert>,
}

/// An expectation at a point.
#[derive(Debug, Clone, Serialize)]
pub struct PointAlert {
    /// Its key in the scenario.
    pub label: String,
    /// Whether the alerting saw the fault.
    pub seen: Seeing,
    /// Trials that say something.
    pub trials: u64,
    /// Those that were detected.
    pub detected: u64,
    /// The time to the notification of each that was, or to firing where nothing can be notified.
    pub times_ms: Vec<i64>,
    /// Those times together, with what never came.
    pub time: Summary,
    /// What was predicted of each trial.
    pub predicted_ms: Vec<i64>,
    /// Why it was predicted not to come.
    pub predicted_never: Option<String>,
    /// The limit.
    pub limit_ms: Option<u64>,
}

/// Whether the alerting sees a fault of some magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seeing {
    /// In each trial.
    Seen,
    /// In some trials.
    Sometimes,
    /// In none.
    NotSeen,
    /// It cannot be said.
    Unknown,
}

impl Seeing {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Sometimes => "sometimes seen",
            Self::NotSeen => "not seen",
            Self::Unknown => "unknown",
        }
    }
}

/// Where detection begins along the first variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The expectation's key.
    pub label: String,
    /// The values of the other variables.
    pub with: BTreeMap<String, String>,
    /// The smallest fault that is seen in each trial, and every larger one with it.
    pub smallest_seen: Option<String>,
    /// The largest fault that is not seen in each trial.
    pub largest_not_seen: Option<String>,
    /// The smallest fault that is seen within the limit in each trial, and every larger one with it.
    pub smallest_in_time: Option<String>,
    /// The same in a sentence, or why it cannot be said.
    pub detail: String,
}

/// Works out what the points of a sweep mean.
///
/// # Errors
/// [`TimelineError`] when a journal is none that this build can read.
pub fn sweep(
    scenario: &str,
    title: &str,
    over: Vec<SweptVariable>,
    points: &[SweepPoint],
) -> Result<Sweep, TimelineError> {
    let points: Vec<PointReport> = points.iter().map(point).collect::<Result<_, _>>()?;
    let edges = edges(&over, &points);
    Ok(Sweep {
        schema: 1,
        scenario: scenario.to_owned(),
        title: title.to_owned(),
        over,
        points,
        edges,
    })
}

fn point(point: &SweepPoint) -> Result<PointReport, TimelineError> {
    let mut report = PointReport {
        values: point.values.clone(),
        drill: point.drill.clone(),
        verdict: None,
        summary: "it was not run".to_owned(),
        alerts: Vec::new(),
    };
    if let Some(events) = point.events.as_ref().filter(|events| !events.is_empty()) {
        let measured = measure(std::slice::from_ref(events))?;
        report.verdict = Some(measured.verdict);
        report.summary.clone_from(&measured.summary);
        let said = !matches!(
            measured.verdict,
            Verdict::Refused | Verdict::Aborted | Verdict::RollbackUnverified
        );
        report.alerts = alerts(&measured, said);
    }
    Ok(report)
}

fn alerts(measured: &Measurement, said: bool) -> Vec<PointAlert> {
    let wanted = measured.over_trials.iter().filter(|over| !over.never);
    let one = |over: &crate::OverTrials| {
        let of_trials = || {
            let trials = measured.trials.iter();
            trials.filter_map(|trial| {
                let alert = trial.alerts.iter().find(|alert| alert.label == over.label)?;
                Some((trial.group_stage_clean != Some(false), alert))
            })
        };
        // Without a receiver of ours nobody can say when anybody was told; then firing counts.
        let told = measured.plan.observe.hears_notices();
        let times: Vec<i64> = of_trials()
            .filter_map(|(clean, alert)| {
                if told {
                    alert.ttn_ms.filter(|_| clean)
                } else {
                    alert.ttd_ms
                }
            })
            .collect();
        let predicted = of_trials().filter_map(|(_, alert)| alert.predicted.as_ref());
        let trials = over.trials - over.unknown;
        PointAlert {
            label: over.label.clone(),
            seen: match over.detected {
                _ if !said || trials == 0 => Seeing::Unknown,
                0 => Seeing::NotSeen,
                all if all == trials => Seeing::Seen,
                _ => Seeing::Sometimes,
            },
            trials,
            detected: over.detected,
            times_ms: times,
            time: if told { over.ttn.clone() } else { over.ttd.clone() },
            predicted_ms: predicted
                .clone()
                .filter(|predicted| predicted.never.is_none())
                .filter_map(|predicted| if told { predicted.ttn_ms } else { predicted.ttd_ms })
                .collect(),
            predicted_never: predicted.clone().find_map(|predicted| predicted.never.clone()),
            limit_ms: of_trials().find_map(|(_, alert)| alert.limits_ms.notified.or(alert.limits_ms.firing)),
        }
    };
    wanted.map(one).collect()
}

/// The combinations of all variables but the first, in the order of the points.
fn combinations(over: &[SweptVariable], points: &[PointReport]) -> Vec<BTreeMap<String, String>> {
    let first = over.first().map(|variable| variable.name.as_str());
    let mut all: Vec<BTreeMap<String, String>> = Vec::new();
    for point in points {
        let mut with = point.values.clone();
        first.map(|name| with.remove(name));
        if !all.contains(&with) {
            all.push(with);
        }
    }
    all
}

/// The labels of all points, in the order of the scenario.
fn labels(points: &[PointReport]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for alert in points.iter().flat_map(|point| &point.alerts) {
        if !all.contains(&alert.label) {
            all.push(alert.label.clone());
        }
    }
    all
}

/// The points of a combination along the first variable, the smallest first, with one expectation of each.
fn along<'s>(
    over: &[SweptVariable],
    points: &'s [PointReport],
    with: &BTreeMap<String, String>,
    label: &str,
) -> Vec<(f64, &'s str, Option<&'s PointAlert>, &'s PointReport)> {
    let Some(first) = over.first() else {
        return Vec::new();
    };
    let fits = |point: &&PointReport| {
        with.iter()
            .all(|(name, value)| point.values.get(name) == Some(value))
    };
    let mut found: Vec<_> = points
        .iter()
        .filter(fits)
        .filter_map(|point| {
            let value = point.values.get(&first.name)?;
            let place = first.values.iter().position(|known| known == value)?;
            let alert = point.alerts.iter().find(|alert| alert.label == label);
            Some((axis::place(&first.values, place), value.as_str(), alert, point))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

fn edges(over: &[SweptVariable], points: &[PointReport]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for label in labels(points) {
        for with in combinations(over, points) {
            let found = along(over, points, &with, &label);
            let known: Vec<(&str, Seeing)> = found
                .iter()
                .filter_map(|(_, value, alert, _)| Some((*value, alert.map(|alert| alert.seen)?)))
                .filter(|(_, seen)| *seen != Seeing::Unknown)
                .collect();
            let in_time: Vec<(&str, Seeing)> = found
                .iter()
                .filter_map(|(_, value, alert, _)| Some((*value, alert.map(PointAlert::in_time)?)))
                .filter(|(_, seen)| *seen != Seeing::Unknown)
                .collect();
            let limited = found
                .iter()
                .any(|(_, _, alert, _)| alert.is_some_and(|alert| alert.limit_ms.is_some()));
            let mut found = edge(label.clone(), with, &known);
            if limited {
                found.within(edge(label.clone(), BTreeMap::new(), &in_time).smallest_seen);
            }
            edges.push(found);
        }
    }
    edges
}

impl PointAlert {
    /// As whether it was seen, but late is not seen.
    fn in_time(&self) -> Seeing {
        let late = |ms: &i64| {
            self.limit_ms
                .is_some_and(|most| i64::try_from(most).is_ok_and(|most| *ms > most))
        };
        match self.seen {
            Seeing::Seen if self.times_ms.iter().all(late) => Seeing::NotSeen,
            Seeing::Seen if self.times_ms.iter().any(late) => Seeing::Sometimes,
            seen => seen,
        }
    }
}

impl Edge {
    /// Adds from where on it is in time, where that is elsewhere than where it is seen.
    fn within(&mut self, smallest: Option<String>) {
        if self.smallest_seen.is_some() && self.smallest_seen != smallest {
            self.detail += &match &smallest {
                Some(value) => format!("; in time only from {value} on"),
                None => "; in time in each trial is none".to_owned(),
            };
        }
        self.smallest_in_time = smallest;
    }
}

fn edge(label: String, with: BTreeMap<String, String>, known: &[(&str, Seeing)]) -> Edge {
    let mut edge = Edge {
        label,
        with,
        smallest_seen: None,
        largest_not_seen: None,
        smallest_in_time: None,
        detail: String::new(),
    };
    let is_seen = |(_, seen): &(&str, Seeing)| *seen == Seeing::Seen;
    // A rate or a share of what still works hurts more the smaller it is.
    let mut known: Vec<(&str, Seeing)> = known.to_vec();
    if known.first().is_some_and(is_seen) && known.last().is_some_and(|last| !is_seen(last)) {
        known.reverse();
    }
    let from = known.iter().rposition(|point| !is_seen(point));
    edge.largest_not_seen = from.map(|index| known[index].0.to_owned());
    edge.smallest_seen = known
        .get(from.map_or(0, |index| index + 1))
        .map(|(value, _)| (*value).to_owned());
    let odd = known[..from.unwrap_or(0)].iter().any(is_seen);
    edge.detail = match (&edge.smallest_seen, &edge.largest_not_seen) {
        (None, None) => "nothing can be said".to_owned(),
        (Some(seen), None) => format!("all are seen, the smallest is {seen}"),
        (None, Some(_)) => "none is seen in each trial".to_owned(),
        (Some(seen), Some(not)) => {
            format!("the smallest that is seen is {seen}, the largest that is not is {not}")
        }
    };
    if odd {
        edge.detail += "; but a smaller one was seen as well";
    }
    edge
}

#[cfg(test)]
mod tests;
