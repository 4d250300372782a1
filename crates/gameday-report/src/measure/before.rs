//! Whether an alert was active already when its fault took effect: then what it says proves nothing.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, ExpectRecord, Timestamp};

use super::episode::{self, AGREE_US};
use super::evidence::carries;
use super::mark::Moment;
use super::timeline::{Timeline, clock_of};

/// Whether it was active at `from`. One that was over by then is another story.
pub(super) fn was_active(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    from: Moment,
    interval_us: Option<i64>,
) -> bool {
    let at = |raw: Timestamp| timeline.mark(clock_of(expect), raw).at;
    // Samples stand at evaluations: one that would have been next is part of it.
    let reach = interval_us.unwrap_or_default().saturating_add(AGREE_US);
    let sampled = episode::read(timeline, expect, interval_us)
        .iter()
        .filter(|episode| carries(&episode.labels, &expect.labels))
        .any(|episode| at(episode.start) < from && at(episode.last.plus_micros(reach)) >= from);
    sampled || was_listed(timeline, expect, from)
}

/// Whether a source listed it then, or said later that it had begun before.
fn was_listed(timeline: &Timeline<'_>, expect: &ExpectRecord, from: Moment) -> bool {
    let mut listed = BTreeMap::new();
    for event in timeline.events {
        let before = Moment::new(event.time) < from;
        match &event.kind {
            EventKind::AlertSeen(seen)
                if seen.alert == expect.alert && carries(&seen.labels, &expect.labels) =>
            {
                let began = seen.active_at.or(seen.starts_at);
                let began = began.map(|raw| timeline.mark(clock_of(expect), raw).at);
                let there = seen.state != AlertState::Gone;
                if before {
                    listed.insert((&seen.source, &seen.labels), there);
                } else if there && began.is_some_and(|began| began < from) {
                    return true;
                }
            }
            EventKind::Notified(notice) if !before => {
                let mut alerts = notice.alerts.iter();
                let old = alerts.any(|alert| {
                    let began = alert.starts_at.map(|raw| timeline.mark(clock_of(expect), raw).at);
                    alert.status == "firing"
                        && alert.alert == expect.alert
                        && carries(&alert.labels, &expect.labels)
                        && began.is_some_and(|began| began < from)
                });
                if old {
                    return true;
                }
            }
            _ => {}
        }
    }
    listed.into_values().any(|there| there)
}
