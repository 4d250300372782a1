//! The lanes of the picture: curves of the steady state, looks of the probes, states of the alerts.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState, EventKind, Outcome, SteadyRecord};

use super::super::evidence::carries;
use super::super::look::{evaluations, looks};
use super::super::mark::Moment;
use super::super::record::{AlertReport, Trial};
use super::super::timeline::{Timeline, clock_of};
use super::{Axis, Curve, Lane, Look, ProbeLane, State, thin_looks, thin_points};

/// All lanes together have about this many points: what a page can hold.
const POINTS: usize = 60_000;

/// No lane needs more buckets: at a width of 1000 this is three to a pixel.
const FINEST: i64 = 3_000;

/// Alerts that nobody expected and that are drawn all the same.
const MOST_OTHERS: usize = 6;

/// How many buckets each of so many lanes may have.
fn buckets(lanes: usize) -> i64 {
    i64::try_from(POINTS / lanes.max(1))
        .unwrap_or(FINEST)
        .clamp(400, FINEST)
}

/// Notes that something was thinned, and to what.
fn note(bucket_ms: &mut Option<i64>, axis: &Axis, buckets: i64, before: usize, after: usize) {
    if after < before {
        let width = (axis.width() / buckets).max(1);
        *bucket_ms = (*bucket_ms).max(Some(width));
    }
}

pub(super) fn curves(timeline: &Timeline<'_>, axis: &Axis, bucket_ms: &mut Option<i64>) -> Vec<Curve> {
    let records = &timeline.started.plan.steady;
    let buckets = buckets(records.len() * 2);
    let mut curve = |record: &SteadyRecord| {
        let all: Vec<(i64, Option<f64>)> = evaluations(timeline.events, record)
            .into_iter()
            .map(|one| (axis.event(one.at.as_micros()), one.value))
            .collect();
        let points = thin_points(&all, axis.start, axis.end, buckets);
        note(bucket_ms, axis, buckets, all.len(), points.len());
        Curve {
            name: record.name.to_string(),
            text: record.text.clone(),
            unit: record.unit,
            limit: record.limit,
            at_most: record.at_most,
            points,
        }
    };
    records.iter().map(&mut curve).collect()
}

pub(super) fn probes(timeline: &Timeline<'_>, axis: &Axis, bucket_ms: &mut Option<i64>) -> Vec<ProbeLane> {
    let mut lanes: BTreeMap<(&str, &str), Vec<(i64, Look)>> = BTreeMap::new();
    for probe in &timeline.started.plan.probes {
        for region in &probe.regions {
            lanes.insert((probe.name.as_str(), region.as_str()), Vec::new());
        }
    }
    for done in looks(timeline.events) {
        let lane = lanes
            .entry((done.probe.as_str(), done.region.as_str()))
            .or_default();
        lane.push((axis.event(done.intended.as_micros()), look(done.outcome)));
    }
    for event in timeline.events {
        if let EventKind::ProbeMissed { probe, .. } = &event.kind {
            let lane = lanes.entry((probe.as_str(), event.region.as_str())).or_default();
            lane.push((axis.event(event.at.as_micros()), Look::Missed));
        }
    }
    let several = timeline.started.plan.probes.len() > 1;
    let buckets = buckets(lanes.len());
    let lane = |((probe, region), mut all): ((&str, &str), Vec<(i64, Look)>)| {
        // A slow look ends after one that began later.
        all.sort_by_key(|(at, _)| *at);
        let looks = thin_looks(all.iter().copied(), axis.start, axis.end, buckets);
        note(bucket_ms, axis, buckets, all.len(), looks.len());
        ProbeLane {
            name: if several {
                format!("{probe} from {region}")
            } else {
                format!("from {region}")
            },
            looks,
        }
    };
    lanes.into_iter().map(lane).collect()
}

fn look(outcome: &Outcome) -> Look {
    match outcome {
        Outcome::Up { slow } if slow.is_empty() => Look::Up,
        Outcome::Up { .. } => Look::Slow,
        Outcome::Down(_) => Look::Down,
        Outcome::Unknown(_) => Look::Unknown,
    }
}

/// Expected alerts, then others that fired.
pub(super) fn alerts(timeline: &Timeline<'_>, trial: &Trial, axis: &Axis) -> Vec<Lane> {
    let expected = trial.alerts.iter().map(|alert| expected(timeline, alert, axis));
    let mut names: Vec<&str> = trial
        .other_alerts
        .iter()
        .filter(|other| other.fired)
        .map(|other| other.name.as_str())
        .collect();
    names.dedup();
    let others = names.into_iter().take(MOST_OTHERS).map(|name| Lane {
        name: name.to_owned(),
        expected: false,
        spans: polled(timeline, axis, |seen| {
            seen.alert == name && seen.source.as_str() == "prometheus"
        }),
        notified: notices(timeline, name, "firing", axis),
        resolved: notices(timeline, name, "resolved", axis),
        predicted: None,
    });
    expected.chain(others).collect()
}

