//! The verdict on an alert that must never come: silence is the pass, and a page is the failure.

use gameday_core::ExpectRecord;

use super::alert_verdict::AlertVerdict;
use super::expectation::{Case, Ruling};
use super::suppression;
use crate::words;

/// Judges it; that its fault took effect, and that the alert was not there before, is known.
pub(super) fn judge(case: &Case<'_>) -> Ruling {
    if let Some(broken) = page(case).or_else(|| fired(case)) {
        return (AlertVerdict::Forbidden, broken);
    }
    if let Some(why) = too_short(case) {
        return (AlertVerdict::Unknown, why);
    }
    (AlertVerdict::Passed, format!("nobody was told{}", but(case)))
}

/// Whom it was told to, though nobody must be.
fn page(case: &Case<'_>) -> Option<String> {
    let notice = case.evidence.firing(case.expect)?;
    let after = case
        .spans
        .ttn
        .as_ref()
        .map(|ms| format!(" {} after the fault took effect", words::span(*ms)));
    Some(format!(
        "it must never come, and it reached `{}`{}",
        notice.receiver,
        after.unwrap_or_default()
    ))
}

/// That it fired, where firing is what must not be: with a limit for firing, or when no receiver of ours listens.
fn fired(case: &Case<'_>) -> Option<String> {
    let matters = case.expect.firing_ms.is_some() || !case.timeline.started.plan.observe.hears_notices();
    let fired = case
        .evidence
        .episode
        .as_ref()
        .is_some_and(|episode| episode.fired);
    (matters && fired).then(|| match &case.spans.ttd {
        Ok(ms) => format!(
            "it must never fire, and it did {} after the fault took effect",
            words::span(*ms)
        ),
        Err(_) => "it must never fire, and it did".to_owned(),
    })
}

/// Why it cannot be said yet: it was to stay away for longer than it was looked at.
fn too_short(case: &Case<'_>) -> Option<String> {
    let ExpectRecord {
        firing_ms,
        notified_ms,
        ..
    } = case.expect;
    let limit = (*firing_ms).max(*notified_ms)?;
    let from = *case.fault.effective.as_ref().ok()?;
    let looked = case.timeline.watched_until().ms_since(from);
    (looked < i64::try_from(limit).unwrap_or(i64::MAX)).then(|| {
        format!(
            "nobody was told in {}, but the drill ended before the {} for which that must be so",
            words::span(looked),
            words::limit(limit)
        )
    })
}

/// How near it came all the same.
fn but(case: &Case<'_>) -> String {
    if let Some((_, why)) = suppression::verdict(case.evidence, case.suppressed) {
        return format!(", but {why}");
    }
    let fired = case
        .evidence
        .episode
        .as_ref()
        .is_some_and(|episode| episode.fired);
    match (&case.near_miss, fired) {
        (Some(near_miss), _) => format!(", but {}", near_miss.text()),
        (None, true) => ", though it fired".to_owned(),
        (None, false) => String::new(),
    }
}
