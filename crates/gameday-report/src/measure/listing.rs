//! Lists that stand in a report as they were recorded: notifications, clocks, checks, safety.

use std::collections::BTreeSet;

use gameday_core::{Event, EventKind, FaultEnd};
use serde::Serialize;

use super::clock::Reading;
use super::mark::Moment;
use super::record::Rollback;
use super::timeline::Timeline;
use crate::words;

/// One notification that reached our receiver.
#[derive(Debug, Clone, Serialize)]
pub struct NoticeReport {
    /// When it arrived.
    pub arrived: Moment,
    /// The receiver it was for.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The alerts in it, as `name (status)`.
    pub alerts: Vec<String>,
    /// Alerts that the sender left out.
    pub truncated_alerts: u64,
}

/// Another system's clock against ours.
#[derive(Debug, Clone, Serialize)]
pub struct ClockReport {
    /// Whose clock.
    pub source: String,
    /// Theirs less ours, in microseconds, as last measured.
    pub offset_us: i64,
    /// The bound of its error, in microseconds.
    pub error_us: i64,
    /// True when marks of this source are corrected: the offset is more than its error.
    pub corrected: bool,
    /// True when one of the clocks was stepped during the drill.
    pub stepped: bool,
    /// How often it was measured.
    pub readings: usize,
}

/// A pre-flight check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether the drill could go on.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// Something that was done to the system, or found about it.
#[derive(Debug, Clone, Serialize)]
pub struct SafetyLine {
    /// When.
    pub at: Moment,
    /// Milliseconds after T0; null without one.
    pub after_t0_ms: Option<i64>,
    /// One word for what it was, e.g. `ordered`.
    pub what: &'static str,
    /// The rest of it.
    pub text: String,
}

/// Every notification, in order of arrival.
pub(super) fn notices(timeline: &Timeline<'_>) -> Vec<NoticeReport> {
    let report = |event: &Event| match &event.kind {
        EventKind::Notified(notice) => Some(NoticeReport {
            arrived: Moment::new(notice.arrived),
            receiver: notice.receiver.clone(),
            status: notice.status.clone(),
            alerts: notice
                .alerts
                .iter()
                .map(|one| format!("{} ({})", one.alert, one.status))
                .collect(),
            truncated_alerts: notice.truncated_alerts,
        }),
        _ => None,
    };
    let mut notices: Vec<NoticeReport> = timeline.events.iter().filter_map(report).collect();
    notices.sort_by_key(|notice| notice.arrived);
    notices
}

/// Each source's clock.
pub(super) fn clocks(timeline: &Timeline<'_>) -> Vec<ClockReport> {
    let report = |(source, readings): (&String, &Vec<Reading>)| {
        let last = readings.last()?;
        Some(ClockReport {
            source: source.clone(),
            offset_us: last.offset_us,
            error_us: last.error_us,
            corrected: last.offset_us.saturating_abs() > last.error_us,
            stepped: readings.iter().any(|reading| reading.stepped),
            readings: readings.len(),
        })
    };
    timeline.clocks.by_source.iter().filter_map(report).collect()
}

/// Every pre-flight check, in order.
pub(super) fn checks(timeline: &Timeline<'_>) -> Vec<Check> {
    let check = |event: &Event| match &event.kind {
        EventKind::Checked { name, ok, detail } => Some(Check {
            name: name.clone(),
            ok: *ok,
            detail: detail.clone(),
        }),
        _ => None,
    };
    timeline.events.iter().filter_map(check).collect()
}

/// Everything that was done to the system, in order.
pub(super) fn safety(timeline: &Timeline<'_>) -> Vec<SafetyLine> {
    let t0 = timeline.first_ordered().map(|event| Moment::new(event.time));
    let mut touched: BTreeSet<String> = BTreeSet::new();
    let mut lines = Vec::new();
    for event in timeline.events {
        if let Some((what, text)) = safety_line(event, &mut touched) {
            let at = Moment::new(event.time);
            lines.push(SafetyLine {
                at,
                after_t0_ms: t0.map(|t0| at.ms_since(t0)),
                what,
                text,
            });
        }
    }
    lines
}

