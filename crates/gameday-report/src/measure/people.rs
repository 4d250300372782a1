//! What people said and did: notes, acks, and when somebody said that the harm was over.

use gameday_core::{Event, EventKind, ExpectRecord};
use serde::Serialize;

use super::fault::Fault;
use super::mark::{Known, Mark, Moment};
use super::marks::moment;
use super::timeline::Timeline;

/// Something that a person said.
#[derive(Debug, Clone, Serialize)]
pub struct PersonLine {
    /// When.
    pub at: Moment,
    /// Milliseconds after T0; null without one.
    pub after_t0_ms: Option<i64>,
    /// Who, as they call themselves.
    pub who: String,
    /// `note`, `ack`, `mitigated` or `stop`.
    pub what: &'static str,
    /// The note, or the alert.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// When an expected alert was taken, and by whom.
#[derive(Debug, Clone, Serialize)]
pub struct AckReport {
    /// The first ack after the fault took effect.
    #[serde(rename = "T6")]
    pub t6: Moment,
    /// Who, as they call themselves.
    pub who: String,
    /// T6 − T5: from the notification to the ack; null when T5 is not known.
    pub tta_ms: Option<i64>,
}

/// When somebody said that the harm was over.
#[derive(Debug, Clone, Serialize)]
pub struct Mitigation {
    /// When.
    pub at: Moment,
    /// Who, as they call themselves.
    pub who: String,
    /// From the first fault's effect until then; null when that effect is not known.
    pub ttm_ms: Option<i64>,
}

/// Everything that was said, in order.
pub(super) fn lines(timeline: &Timeline<'_>) -> Vec<PersonLine> {
    let t0 = timeline.first_ordered().map(|event| Moment::new(event.time));
    let line = |event: &Event| {
        let (what, who, text) = match &event.kind {
            EventKind::Noted { who, text } => ("note", who, text.clone()),
            EventKind::Acknowledged { who, alert } => ("ack", who, alert.clone()),
            EventKind::Mitigated { who } => ("mitigated", who, String::new()),
            EventKind::Stopped(gameday_core::StopReason::Person(who)) => ("stop", who, String::new()),
            _ => return None,
        };
        let at = Moment::new(event.time);
        Some(PersonLine {
            at,
            after_t0_ms: t0.map(|t0| at.ms_since(t0)),
            who: who.clone(),
            what,
            text,
        })
    };
    timeline.events.iter().filter_map(line).collect()
}

/// The first ack of an expected alert after its fault took effect.
pub(super) fn ack(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    fault: &Fault<'_>,
    t5: &Known<Mark>,
) -> Option<AckReport> {
    let from = *fault.effective.as_ref().ok()?;
    let acks = timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::Acknowledged { who, alert } if *alert == expect.alert => {
            Some((Moment::new(event.time), who))
        }
        _ => None,
    });
    let (t6, who) = acks.into_iter().find(|(at, _)| *at >= from)?;
    Some(AckReport {
        t6,
        who: who.clone(),
        tta_ms: timeline.span(&moment(t5), &Ok(t6)).ok(),
    })
}

/// The first time that somebody said so.
pub(super) fn mitigation(timeline: &Timeline<'_>, faults: &[Fault<'_>]) -> Option<Mitigation> {
    let (at, who) = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::Mitigated { who } => Some((Moment::new(event.time), who)),
        _ => None,
    })?;
    let effects = faults.iter().filter_map(|fault| fault.effective.as_ref().ok());
    let first = effects
        .min()
        .copied()
        .ok_or_else(|| "no fault took effect".to_owned());
    Some(Mitigation {
        at,
        who: who.clone(),
        ttm_ms: timeline.span(&first, &Ok(at)).ok(),
    })
}
