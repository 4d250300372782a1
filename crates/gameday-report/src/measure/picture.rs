//! What the timeline draws: everything in milliseconds after T0, thinned to what an eye can tell apart.

use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, Outcome, Unit};

use super::mark::Moment;
use super::record::{AlertReport, Trial};
use super::steady;
use super::timeline::Timeline;

/// A lane has room for this many looks; of several in one place the worst is drawn.
const COLUMNS: i64 = 400;

/// A timeline to be drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Left end, in milliseconds after T0.
    pub from: i64,
    /// Right end.
    pub to: i64,
    /// What zero is: `T0`, or the start when no fault was ordered.
    pub zero: Option<Moment>,
    pub faults: Vec<Bar>,
    pub curves: Vec<Curve>,
    pub probes: Vec<ProbeLane>,
    pub alerts: Vec<Lane>,
    pub notches: Vec<Notch>,
}

/// A fault in place.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub name: String,
    pub from: i64,
    pub effective: Option<i64>,
    pub to: Option<i64>,
}

/// A steady-state value over time.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub name: String,
    pub text: String,
    pub unit: Unit,
    pub limit: f64,
    pub points: Vec<(i64, Option<f64>)>,
}

/// What one look said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Look {
    Up,
    Slow,
    Unknown,
    Missed,
    Down,
}

/// The looks of a probe in a region.
#[derive(Debug, Clone)]
pub(crate) struct ProbeLane {
    pub name: String,
    pub looks: Vec<(i64, Look)>,
}

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Firing,
}

/// An alert's states and notices.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub name: String,
    pub spans: Vec<(i64, i64, State)>,
    pub notified: Option<i64>,
    pub resolved: Option<i64>,
}

/// A labelled mark.
#[derive(Debug, Clone)]
pub(crate) struct Notch {
    pub name: &'static str,
    pub at: i64,
}

/// Collects what is drawn of a trial.
pub(super) fn draw(timeline: &Timeline<'_>, trial: &Trial) -> Picture {
    let zero = trial.marks.t0.unwrap_or(trial.started_at);
    let axis = Axis {
        zero,
        zero_us: timeline
            .first_ordered()
            .unwrap_or(&timeline.events[0])
            .at
            .as_micros(),
        start: -clamp_us(timeline.first_ordered().map_or(0, |event| event.at.as_micros())),
        end: end(timeline),
    };
    Picture {
        from: axis.start,
        to: axis.end.max(axis.start + 1),
        zero: Some(zero),
        faults: bars(trial, &axis),
        curves: curves(timeline, &axis),
        probes: probes(timeline, &axis),
        alerts: trial.alerts.iter().map(|alert| lane(alert, &axis)).collect(),
        notches: notches(trial, &axis),
    }
}

struct Axis {
    zero: Moment,
    zero_us: u64,
    start: i64,
    end: i64,
}

impl Axis {
    /// Where an event of our monotonic clock stands.
    fn event(&self, us: u64) -> i64 {
        clamp_us(us) - clamp_us(self.zero_us)
    }

    /// Where a moment stands, kept inside the picture: a wrong clock must not stretch it.
    fn moment(&self, moment: Moment) -> i64 {
        moment.ms_since(self.zero).clamp(self.start, self.end)
    }

    /// Which column of a lane a place falls into.
    fn column(&self, at: i64) -> i64 {
        (at - self.start) * COLUMNS / (self.end - self.start).max(1)
    }
}

fn clamp_us(us: u64) -> i64 {
    i64::try_from(us / 1000)
        .unwrap_or(i64::MAX)
        .min(i64::MAX / (4 * COLUMNS))
}

/// Where the drill itself ended: what `heal` wrote later would squeeze everything into a corner.
fn end(timeline: &Timeline<'_>) -> i64 {
    let zero = timeline.first_ordered().map_or(0, |event| event.at.as_micros());
    let ours = |event: &&Event| !matches!(event.kind, EventKind::Healed { .. });
    let last = timeline
        .events
        .iter()
        .filter(ours)
        .map(|event| event.at.as_micros())
        .max()
        .unwrap_or(0);
    clamp_us(last) - clamp_us(zero)
}

fn bars(trial: &Trial, axis: &Axis) -> Vec<Bar> {
    let bar = |fault: &super::FaultReport| {
        Some(Bar {
            name: fault.name.clone(),
            from: axis.moment(fault.ordered_at?),
            effective: fault.effective_at.map(|at| axis.moment(at)),
            to: fault.removed_at.map(|at| axis.moment(at)),
        })
    };
    trial.faults.iter().filter_map(bar).collect()
}

