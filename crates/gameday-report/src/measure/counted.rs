//! What Alertmanager's own counters say of notifications that we did not receive ourselves.
//!
//! They count what is delivered for all alerts together, and are read each second. So they tell an interval, and
//! only while nothing else is delivered; a number is never made of it.

use gameday_core::{EventKind, NotificationsCounted};
use serde::Serialize;

use super::disturbance::is_alertmanager;
use super::mark::{Known, Mark, Moment};
use super::marks::{AlertMarks, moment};
use super::timeline::Timeline;

/// A mark that is known to lie between two moments.
#[derive(Debug, Clone, Serialize)]
pub struct Between {
    /// It was after this.
    pub after: Moment,
    /// It was by this.
    pub by: Moment,
    /// How that is known.
    pub how: String,
}

/// Marks of notifications that are known as intervals, when there is no receiver of ours.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Intervals {
    /// T5: the notification was delivered.
    #[serde(rename = "T5", skip_serializing_if = "Option::is_none")]
    pub t5: Option<Between>,
    /// T10: the resolved notice was delivered.
    #[serde(rename = "T10", skip_serializing_if = "Option::is_none")]
    pub t10: Option<Between>,
}

impl Intervals {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.t5.is_none() && self.t10.is_none()
    }
}

/// Reads both intervals, and says in the marks why they are no moments.
pub(super) fn read(timeline: &Timeline<'_>, effective: &Known<Moment>, marks: &mut AlertMarks) {
    if timeline.started.plan.observe.hears_notices() || !was_counted(timeline) {
        return;
    }
    let Ok(effective) = effective else { return };
    let Ok(t3) = moment(&marks.t3) else { return };
    if let Some(other) = grown(timeline, *effective, t3).first() {
        let why = format!(
            "no webhook, and {} delivered something else at {} already: its counters do not say for which alert",
            other.source,
            Moment::new(other.by).clock()
        );
        (marks.t5, marks.t10) = (Err(why.clone()), Err(why));
        return;
    }
    let end = Moment::new(timeline.last().time);
    let t9 = moment(&marks.t9);
    let told_by = *t9.as_ref().unwrap_or(&end);
    let mut delivered = grown(timeline, t3, end);
    delivered.sort_by_key(|counted| counted.by);
    let mut delivered = delivered.into_iter();
    let told = delivered.next().filter(|counted| counted.after <= told_by.time());
    let t5 = told.map(|counted| between(t3, counted));
    marks.t5 = Err(why_none(timeline, t5.as_ref(), t3, "it fired"));
    if let Ok(t9) = t9 {
        let ended = delivered.find(|counted| told.is_some() && counted.by >= t9.time());
        let t10 = ended.map(|counted| between(t9, counted));
        marks.t10 = Err(why_none(timeline, t10.as_ref(), t9, "it was over"));
        marks.intervals.t10 = t10;
    }
    marks.intervals.t5 = t5;
}

fn why_none(timeline: &Timeline<'_>, known: Option<&Between>, from: Moment, since: &str) -> String {
    match known {
        Some(one) => format!(
            "no webhook: it lies between {} and {}, {}",
            one.after.clock(),
            one.by.clock(),
            one.how
        ),
        None => match failures(timeline, from) {
            0 => format!(
                "no webhook, and Alertmanager counted no notification that was delivered since {since}"
            ),
            failed => format!(
                "no webhook, and Alertmanager counted {failed} requests that failed and none that was delivered since {since}"
            ),
        },
    }
}

/// Whether an Alertmanager's counters were read at all.
pub(super) fn was_counted(timeline: &Timeline<'_>) -> bool {
    timeline.events.iter().any(
        |event| matches!(&event.kind, EventKind::SourceSeen(seen) if is_alertmanager(seen.source.as_str())),
    )
}

/// What was delivered between two moments, as far as it is known to lie between them.
pub(super) fn grown<'a>(timeline: &Timeline<'a>, from: Moment, to: Moment) -> Vec<&'a NotificationsCounted> {
    let counted = timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::NotificationsCounted(counted) if !counted.delivered.is_empty() => Some(counted),
        _ => None,
    });
    counted
        .filter(|counted| counted.by >= from.time() && counted.by <= to.time())
        .collect()
}

fn between(from: Moment, counted: &NotificationsCounted) -> Between {
    let names: Vec<&str> = counted.delivered.keys().map(String::as_str).collect();
    Between {
        after: Moment::new(counted.after).max(from),
        by: Moment::new(counted.by),
        how: format!(
            "as {} counted a notification by {} that was delivered; it counts those of all alerts",
            counted.source,
            names.join(", ")
        ),
    }
}

/// Requests that failed since a moment.
pub(super) fn failures(timeline: &Timeline<'_>, from: Moment) -> u64 {
    let failed = timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::NotificationsCounted(counted) if counted.by >= from.time() => {
            Some(counted.failed.values().sum::<u64>())
        }
        _ => None,
    });
    failed.sum()
}

/// Why no notification of an alert arrived that fired and was over, as far as the counters can tell.
pub(super) fn why_untold(timeline: &Timeline<'_>, t3: &Known<Mark>, t9: &Known<Mark>) -> Option<String> {
    let t3 = moment(t3).ok()?;
    if !was_counted(timeline) {
        return None;
    }
    let end = Moment::new(timeline.last().time);
    let failed = failures(timeline, t3);
    if let Some(one) = grown(timeline, t3, end).first() {
        return Some(format!(
            "none arrived here, but {} delivered one between {} and {}: is our receiver in its route?",
            one.source,
            Moment::new(one.after).clock(),
            Moment::new(one.by).clock()
        ));
    }
    if failed > 0 {
        return Some(format!(
            "none arrived: Alertmanager counted {} that failed",
            crate::words::count(failed, "request")
        ));
    }
    let t9 = moment(t9).ok()?;
    Some(format!(
        "none arrived: it was resolved {} after it fired, before its group was told for the first time",
        crate::words::span(t9.ms_since(t3))
    ))
}

/// The least and the most that lies between a moment and an interval.
pub(super) fn range_ms(from: Moment, between: &Between) -> [i64; 2] {
    [between.after.ms_since(from), between.by.ms_since(from)]
}

#[cfg(test)]
mod tests {
    use gameday_core::Timestamp;

    use super::*;

    #[test]
    fn a_range_is_from_the_least_to_the_most() {
        let at = |ms: i64| Moment::new(Timestamp::from_micros(ms * 1000));
        let between = Between {
            after: at(1500),
            by: at(2500),
            how: String::new(),
        };
        assert_eq!(range_ms(at(1000), &between), [500, 1500]);
    }
}
