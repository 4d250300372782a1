//! Whether an alert was active already when its fault took effect: then what it says proves nothing.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, ExpectRecord, Timestamp};

use super::episode::{self, AGREE_US};
use super::evidence::carries;
use super::mark::Moment;
use super::timeline::{Timeline, clock_of};

/// Since when it was active, if it still was at `from`. One that was over by then is another story.
pub(super) fn active_since(
    timeline: &Timeline<'_>,
    expect: &ExpectRecord,
    from: Moment,
    interval_us: Option<i64>,
) -> Option<Moment> {
    let at = |raw: Timestamp| timeline.mark(clock_of(expect), raw).at;
    // Samples stand at evaluations: one that would have been next is part of it.
    let reach = interval_us.unwrap_or_default().saturating_add(AGREE_US);
    let sampled = episode::read(timeline, expect, interval_us)
        .into_iter()
        .filter(|episode| carries(&episode.labels, &expect.labels))
        .filter(|episode| at(episode.start) < from && at(episode.last.plus_micros(reach)) >= from)
        .map(|episode| at(episode.start))
        .min();
    let listed = listed_since(timeline, expect, from);
    sampled.into_iter().chain(listed).min()
}

/// Since when, as far as a source listed it then, or said later that it had begun before.
fn listed_since(timeline: &Timeline<'_>, expect: &ExpectRecord, from: Moment) -> Option<Moment> {
    let began = |raw: Option<Timestamp>| raw.map(|raw| timeline.mark(clock_of(expect), raw).at);
    let mut listed = BTreeMap::new();
    let mut told_later = Vec::new();
    for event in timeline.events {
        let before = Moment::new(event.time) < from;
        match &event.kind {
            EventKind::AlertSeen(seen)
                if seen.alert == expect.alert && carries(&seen.labels, &expect.labels) =>
            {
                let since = began(seen.active_at.or(seen.starts_at));
                let there = seen.state != AlertState::Gone;
                if before {
                    let since = since.unwrap_or(Moment::new(event.time));
                    listed.insert((&seen.source, &seen.labels), there.then_some(since));
                } else if there {
                    told_later.extend(since);
                }
            }
            EventKind::Notified(notice) if !before => {
                let firing = notice.alerts.iter().filter(|alert| {
                    alert.status == "firing"
                        && alert.alert == expect.alert
                        && carries(&alert.labels, &expect.labels)
                });
                told_later.extend(firing.filter_map(|alert| began(alert.starts_at)));
            }
            _ => {}
        }
    }
    told_later.retain(|since| *since < from);
    listed.into_values().flatten().chain(told_later).min()
}
