//! Marks of an alert that a disturbance may have touched: void, with its name, and never guessed over.

use gameday_core::{AlertState, EventKind, ExpectRecord, Timestamp};

use super::disturbance::{Disturbance, What};
use super::episode::{self, AGREE_US};
use super::evidence::Evidence;
use super::fault::Fault;
use super::mark::{Known, Mark, Moment};
use super::marks::{AlertMarks, moment};
use super::recorder;
use super::timeline::Timeline;

/// The stretches of a drill in which a disturbance does harm.
struct Span {
    effective: Moment,
    fired: Moment,
    told: Moment,
    removed: Moment,
    over: Moment,
}

/// Takes away what was disturbed, and says what made the group stage unclean.
pub(super) fn take_away(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    fault: &Fault<'_>,
    evidence: &Evidence<'_>,
    marks: &mut AlertMarks,
) {
    let Ok(effective) = fault.effective else { return };
    let end = Moment::new(timeline.last().time);
    let or_end = |mark: &Known<Mark>| moment(mark).unwrap_or(end);
    let span = Span {
        effective,
        fired: or_end(&marks.t3),
        told: marks
            .intervals
            .t5
            .as_ref()
            .map_or_else(|| or_end(&marks.t5), |told| told.by),
        removed: fault.removed.clone().unwrap_or(end),
        over: or_end(&marks.t9),
    };
    let group = rule_group(timeline, &expect.alert);
    let group = group.as_deref();
    for disturbance in &timeline.disturbances {
        if disturbance.source == "prometheus" {
            of_prometheus(timeline, disturbance, &span, group, evidence, marks);
        } else if disturbance.is_of_alertmanager() {
            of_alertmanager(disturbance, &span, marks);
        }
    }
    if let Some(muted) = muted(timeline, evidence, &span) {
        marks.remarks.unclean.push(muted);
    }
}

fn of_prometheus(
    timeline: &Timeline<'_>,
    disturbance: &Disturbance,
    span: &Span,
    group: Option<&str>,
    evidence: &Evidence<'_>,
    marks: &mut AlertMarks,
) {
    let text = &disturbance.text;
    let while_rising = disturbance.touches(span.effective, span.fired);
    let while_falling = disturbance.touches(span.removed.min(span.over), span.over);
    match &disturbance.what {
        What::Restarted => {
            if disturbance.touches(span.effective, span.over) {
                void(&mut marks.t1, text, "what it scraped before is not whole");
                void(&mut marks.t2, text, "`activeAt` began anew");
            }
            if disturbance.touches(span.fired, span.over) && !fell_by_itself(timeline, evidence, &marks.t9) {
                void(
                    &mut marks.t9,
                    text,
                    "nobody knows whether the rule was active in between",
                );
            }
        }
        What::Missed(missed) if group == Some(missed) => {
            if while_rising {
                void(
                    &mut marks.t2,
                    text,
                    "when the rule would have become active is not known",
                );
            }
            if while_falling {
                void(&mut marks.t9, text, "when the rule would have ended is not known");
            }
        }
        What::Reloaded => {
            let why = "its rules and targets may have begun anew";
            if while_rising {
                void(&mut marks.t2, text, why);
            }
            if while_falling {
                void(&mut marks.t9, text, why);
            }
        }
        // A loss makes the whole alert unknown, which its verdict says.
        What::Missed(_) | What::Lost | What::ClusterChanged => {}
    }
}

fn of_alertmanager(disturbance: &Disturbance, span: &Span, marks: &mut AlertMarks) {
    if !disturbance.touches(span.fired, span.told) {
        return;
    }
    let text = &disturbance.text;
    let effect = match disturbance.what {
        What::Restarted => {
            void(&mut marks.t4, text, "`updatedAt` began anew");
            "its groups were made anew"
        }
        What::Reloaded => "its groups were made anew",
        What::Lost => "its peers wait for it before they tell anybody",
        What::ClusterChanged => "each peer waits by its place",
        What::Missed(_) => return,
    };
    marks.remarks.unclean.push(format!("{text}: {effect}"));
}

fn void(mark: &mut Known<Mark>, text: &str, why: &str) {
    if mark.is_ok() {
        *mark = Err(format!("{text}: {why}"));
    }
}

/// Whether a rule of a Prometheus that was restarted was seen active right up to its end: then the end is its own,
/// and not that of Alertmanager's patience with an alert that nobody sends any more.
fn fell_by_itself(timeline: &Timeline<'_>, evidence: &Evidence<'_>, t9: &Known<Mark>) -> bool {
    let (Ok(t9), Some(interval), Some(episode)) = (t9, evidence.interval_us, &evidence.episode) else {
        return false;
    };
    let Some(raw) = t9.raw else { return false };
    let last = raw.plus_micros(-interval);
    let at_last = |time: &Timestamp| time.micros_since(last).abs() <= AGREE_US;
    timeline.events.iter().any(|event| match &event.kind {
        EventKind::RawSamples { series, .. } => series.iter().any(|one| {
            one.labels
                .get("alertstate")
                .is_some_and(|state| state == "firing")
                && episode::identity(&one.labels) == episode.labels
                && one
                    .samples
                    .iter()
                    .any(|(time, value)| *value > 0.0 && at_last(time))
        }),
        _ => false,
    })
}

/// When it was first seen silenced or inhibited, and by what, as Alertmanager names it.
pub(super) fn seen_suppressed(timeline: &Timeline<'_>, evidence: &Evidence<'_>) -> Option<(Moment, String)> {
    if let Some(recorded) = recorder::muted(timeline, evidence) {
        return Some(recorded);
    }
    let is_suppressed =
        |(_, listed): &&(Timestamp, &gameday_core::AlertSeen)| listed.state == AlertState::Suppressed;
    let (seen, listed) = evidence.listed.iter().find(is_suppressed)?;
    let by = match listed.suppressed_by.as_slice() {
        [] => "something that Alertmanager did not name".to_owned(),
        names => names.join(", "),
    };
    Some((Moment::new(*seen), by))
}

/// By what it was muted before it was told.
fn muted(timeline: &Timeline<'_>, evidence: &Evidence<'_>, span: &Span) -> Option<String> {
    let (seen, by) = seen_suppressed(timeline, evidence)?;
    (seen <= span.told).then(|| {
        format!(
            "it was suppressed by {by} at {}: it waited for that, not for its group",
            seen.clock()
        )
    })
}

/// The group of an alert's rule, as `file;group`.
fn rule_group(timeline: &Timeline<'_>, alert: &str) -> Option<String> {
    timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == alert => rule.group_key(),
        _ => None,
    })
}
