//! One journal of several trials, taken apart: each part reads as a journal of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gameday_core::{Event, EventKind, SourceName};

use super::trial::GROUP_STAGE_CHECK;

/// The events of each trial; all of them when the drill has but one.
///
/// The first trial has what was before it. Each later one begins with what of that still holds: the plan, the checks,
/// the rules, and which sources were lost.
pub(super) fn trials(events: &[Event]) -> Vec<Cow<'_, [Event]>> {
    let begins = |event: &Event| matches!(event.kind, EventKind::TrialStarted { .. });
    let mut starts = (0..events.len()).filter(|index| begins(&events[*index]));
    let Some(first) = starts.next() else {
        return vec![Cow::Borrowed(events)];
    };
    let mut parts: Vec<Cow<'_, [Event]>> = Vec::new();
    let mut from = 0;
    for start in starts.chain([events.len()]) {
        let own = &events[from..start];
        parts.push(if from == 0 {
            Cow::Borrowed(own)
        } else {
            let kept = events[..first].iter().filter(|event| holds_on(&event.kind));
            let lost = still_lost(&events[..from]);
            Cow::Owned(kept.chain(lost).chain(own).cloned().collect())
        });
        from = start;
    }
    parts
}

/// Whether what was found before the first trial is true of later ones.
fn holds_on(kind: &EventKind) -> bool {
    match kind {
        EventKind::DrillStarted(_) | EventKind::RuleSeen(_) => true,
        EventKind::Checked { name, .. } => name != GROUP_STAGE_CHECK,
        _ => false,
    }
}

/// The last word of each source that was lost and is not back.
fn still_lost(events: &[Event]) -> impl Iterator<Item = &Event> {
    let mut lost: BTreeMap<&SourceName, &Event> = BTreeMap::new();
    for event in events {
        match &event.kind {
            EventKind::SourceLost { source, .. } => _ = lost.insert(source, event),
            EventKind::SourceBack { source } => _ = lost.remove(source),
            _ => {}
        }
    }
    lost.into_values()
}
