//! Steady-state conditions: before the first fault, at their worst, and at the end.

use gameday_core::{SteadyRecord, Unit};
use serde::Serialize;

use super::look::{Evaluation, evaluations};
use super::timeline::Timeline;

/// One condition over the drill.
#[derive(Debug, Clone, Serialize)]
pub struct SteadyReport {
    /// Its name in the scenario.
    pub name: String,
    /// The condition, for people.
    pub text: String,
    /// Whether it held just before the first fault; null when that could not be said.
    pub before: Option<bool>,
    /// Whether it held at the end, after the last fault was gone; null when that could not be said.
    pub after: Option<bool>,
    /// Its value just before the first fault.
    pub value_before: Option<f64>,
    /// Its worst value from the first fault on.
    pub worst: Option<f64>,
    /// Its value at the end.
    pub value_after: Option<f64>,
    /// The limit, in `unit`.
    pub limit: f64,
    /// What its numbers count.
    pub unit: Unit,
    /// True when the value must stay at or under the limit.
    pub at_most: bool,
    /// Why a null is null.
    pub why: Option<String>,
}

/// Each condition of the plan.
pub(super) fn read(timeline: &Timeline<'_>) -> Vec<SteadyReport> {
    timeline
        .started
        .plan
        .steady
        .iter()
        .map(|record| one(timeline, record))
        .collect()
}

fn one(timeline: &Timeline<'_>, record: &SteadyRecord) -> SteadyReport {
    let all = evaluations(timeline.events, record);
    let t0 = timeline.first_ordered().map_or(u64::MAX, |event| event.seq);
    let t7 = timeline.last_removed().map_or(u64::MAX, |event| event.seq);
    let last = |wanted: &dyn Fn(u64) -> bool| all.iter().rev().find(|one| wanted(one.seq));
    let (before, after) = (last(&|seq| seq < t0), last(&|seq| seq > t7));
    let values = all.iter().filter(|one| one.seq > t0).filter_map(|one| one.value);
    let worst = values.reduce(|a, b| if record.at_most { a.max(b) } else { a.min(b) });
    let holds = |one: Option<&Evaluation>| one.and_then(|one| one.holds);
    let why = match (holds(before), holds(after)) {
        (None, _) if before.is_none() => Some("it was not evaluated before the first fault"),
        (None, _) => Some("its window was not full before the first fault, or the probes saw nothing"),
        (_, None) if t7 == u64::MAX => Some("no fault was in place and removed, so there is no after"),
        (_, None) if after.is_none() => Some("it was not evaluated after the last fault was removed"),
        (_, None) => Some("its window was not full at the end, or the probes saw nothing"),
        _ => None,
    };
    SteadyReport {
        name: record.name.to_string(),
        text: record.text.clone(),
        before: holds(before),
        after: holds(after),
        value_before: before.and_then(|one| one.value),
        worst,
        value_after: after.and_then(|one| one.value),
        limit: record.limit,
        unit: record.unit,
        at_most: record.at_most,
        why: why.map(str::to_owned),
    }
}
