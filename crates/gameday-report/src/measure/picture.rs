//! What the timeline draws: everything in milliseconds after T0, thinned to what a drawing can hold.

mod lanes;
mod thin;

use gameday_core::{Event, EventKind, Stage, Unit};

use super::mark::Moment;
use super::record::Trial;
use super::timeline::Timeline;

pub(crate) use thin::{thin_looks, thin_points};

/// A timeline to be drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Left end, in milliseconds after T0.
    pub from: i64,
    /// Right end.
    pub to: i64,
    /// What zero is: `T0`, or the start when no fault was ordered.
    pub zero: Option<Moment>,
    /// The stages of the drill.
    pub stages: Vec<(i64, i64, &'static str)>,
    pub faults: Vec<Bar>,
    pub curves: Vec<Curve>,
    pub probes: Vec<ProbeLane>,
    pub guards: Vec<GuardLane>,
    pub alerts: Vec<Lane>,
    /// What people said: when, one word for what, and the rest.
    pub people: Vec<(i64, &'static str, String)>,
    pub notches: Vec<Notch>,
    /// The width of a bucket, when there was more to draw than a drawing holds.
    pub bucket_ms: Option<i64>,
}

/// A fault in place.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub name: String,
    pub what: String,
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
    pub at_most: bool,
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

/// A condition that ends the drill, and when it did.
#[derive(Debug, Clone)]
pub(crate) struct GuardLane {
    pub name: String,
    pub breached: Option<i64>,
}

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Firing,
    Suppressed,
}

/// An alert's states and notices.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub name: String,
    /// Whether the scenario expects it.
    pub expected: bool,
    pub spans: Vec<(i64, i64, State)>,
    pub notified: Vec<i64>,
    pub resolved: Vec<i64>,
    /// When it was predicted to be notified, or to fire.
    pub predicted: Option<i64>,
}

/// A labelled mark.
#[derive(Debug, Clone)]
pub(crate) struct Notch {
    pub name: &'static str,
    pub at: i64,
}

/// Collects what is drawn of a trial.
pub(super) fn draw(timeline: &Timeline<'_>, trial: &Trial) -> Picture {
    let axis = Axis::of(timeline, trial);
    let mut bucket_ms = None;
    let mut picture = Picture {
        from: axis.start,
        to: axis.end.max(axis.start + 1),
        zero: Some(axis.zero),
        stages: stages(timeline, &axis),
        faults: bars(trial, &axis),
        curves: lanes::curves(timeline, &axis, &mut bucket_ms),
        probes: lanes::probes(timeline, &axis, &mut bucket_ms),
        guards: guards(timeline, &axis),
        alerts: lanes::alerts(timeline, trial, &axis),
        people: people(trial, &axis),
        notches: notches(trial, &axis),
        bucket_ms: None,
    };
    picture.bucket_ms = bucket_ms;
    picture
}

/// Where things stand: milliseconds after zero, kept inside the picture.
struct Axis {
    zero: Moment,
    zero_us: u64,
    start: i64,
    end: i64,
}

impl Axis {
    fn of(timeline: &Timeline<'_>, trial: &Trial) -> Self {
        let first = timeline.first_ordered();
        Self {
            zero: trial.marks.t0.unwrap_or(trial.started_at),
            zero_us: first.unwrap_or(timeline.began()).at.as_micros(),
            start: first.map_or(0, |event| {
                clamp_us(timeline.began().at.as_micros()) - clamp_us(event.at.as_micros())
            }),
            end: end(timeline),
        }
    }

    /// Where an event of our monotonic clock stands.
    fn event(&self, us: u64) -> i64 {
        (clamp_us(us) - clamp_us(self.zero_us)).clamp(self.start, self.end)
    }

    /// Where a moment stands, kept inside the picture: a wrong clock must not stretch it.
    fn moment(&self, moment: Moment) -> i64 {
        moment.ms_since(self.zero).clamp(self.start, self.end)
    }

    fn width(&self) -> i64 {
        (self.end - self.start).max(1)
    }
}

fn clamp_us(us: u64) -> i64 {
    // Far enough from the end of the numbers to be multiplied by the number of columns.
    i64::try_from(us / 1000)
        .unwrap_or(i64::MAX)
        .min(i64::MAX / 65_536)
}

/// Where the drill itself ended: what `heal` wrote later would squeeze everything into a corner.
fn end(timeline: &Timeline<'_>) -> i64 {
    let zero = timeline
        .first_ordered()
        .unwrap_or(timeline.began())
        .at
        .as_micros();
    let ours = |event: &&Event| !matches!(event.kind, EventKind::Healed { .. });
    let last = timeline
        .events
        .iter()
        .filter(ours)
        .map(|event| event.at.as_micros())
        .max()
        .unwrap_or(0);
    (clamp_us(last) - clamp_us(zero)).max(0)
}

fn stages(timeline: &Timeline<'_>, axis: &Axis) -> Vec<(i64, i64, &'static str)> {
    let entered = timeline.events.iter().filter_map(|event| match event.kind {
        EventKind::StageEntered(stage) => Some((axis.event(event.at.as_micros()), stage)),
        _ => None,
    });
    let entered: Vec<(i64, Stage)> = entered.collect();
    let ends = entered.iter().skip(1).map(|(at, _)| *at).chain([axis.end]);
    let word = |stage| match stage {
        Stage::Preflight => "pre-flight",
        Stage::Steady => "steady",
        Stage::Inject => "inject",
        Stage::Verify => "verify",
        Stage::Recover => "recover",
    };
    entered
        .iter()
        .zip(ends)
        .map(|((at, stage), end)| (*at, end.max(*at), word(*stage)))
        .collect()
}

fn bars(trial: &Trial, axis: &Axis) -> Vec<Bar> {
    let bar = |fault: &super::FaultReport| {
        Some(Bar {
            name: fault.name.clone(),
            what: format!("{} on {}", fault.kind, fault.on),
            from: axis.moment(fault.ordered_at?),
            effective: fault.effective_at.map(|at| axis.moment(at)),
            to: fault.removed_at.map(|at| axis.moment(at)),
        })
    };
    trial.faults.iter().filter_map(bar).collect()
}

fn people(trial: &Trial, axis: &Axis) -> Vec<(i64, &'static str, String)> {
    let said = trial.people.iter().map(|line| {
        let text = match line.text.as_str() {
            "" => line.who.clone(),
            text => format!("{}: {text}", line.who),
        };
        (axis.moment(line.at), line.what, text)
    });
    said.collect()
}

fn guards(timeline: &Timeline<'_>, axis: &Axis) -> Vec<GuardLane> {
    let breached = |name: &str| {
        timeline.events.iter().find_map(|event| match &event.kind {
            EventKind::GuardBreached { guard, .. } if guard == name => Some(axis.event(event.at.as_micros())),
            _ => None,
        })
    };
    let guards = timeline.started.plan.guard.abort_if.iter();
    guards
        .map(|name| GuardLane {
            name: name.clone(),
            breached: breached(name),
        })
        .collect()
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
