//! How near a rule came that did not fire, as the runner evaluated it again at the end of the trial.

use gameday_core::{EventKind, ExpectRecord, Nearest, RequestsSeen};
use serde::Serialize;

use super::mark::Moment;
use super::timeline::{Timeline, clock_of};
use crate::words::{number_beside, percent};

/// Traffic that differs by more than this from what was assumed is worth a word.
const TRAFFIC: f64 = 0.1;

/// How near the rule came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApproachReport {
    /// Each way in which the rule becomes true: comparisons that must hold together.
    pub ways: Vec<Vec<NearestReport>>,
    /// What the fault was taken to do to requests, and what it did.
    pub requests: Option<RequestsSeen>,
    /// Why it cannot be said.
    pub why: Option<String>,
}

/// A comparison with a number, where it came nearest to holding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearestReport {
    /// What is compared, as it stands in the rule.
    pub expr: String,
    /// How.
    pub op: String,
    /// With what.
    pub limit: f64,
    /// The nearest value; null when there was none.
    pub value: Option<f64>,
    /// The evaluation that found it, on our clock.
    pub at: Option<Moment>,
    /// At how many evaluations it held.
    pub held: u64,
}

/// What was written down of an expectation; none when it fired, or nobody could evaluate its rule again.
pub(super) fn read(timeline: &Timeline<'_>, expect: &ExpectRecord) -> Option<ApproachReport> {
    let mut latest = timeline.events.iter().rev();
    let found = latest.find_map(|event| match &event.kind {
        EventKind::Approached(approach) if approach.label == expect.label => Some(approach),
        _ => None,
    })?;
    let nearest = |one: &Nearest| NearestReport {
        expr: one.expr.clone(),
        op: one.op.clone(),
        limit: one.limit,
        value: one.value,
        at: one.at.map(|at| timeline.mark(clock_of(expect), at).at),
        held: one.held,
    };
    let way = |way: &Vec<Nearest>| way.iter().map(nearest).collect();
    Some(ApproachReport {
        ways: found.ways.iter().map(way).collect(),
        requests: found.requests,
        why: found.why.clone(),
    })
}

impl ApproachReport {
    /// In words.
    pub(super) fn text(&self) -> String {
        if let Some(why) = &self.why {
            return format!("how near it came cannot be said: {why}");
        }
        let ways: Vec<String> = self.ways.iter().map(|way| told(way)).collect();
        let requests = self.requests.as_ref().map(requests);
        [ways.join(", or ")]
            .into_iter()
            .chain(requests)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Whether a comparison failed because there was nothing to compare.
    pub(super) fn saw_nothing(&self) -> bool {
        let mut ways = self.ways.iter();
        !self.ways.is_empty() && ways.all(|way| way.iter().any(|one| one.value.is_none() && one.held == 0))
    }
}

/// Those comparisons of a way that never held; all of them when it was pending, so that each held.
fn told(way: &[NearestReport]) -> String {
    let failed: Vec<&NearestReport> = way.iter().filter(|one| one.held == 0).collect();
    let all_held = failed.is_empty();
    let meant = if all_held { way.iter().collect() } else { failed };
    let texts: Vec<String> = meant.into_iter().map(NearestReport::text).collect();
    let text = texts.join(" and ");
    match all_held && way.len() > 1 {
        true => format!("{text}, each at an evaluation of its own or not for long enough"),
        false => text,
    }
}

impl NearestReport {
    fn text(&self) -> String {
        let (Some(value), Some(at)) = (self.value, self.at) else {
            return format!("`{}` yielded nothing", self.expr);
        };
        let (value, limit) = number_beside(value, self.limit);
        let (expr, at) = (&self.expr, at.clock());
        match self.op.as_str() {
            ">" | ">=" => format!("`{expr}` peaked at {value} of {limit} at {at} UTC"),
            op => format!("`{expr}` came to {value} at {at} UTC, where {op} {limit} is asked"),
        }
    }
}

/// What the prediction took for granted and what was seen.
fn requests(seen: &RequestsSeen) -> String {
    let Some(bad) = seen.bad else {
        return "no request was counted while the fault was in place".to_owned();
    };
    let traffic = seen
        .traffic
        .filter(|traffic| (traffic - seen.assumed_traffic).abs() > TRAFFIC * seen.assumed_traffic)
        .map(|traffic| {
            format!(
                ", and the traffic to be {} of before: it was {}",
                percent(seen.assumed_traffic),
                percent(traffic)
            )
        });
    format!(
        "the prediction took {} of the requests to be bad: {} were{}",
        percent(seen.assumed_bad),
        percent(bad),
        traffic.unwrap_or_default()
    )
}
