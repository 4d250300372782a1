//! What was told and cannot be true: it is kept for the reader, but no verdict rests on it.

use gameday_core::{Event, ExpectRecord, Timestamp};

use super::episode::{self, AGREE_US};
use super::evidence::Evidence;
use super::mark::{Known, Mark, Moment};
use super::timeline::Timeline;
use crate::words;

/// A mark of a source's clock, unless it lies after the moment at which it was already told.
pub(super) fn told(
    timeline: &Timeline<'_>,
    clock: &str,
    (field, raw): (&str, Timestamp),
    by: Telling,
) -> Known<Mark> {
    let mark = timeline.mark(clock, raw);
    let ahead = mark.at.ms_since(Moment::new(by.at));
    if ahead <= bound_ms(timeline, clock, raw, AGREE_US) {
        return Ok(mark);
    }
    Err(format!(
        "`{field}` lies {} after {}: clocks differ by more than is known",
        words::span(ahead),
        by.what
    ))
}

/// Who told a time, and when that was on our clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telling {
    pub at: Timestamp,
    pub what: &'static str,
}

/// T0e as `source` told it: not before the fault was ordered, nor after it was told.
pub(super) fn touched(
    timeline: &Timeline<'_>,
    (raw, source): (Timestamp, &str),
    ordered: &Event,
    told: &Event,
) -> Known<Moment> {
    /// What a fault's own clock may be off beyond what was measured of it.
    const SLACK_US: i64 = 50_000;
    let at = timeline.mark(source, raw).at;
    let bound = bound_ms(timeline, source, raw, SLACK_US);
    let early = Moment::new(ordered.time).ms_since(at);
    let late = at.ms_since(Moment::new(told.time));
    let (by, than) = match (early > bound, late > bound) {
        (true, _) => (early, "before it was ordered"),
        (_, true) => (late, "after that was told"),
        _ => return Ok(at),
    };
    Err(format!(
        "its first touch lies {} {than}: clocks differ by more than is known",
        words::span(by)
    ))
}

fn bound_ms(timeline: &Timeline<'_>, source: &str, raw: Timestamp, slack_us: i64) -> i64 {
    timeline.clocks.bound_us(source, raw).saturating_add(slack_us) / 1000
}

/// Why a firing notification is not believed: anybody can send one, but Prometheus, asked later for
/// its samples, had none that fired since the fault was ordered.
pub(super) fn unconfirmed(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    evidence: &Evidence<'_>,
    ordered: &Event,
) -> Option<String> {
    let notice = evidence.firing(expect)?;
    let asked = episode::asked(timeline.events, &expect.alert)?;
    let confirmed = episode::read(timeline, expect, evidence.interval_us)
        .iter()
        .filter(|episode| episode.fired)
        .any(|episode| {
            let raw = episode.first_firing.unwrap_or(episode.start);
            let early = Moment::new(ordered.time).ms_since(timeline.mark("prometheus", raw).at);
            early <= bound_ms(timeline, "prometheus", raw, AGREE_US)
        });
    (asked >= notice.arrived && !confirmed).then(|| {
        "our webhook was told, but Prometheus never showed it firing since the fault was ordered".into()
    })
}
