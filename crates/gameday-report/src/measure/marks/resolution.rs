//! T9 and T10: from the end of the alert to the resolved notice.

use gameday_core::Timestamp;

use super::super::doubt::{self, Telling};
use super::super::episode::AGREE_US;
use super::super::evidence::{Evidence, Notice};
use super::super::mark::{Known, Mark};
use super::super::origin::Origin;
use super::super::timeline::Timeline;
use super::{Remarks, believed, unseen};

/// T9: the rule was inactive again.
pub(super) fn inactive(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    resolved: Option<&Notice<'_>>,
    remarks: &mut Remarks,
) -> Known<Mark> {
    let episode = evidence.episode.as_ref();
    let sampled = episode
        .filter(|episode| episode.over)
        .and_then(|episode| Some(episode.last_firing?.plus_micros(evidence.interval_us?)));
    let telling = resolved.and_then(|notice| {
        let (at, what) = (notice.arrived, "the notification that told it");
        Some((notice.alert.ends_at?, Telling { at, what }))
    });
    let told = telling.map(|(told, _)| told);
    if let (Some(told), Some(sampled)) = (told, sampled)
        && told.micros_since(sampled).abs() > AGREE_US
    {
        remarks.notes.push(format!(
            "endsAt is {told}; the raw samples say that it was inactive at {sampled}"
        ));
    }
    if let Some((raw, by)) = telling {
        let told = doubt::told(timeline, &evidence.clock, ("endsAt", raw), by);
        return believed(told, remarks).map(|mark| mark.by(Origin::EndsAt));
    }
    match (sampled, episode) {
        (Some(raw), _) => Ok(timeline.mark(&evidence.clock, raw).by(Origin::Samples)),
        (None, Some(episode)) if episode.fired && !episode.over => {
            Err("it was not seen to end before the drill did".into())
        }
        (None, Some(episode)) if episode.last_firing.is_some() => {
            Err("the rule's interval is not known, so the tick after the last sample is not".into())
        }
        (None, Some(_)) => Err("no payload says when it ended".into()),
        (None, None) => Err(unseen(evidence)),
    }
}

/// T10: the resolved notice arrived.
pub(super) fn resolved_notice(
    timeline: &Timeline<'_>,
    t3: &Known<Mark>,
    t5: &Known<Mark>,
    resolved: Option<&Notice<'_>>,
    suppressed_by: Option<&str>,
) -> Known<Mark> {
    match resolved {
        Some(notice) => Ok(notice.mark(timeline)),
        None if !timeline.started.plan.observe.hears_notices() => Err(super::NOT_OBSERVED.into()),
        None if t5.is_ok() && suppressed_by.is_some() => Err(format!(
            "no resolved notice arrived before the drill ended: the alert was suppressed by {}",
            suppressed_by.unwrap_or_default()
        )),
        None if t5.is_ok() || t3.is_ok() => Err("no resolved notice arrived before the drill ended".into()),
        None => Err("it was never notified".into()),
    }
}

/// A resolved notice counts only after the notification, or after it fired when there was none.
pub(super) fn after(t5: &Known<Mark>, t3: &Known<Mark>) -> Timestamp {
    let mark = t5.as_ref().or(t3.as_ref());
    mark.map_or(Timestamp::from_micros(i64::MIN / 4), |mark| mark.at.time())
}