pub(super) fn safety_line(event: &Event, touched: &mut BTreeSet<String>) -> Option<(&'static str, String)> {
    Some(match &event.kind {
        EventKind::FaultOrdered { fault, .. } => (
            "ordered",
            format!("{fault}: to be injected now; how to undo it is on disk"),
        ),
        EventKind::ConditionLooked {
            fault,
            condition,
            holds,
            detail,
        } => {
            let word = if *holds { "holds" } else { "does not hold" };
            ("condition", format!("{fault}: `{condition}` {word}: {detail}"))
        }
        EventKind::FaultSkipped { fault, detail, .. } => ("left out", format!("{fault}: {detail}")),
        EventKind::FaultInjected { fault } => ("injected", format!("{fault}: confirmed in place")),
        EventKind::FaultFailed { fault, error } => ("failed", format!("{fault}: {error}")),
        EventKind::FaultTouched {
            fault,
            touched: count,
            ..
        } => {
            // Renewals tell it again and again; the first time it is more than nothing is news.
            if *count == 0 || !touched.insert(fault.to_string()) {
                return None;
            }
            ("touched", format!("{fault}: seen to have taken effect"))
        }
        EventKind::FaultOver { fault, how } => ("over", format!("{fault}: {how}")),
        EventKind::FaultRemoved {
            fault,
            how: FaultEnd::Removed | FaultEnd::Over,
        } => ("removed", format!("{fault}: confirmed gone")),
        EventKind::FaultRemoved {
            fault,
            how: FaultEnd::Lost,
        } => ("lost", format!("{fault}: gone, but not by the runner")),
        EventKind::Forbidden { forbid, alert, .. } => {
            ("forbidden", format!("{alert}: forbidden by `{forbid}`"))
        }
        EventKind::GuardBreached { guard, detail } => ("guard", format!("{guard}: {detail}")),
        EventKind::Noted { who, text } => ("note", format!("{who}: {text}")),
        EventKind::Acknowledged { who, alert } => ("ack", format!("{who} takes {alert}")),
        EventKind::Mitigated { who } => ("mitigated", format!("{who} says that the harm is over")),
        EventKind::Stopped(reason) => ("stopped", reason.to_string()),
        EventKind::SourceLost { source, error } => ("lost sight", format!("{source}: {error}")),
        EventKind::SourceBack { source } => ("sight back", source.to_string()),
        EventKind::RegionLost { error } => ("lost sight", format!("region {}: {error}", event.region)),
        EventKind::RegionBack { silent_ms } => {
            let silent = words::exact(i64::try_from(*silent_ms).unwrap_or(i64::MAX));
            ("sight back", format!("region {}, after {silent}", event.region))
        }
        EventKind::RollbackChecked { verified, details } => ("rollback", verified_text(*verified, details)),
        EventKind::Healed { verified, details } => ("healed", verified_text(*verified, details)),
        _ => return None,
    })
}

fn verified_text(verified: bool, details: &[String]) -> String {
    let word = if verified { "verified" } else { "NOT verified" };
    if details.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {}", details.join("; "))
    }
}

/// Whether everything was put back: the last word of the runner or of `heal`.
pub(super) fn rollback(timeline: &Timeline<'_>) -> Rollback {
    let last = timeline.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::RollbackChecked { verified, details } | EventKind::Healed { verified, details } => {
            Some((event, *verified, details.clone()))
        }
        _ => None,
    });
    let ordered_since = |seq: u64| {
        let mut rest = timeline.events.iter().filter(|event| event.seq > seq);
        rest.any(|event| matches!(event.kind, EventKind::FaultOrdered { .. }))
    };
    match last {
        Some((event, verified, details)) => {
            let at = Some(Moment::new(event.time));
            let why = match (verified, ordered_since(event.seq)) {
                (true, false) => None,
                (true, true) => Some("a fault was ordered after it was looked at".to_owned()),
                (false, _) if details.is_empty() => Some("what was looked at is not as it was".to_owned()),
                (false, _) => Some(details.join("; ")),
            };
            Rollback {
                verified: why.is_none(),
                at,
                why,
                details,
            }
        }
        None => {
            let touched = timeline.first_ordered().is_some();
            let why = if touched {
                "nobody looked whether the fault is gone"
            } else {
                "nothing was touched"
            };
            Rollback {
                verified: !touched,
                at: None,
                why: Some(why.into()),
                details: Vec::new(),
            }
        }
    }
}
