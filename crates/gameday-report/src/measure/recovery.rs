//! Recovery: when the last fault was gone and when the steady state was back.

use std::time::Duration;

use gameday_core::{Event, Offset, ProbeName, SteadyRecord, Unit};

use super::fault::Fault;
use super::look::{Evaluation, evaluations};
use super::mark::{Known, Moment};
use super::timeline::Timeline;

/// The drill's own marks and what is computed from them.
pub(super) struct Recovery {
    pub t0: Known<Moment>,
    pub t7: Known<Moment>,
    pub t8: Known<Moment>,
    /// T8 − T0e of the first fault.
    pub ttr: Known<i64>,
    /// T8 − T7.
    pub self_heal: Known<i64>,
    /// Whether the service surely never left its steady state: then it recovered from nothing.
    pub never_left: bool,
    /// How often the probes of the steady state look: no recovery is known more exactly.
    pub look_ms: Option<u64>,
}

/// What takes the place of every time of a recovery that was none.
pub(super) const NEVER_LEFT: &str = "the service never left its steady state";

/// Reads the marks and computes the spans.
pub(super) fn read(timeline: &Timeline<'_>, faults: &[Fault<'_>]) -> Recovery {
    let t0 = timeline.first_ordered().map(|event| Moment::new(event.time));
    let t0 = t0.ok_or_else(|| "no fault was ordered".to_owned());
    let t7 = timeline.last_removed().map(|event| Moment::new(event.time));
    let never_left = never_left(timeline);
    let t8 = match never_left {
        true => Err(NEVER_LEFT.to_owned()),
        false => steady_back(timeline),
    };
    let first = faults.iter().filter(|fault| fault.ordered.is_some());
    let effective = first
        .min_by_key(|fault| fault.ordered.map(|event| event.seq))
        .map_or(Err("no fault was ordered".into()), |fault| {
            fault.effective.clone()
        });
    Recovery {
        ttr: timeline.span(&effective, &t8),
        self_heal: timeline.span(&t7, &t8),
        t0,
        t7,
        t8,
        never_left,
        look_ms: look_ms(timeline),
    }
}

/// Whether every condition held at each evaluation since the first order, and was evaluated in time to tell.
fn never_left(timeline: &Timeline<'_>) -> bool {
    let (Some(t0), Ok(t7)) = (timeline.first_ordered(), timeline.last_removed()) else {
        return false;
    };
    let steady = &timeline.started.plan.steady;
    let held = |record: &SteadyRecord| {
        let all = evaluations(timeline.events, record);
        let mut since = all.iter().filter(|one| one.seq > t0.seq).peekable();
        let during = since.peek().is_some_and(|one| one.seq < t7.seq);
        let after = all.last().is_some_and(|one| one.seq > t7.seq);
        during && after && since.all(|one| one.holds == Some(true))
    };
    !steady.is_empty() && steady.iter().all(held)
}

/// The longest time between two looks of a probe that a condition is about.
fn look_ms(timeline: &Timeline<'_>) -> Option<u64> {
    let plan = &timeline.started.plan;
    let about = |record: &SteadyRecord, name: &ProbeName| match &record.probe {
        Some(probe) => probe == name,
        None => record.unit != Unit::Number,
    };
    let looks = plan
        .probes
        .iter()
        .filter(|probe| plan.steady.iter().any(|record| about(record, &probe.name)));
    looks.map(|probe| probe.every_ms).max()
}

/// T8: the start of the first window which then holds until the end, for the last condition.
fn steady_back(timeline: &Timeline<'_>) -> Known<Moment> {
    let t7 = timeline.last_removed()?;
    let steady = &timeline.started.plan.steady;
    if steady.is_empty() {
        return Err("no steady state is stated".into());
    }
    let mut back: (Offset, Moment) = (t7.at, Moment::new(t7.time));
    for record in steady {
        let holds_from = holds_for_good(timeline, record, t7)?;
        let window = Duration::from_millis(record.window_ms);
        // Windows that began before the fault was gone say nothing about after it.
        if holds_from.at.since(t7.at) > window {
            let micros = i64::try_from(window.as_micros()).unwrap_or(i64::MAX / 4);
            let start = Offset::default() + holds_from.at.since(Offset::default() + window);
            let moment = Moment::new(holds_from.time.plus_micros(-micros));
            back = back.max((start, moment));
        }
    }
    Ok(back.1)
}

/// The first evaluation from which on a condition holds until the end.
fn holds_for_good(timeline: &Timeline<'_>, record: &SteadyRecord, t7: &Event) -> Known<Evaluation> {
    let all = evaluations(timeline.events, record);
    if all.last().is_none_or(|last| last.seq <= t7.seq) {
        return Err(format!(
            "`{}` was not evaluated after the last fault was removed",
            record.name
        ));
    }
    all.iter()
        .rev()
        .take_while(|one| one.holds == Some(true))
        .last()
        .copied()
        .ok_or_else(|| format!("`{}` did not hold at the end", record.name))
}