fn expected(timeline: &Timeline<'_>, alert: &AlertReport, axis: &Axis) -> Lane {
    let at = |moment: Option<Moment>| moment.map(|moment| axis.moment(moment));
    let marks = &alert.marks;
    let mut spans = states(timeline, alert, axis);
    spans.extend(suppressed(timeline, &alert.name, axis));
    let with = |status: &str, mark: Option<Moment>| {
        let mut all = notices(timeline, &alert.name, status, axis);
        all.extend(at(mark));
        all.sort_unstable();
        all.dedup();
        all
    };
    Lane {
        name: alert.title(),
        expected: true,
        spans,
        notified: with("firing", marks.t5),
        resolved: with("resolved", marks.t10),
        predicted: alert
            .predicted
            .as_ref()
            .and_then(|said| at(said.marks.t5.or(said.marks.t3))),
    }
}

/// What was measured, from mark to mark; what came before and after it, as it was polled.
fn states(timeline: &Timeline<'_>, alert: &AlertReport, axis: &Axis) -> Vec<(i64, i64, State)> {
    let at = |moment: Option<Moment>| moment.map(|moment| axis.moment(moment));
    let plan = &timeline.started.plan;
    let expect = plan.expect.iter().find(|expect| expect.label == alert.label);
    let is_it = |seen: &AlertSeen| {
        let rule =
            expect.filter(|expect| seen.alert == expect.alert && seen.source.as_str() == clock_of(expect));
        rule.is_some_and(|expect| carries(&seen.labels, &expect.labels))
    };
    let polled = polled(timeline, axis, is_it);
    let (active, fired) = (at(alert.marks.t2), at(alert.marks.t3));
    let Some(begin) = active.or(fired) else {
        return polled;
    };
    let gone = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::AlertSeen(seen) if seen.state == AlertState::Gone && is_it(seen) => {
            Some(axis.event(event.at.as_micros())).filter(|at| *at > fired.unwrap_or(begin))
        }
        _ => None,
    });
    let end = at(alert.marks.t9).or(gone).unwrap_or(axis.end);
    let mut spans = Vec::new();
    spans.extend(active.map(|active| (active, fired.unwrap_or(end), State::Pending)));
    spans.extend(fired.map(|fired| (fired, end, State::Firing)));
    spans.retain(|(from, to, _)| from <= to);
    let others = polled
        .into_iter()
        .filter(|(from, to, _)| *to <= begin || *from >= end);
    spans.extend(others);
    spans
}

/// Stretches over which Alertmanager listed an alert as silenced or inhibited.
fn suppressed(timeline: &Timeline<'_>, name: &str, axis: &Axis) -> Vec<(i64, i64, State)> {
    let mut spans = Vec::new();
    let mut since = None;
    for event in timeline.events {
        let EventKind::AlertSeen(seen) = &event.kind else {
            continue;
        };
        if seen.alert != name || !seen.source.as_str().starts_with("alertmanager") {
            continue;
        }
        let at = axis.event(event.at.as_micros());
        match (seen.state, since) {
            (AlertState::Suppressed, None) => since = Some(at),
            (AlertState::Firing | AlertState::Gone, Some(from)) => {
                spans.push((from, at, State::Suppressed));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|from| (from, axis.end, State::Suppressed)));
    spans
}

/// States of an alert as polls of its source saw them: right to a second or so.
fn polled(
    timeline: &Timeline<'_>,
    axis: &Axis,
    is_it: impl Fn(&AlertSeen) -> bool,
) -> Vec<(i64, i64, State)> {
    let mut spans: Vec<(i64, i64, State)> = Vec::new();
    let mut open: Option<(i64, State)> = None;
    for event in timeline.events {
        let EventKind::AlertSeen(seen) = &event.kind else {
            continue;
        };
        if !is_it(seen) {
            continue;
        }
        let at = axis.event(event.at.as_micros());
        spans.extend(open.take().map(|(from, state)| (from, at, state)));
        open = match seen.state {
            AlertState::Pending => Some((at, State::Pending)),
            AlertState::Firing => Some((at, State::Firing)),
            AlertState::Suppressed => Some((at, State::Suppressed)),
            AlertState::Gone => None,
        };
    }
    spans.extend(open.map(|(from, state)| (from, axis.end, state)));
    spans
}

fn notices(timeline: &Timeline<'_>, name: &str, status: &str, axis: &Axis) -> Vec<i64> {
    let told = timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::Notified(notice) => {
            let of = notice
                .alerts
                .iter()
                .any(|one| one.alert == name && one.status == status);
            of.then(|| axis.moment(Moment::new(notice.arrived)))
        }
        _ => None,
    });
    // More than these would be one smear.
    told.take(200).collect()
}
