//! Stages: where the time from the fault to the notification went.

use std::collections::BTreeMap;

use super::mark::{Known, Moment};
use super::record::StagesMs;
use super::timeline::Timeline;
use crate::words;

const NAMES: [&str; 5] = ["scrape", "rule", "hold", "hand_off", "group"];

/// Splits the time from `from` through T1…T5; says in `why` why a stage is null.
///
/// An unknown mark nulls its stage and the next stage starts at the last known mark. So does a mark
/// that stands before the one before it or after the last one: then the stages that are there
/// still add up exactly to the time from `from` to the last known mark.
pub(super) fn split(
    timeline: &Timeline<'_>,
    from: &Known<Moment>,
    marks: [&Known<Moment>; 5],
    why: &mut BTreeMap<String, String>,
) -> StagesMs {
    let last_known = marks.iter().rev().find_map(|mark| mark.as_ref().ok()).copied();
    let mut start = from.clone();
    let mut found = [None; 5];
    for (index, mark) in marks.into_iter().enumerate() {
        match stage(timeline, &start, mark, last_known) {
            Ok(ms) => found[index] = Some(ms),
            Err(reason) => _ = why.insert(NAMES[index].into(), reason),
        }
        start = next_start(timeline, start, mark, last_known);
    }
    let [scrape, rule, hold, hand_off, group] = found;
    StagesMs {
        scrape,
        rule,
        hold,
        hand_off,
        group,
    }
}

fn stage(
    timeline: &Timeline<'_>,
    start: &Known<Moment>,
    mark: &Known<Moment>,
    last_known: Option<Moment>,
) -> Known<i64> {
    let ms = timeline.span(start, mark)?;
    match (mark, last_known) {
        (Ok(mark), Some(last)) if *mark > last => Err(format!(
            "it would end {} after the last mark: {}",
            words::exact(mark.ms_since(last)),
            timeline.clocks.error_text()
        )),
        _ => Ok(ms),
    }
}

fn next_start(
    timeline: &Timeline<'_>,
    start: Known<Moment>,
    mark: &Known<Moment>,
    last_known: Option<Moment>,
) -> Known<Moment> {
    let (Ok(before), Ok(at)) = (&start, mark) else {
        return start;
    };
    let in_order = at >= before && last_known.is_none_or(|last| *at <= last);
    // Over a step of the clock nothing adds up any more; after it, spans are true again.
    if in_order || timeline.jump_between(*before, *at).is_some() {
        Ok(*at)
    } else {
        start
    }
}