fn curves(timeline: &Timeline<'_>, axis: &Axis) -> Vec<Curve> {
    let records = timeline.started.plan.steady.iter();
    records
        .map(|record| {
            // Of several values in one place the worst is drawn.
            let mut columns: BTreeMap<i64, (i64, Option<f64>)> = BTreeMap::new();
            for (event, evaluated) in steady::evaluations(timeline, record) {
                let at = axis.event(event.at.as_micros());
                let value = evaluated.value.filter(|value| value.is_finite());
                let kept = columns.entry(axis.column(at)).or_insert((at, value));
                let worse = match (kept.1, value) {
                    (Some(old), Some(new)) => {
                        if record.at_most {
                            new > old
                        } else {
                            new < old
                        }
                    }
                    (None, Some(_)) => true,
                    _ => false,
                };
                if worse {
                    *kept = (at, value);
                }
            }
            Curve {
                name: record.name.to_string(),
                text: record.text.clone(),
                unit: record.unit,
                limit: record.limit,
                points: columns.into_values().collect(),
            }
        })
        .collect()
}

fn probes(timeline: &Timeline<'_>, axis: &Axis) -> Vec<ProbeLane> {
    let mut lanes: BTreeMap<(String, String), BTreeMap<i64, (Look, i64)>> = BTreeMap::new();
    for probe in &timeline.started.plan.probes {
        for region in &probe.regions {
            lanes.insert((probe.name.to_string(), region.to_string()), BTreeMap::new());
        }
    }
    for event in timeline.events {
        let (probe, us, look) = match &event.kind {
            EventKind::ProbeDone(done) => (&done.probe, done.intended.as_micros(), look(&done.outcome)),
            EventKind::ProbeMissed { probe, .. } => (probe, event.at.as_micros(), Look::Missed),
            _ => continue,
        };
        let at = axis.event(us).clamp(axis.start, axis.end);
        let lane = lanes
            .entry((probe.to_string(), event.region.to_string()))
            .or_default();
        let kept = lane.entry(axis.column(at)).or_insert((look, at));
        *kept = (*kept).max((look, at));
    }
    let several = timeline.started.plan.probes.len() > 1;
    lanes
        .into_iter()
        .map(|((probe, region), columns)| ProbeLane {
            name: if several {
                format!("{probe} · {region}")
            } else {
                region
            },
            looks: columns.into_values().map(|(look, at)| (at, look)).collect(),
        })
        .collect()
}

fn look(outcome: &Outcome) -> Look {
    match outcome {
        Outcome::Up { slow } if slow.is_empty() => Look::Up,
        Outcome::Up { .. } => Look::Slow,
        Outcome::Down(_) => Look::Down,
        Outcome::Unknown(_) => Look::Unknown,
    }
}

fn lane(alert: &AlertReport, axis: &Axis) -> Lane {
    let at = |moment: Option<Moment>| moment.map(|moment| axis.moment(moment));
    let marks = &alert.marks;
    let mut spans = Vec::new();
    let end = at(marks.t9).unwrap_or(axis.end);
    if let Some(active) = at(marks.t2) {
        spans.push((active, at(marks.t3).unwrap_or(end), State::Pending));
    }
    if let Some(fired) = at(marks.t3) {
        spans.push((fired, end, State::Firing));
    }
    spans.retain(|(from, to, _)| from <= to);
    Lane {
        name: alert.label.clone(),
        spans,
        notified: at(marks.t5),
        resolved: at(marks.t10),
    }
}

/// The drill's marks and those of the first alert that has any; two alerts' marks in one row
/// would not be told apart.
fn notches(trial: &Trial, axis: &Axis) -> Vec<Notch> {
    let drill = [
        ("T0", trial.marks.t0),
        ("T7", trial.marks.t7),
        ("T8", trial.marks.t8),
    ];
    let alert = trial
        .alerts
        .iter()
        .find(|alert| alert.marks.t5.is_some() || alert.marks.t3.is_some());
    let effective = alert.and_then(|alert| trial.faults.iter().find(|fault| fault.name == alert.of));
    let effective = effective
        .or(trial.faults.first())
        .and_then(|fault| fault.effective_at);
    let mut notches: Vec<Notch> = drill
        .into_iter()
        .chain([("T0e", effective)])
        .chain(alert.into_iter().flat_map(|alert| alert.marks.named()))
        .filter_map(|(name, at)| {
            Some(Notch {
                name,
                at: axis.moment(at?),
            })
        })
        .collect();
    notches.sort_by_key(|notch| notch.at);
    notches
}
