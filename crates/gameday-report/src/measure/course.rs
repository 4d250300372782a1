//! The course of an alert: how often it fired and was over, and how long it was pending without firing.

use std::collections::BTreeMap;

use gameday_core::{EventKind, ExpectRecord, Timestamp};
use serde::Serialize;

use super::episode::{self, Episode, identity};
use super::evidence::{Evidence, carries};
use super::fault::Fault;
use super::mark::Moment;
use super::timeline::{Timeline, clock_of};
use crate::words;

/// How often an alert came and went since its fault took effect; of several of one name, the one that did so most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Course {
    /// How often it fired.
    pub fired: usize,
    /// How often it was over again.
    pub resolved: usize,
    /// How often it fired while its fault was in place.
    #[serde(skip)]
    pub(super) in_fault: usize,
}

impl Course {
    /// Reads it from Prometheus' samples and from what our receiver was told, whichever saw more.
    pub(super) fn read(
        timeline: &Timeline<'_>,
        expect: &ExpectRecord,
        fault: &Fault<'_>,
        interval_us: Option<i64>,
    ) -> Self {
        let Ok(from) = fault.effective else {
            return Self::default();
        };
        let until = fault.removed.as_ref().ok().copied();
        let mut best = Self::default();
        for begun in [sampled(timeline, expect, interval_us), notified(timeline, expect)] {
            for times in begun.into_values() {
                best = best.max_of(Self::count(
                    &times,
                    |at| timeline.mark(clock_of(expect), at).at,
                    from,
                    until,
                ));
            }
        }
        best
    }

    fn count(
        times: &Times,
        began: impl Fn(Timestamp) -> Moment,
        from: Moment,
        until: Option<Moment>,
    ) -> Self {
        let fired: Vec<(Moment, bool)> = times
            .iter()
            .map(|(at, over)| (began(*at), *over))
            .filter(|(at, _)| *at >= from)
            .collect();
        Self {
            fired: fired.len(),
            // One that fired again was over in between.
            resolved: fired.iter().filter(|(_, over)| *over).count(),
            in_fault: fired
                .iter()
                .filter(|(at, _)| until.is_none_or(|until| *at < until))
                .count(),
        }
    }

    fn max_of(self, other: Self) -> Self {
        if other.fired > self.fired { other } else { self }
    }

    /// What is wrong with it, if it came and went while the fault was in place.
    pub(super) fn flaps(&self) -> Option<String> {
        (self.in_fault > 1).then(|| {
            format!(
                "it fired {} times while the fault was in place: whoever was told it was resolved was told wrong",
                self.in_fault
            )
        })
    }
}

/// When it began to fire, and whether that was seen to be over.
type Times = BTreeMap<Timestamp, bool>;
type ByLabels = BTreeMap<BTreeMap<String, String>, Times>;

fn sampled(timeline: &Timeline<'_>, expect: &ExpectRecord, interval_us: Option<i64>) -> ByLabels {
    let mut found = ByLabels::new();
    for episode in episode::read(timeline, expect, interval_us) {
        if episode.fired && carries(&episode.labels, &expect.labels) {
            let at = episode.first_firing.unwrap_or(episode.start);
            found.entry(episode.labels).or_default().insert(at, episode.over);
        }
    }
    followed_by_another(&mut found);
    found
}

fn notified(timeline: &Timeline<'_>, expect: &ExpectRecord) -> ByLabels {
    let mut found = ByLabels::new();
    for event in timeline.events {
        let EventKind::Notified(notice) = &event.kind else {
            continue;
        };
        for alert in notice.alerts.iter().filter(|alert| alert.alert == expect.alert) {
            let Some(at) = alert.starts_at.filter(|_| carries(&alert.labels, &expect.labels)) else {
                continue;
            };
            let times = found.entry(identity(&alert.labels)).or_default();
            *times.entry(at).or_default() |= alert.status == "resolved";
        }
    }
    followed_by_another(&mut found);
    found
}

fn followed_by_another(found: &mut ByLabels) {
    for times in found.values_mut() {
        let last = times.keys().next_back().copied();
        times
            .iter_mut()
            .filter(|(at, _)| Some(**at) != last)
            .for_each(|(_, over)| *over = true);
    }
}

/// How long it was pending and how long it would have had to be, of an alert that was and never fired.
pub(super) fn near_miss(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    fault: &Fault<'_>,
    evidence: &Evidence<'_>,
) -> Option<NearMiss> {
    evidence.episode.as_ref().filter(|episode| !episode.fired)?;
    let from = *fault.effective.as_ref().ok()?;
    let pending_ms = |episode: &Episode| Moment::new(episode.last).ms_since(Moment::new(episode.start));
    let longest = episode::read(timeline, expect, evidence.interval_us)
        .iter()
        .filter(|episode| carries(&episode.labels, &expect.labels))
        .filter(|episode| timeline.mark(clock_of(expect), episode.start).at >= from)
        .map(pending_ms)
        .max()?;
    let hold = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == expect.alert => Some(rule.for_ms),
        _ => None,
    });
    Some(NearMiss {
        pending_ms: longest,
        for_ms: hold,
    })
}

/// An alert that was pending and never fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// From its first evaluation that found it pending to the last one.
    pub pending_ms: i64,
    /// The rule's `for`; null when the rule was not seen.
    pub for_ms: Option<u64>,
}

impl NearMiss {
    /// In words.
    pub(super) fn text(&self) -> String {
        let pending = match self.pending_ms {
            0 => "at one evaluation".to_owned(),
            ms => format!("for {}", words::span(ms)),
        };
        match self.for_ms {
            Some(hold) => format!(
                "it was pending {pending} of the {} that `for` asks, and never fired",
                words::limit(hold)
            ),
            None => format!("it was pending {pending} and never fired"),
        }
    }
}
