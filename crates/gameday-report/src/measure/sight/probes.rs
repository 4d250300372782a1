//! What the probes saw of a fault: looks that were down, slow or over their objective, and steady states that broke.

use std::collections::BTreeMap;

use gameday_core::{Outcome, ProbeName, SteadyRecord, Unit};

use super::super::look::{LookDone, evaluations, looks};
use super::super::mark::Moment;
use super::super::timeline::Timeline;
use super::{PROBES, Seen};
use crate::words;

/// Of a p95 objective one look in this many may be slower.
const MAY_BE_SLOWER: usize = 20;

/// The looks of a probe from a region, in order.
type Looks<'a> = Vec<LookDone<'a>>;

/// Of each probe in each region, the first look of each kind that was not as it should be.
pub(super) fn of_looks(timeline: &Timeline<'_>, since: Moment) -> Vec<Seen> {
    let mut all: BTreeMap<(&ProbeName, String), Looks<'_>> = BTreeMap::new();
    for look in looks(timeline.events) {
        let key = (look.probe, look.region.to_string());
        all.entry(key).or_default().push(look);
    }
    let seen = all.into_iter().flat_map(|((probe, region), looks)| {
        let (before, later): (Looks<'_>, Looks<'_>) = looks.into_iter().partition(|look| at(look) < since);
        [down(&later), slow(&before, &later), over(timeline, probe, &later)].map(|found| {
            let (at, what) = found?;
            Some(seen(probe.to_string(), Some(region.clone()), what, at, since))
        })
    });
    seen.flatten().collect()
}

fn seen(who: String, region: Option<String>, what: String, at: Moment, since: Moment) -> Seen {
    Seen {
        by: PROBES,
        who,
        region,
        what,
        at,
        after_ms: at.ms_since(since),
    }
}

fn at(look: &LookDone<'_>) -> Moment {
    Moment::new(look.time)
}

fn down(looks: &[LookDone<'_>]) -> Option<(Moment, String)> {
    looks.iter().find_map(|look| match look.outcome {
        Outcome::Down(reason) => Some((at(look), reason.word().to_owned())),
        _ => None,
    })
}

/// The first with a step over its objective; nothing new where that was so before the fault.
fn slow(before: &[LookDone<'_>], later: &[LookDone<'_>]) -> Option<(Moment, String)> {
    let slow = |looks: &[LookDone<'_>]| {
        looks.iter().find_map(|look| match look.outcome {
            Outcome::Up { slow } => Some((at(look), format!("`{}` slow", slow.first()?))),
            _ => None,
        })
    };
    slow(later).filter(|_| slow(before).is_none())
}

/// The first over the p95 that its probe states, if more of them are than it allows.
fn over(timeline: &Timeline<'_>, probe: &ProbeName, looks: &[LookDone<'_>]) -> Option<(Moment, String)> {
    let records = &timeline.started.plan.probes;
    let limit_ms = records.iter().find(|record| record.name == *probe)?.slo_p95_ms?;
    let is_over = |look: &&LookDone<'_>| {
        matches!(look.outcome, Outcome::Up { .. }) && look.total_us > limit_ms.saturating_mul(1000)
    };
    let over: Vec<_> = looks.iter().filter(is_over).collect();
    let first = over.first()?;
    let ms = i64::try_from(first.total_us / 1000).unwrap_or(i64::MAX);
    let what = format!("{}, over its p95 of {}", words::span(ms), words::limit(limit_ms));
    (over.len().saturating_mul(MAY_BE_SLOWER) > looks.len()).then_some((at(first), what))
}

/// The first evaluation at which each steady state of a probe did not hold any more.
pub(super) fn of_steady(timeline: &Timeline<'_>, since: Moment) -> Vec<Seen> {
    let of_probes = |record: &&SteadyRecord| record.unit != Unit::Number;
    let plan = &timeline.started.plan;
    let broke = |record: &SteadyRecord| {
        let all = evaluations(timeline.events, record);
        let (before, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| Moment::new(one.time) < since);
        // What was broken before has seen nothing.
        before.last().filter(|one| one.holds == Some(true))?;
        let one = later.into_iter().find(|one| one.holds == Some(false))?;
        let value = one.value.map_or_else(String::new, |value| {
            format!(": {}", words::value(value, record.unit))
        });
        let (who, what) = (record.name.to_string(), format!("does not hold{value}"));
        Some(seen(who, None, what, Moment::new(one.time), since))
    };
    plan.steady.iter().filter(of_probes).filter_map(broke).collect()
}
