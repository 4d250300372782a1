//! Episodes of an alert that Grafana evaluates: it keeps no samples, so they are made of what polls saw.
//!
//! While an alert is pending, its `activeAt` is when it became so; when it fires, its `activeAt` is when it fired.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState, EventKind, Timestamp};

use super::{Episode, Timeline, identity};

/// Every episode of an alert, as Grafana told it.
pub(super) fn read(timeline: &Timeline<'_>, alert: &str) -> Vec<Episode> {
    let waits = timeline.events.iter().any(
        |event| matches!(&event.kind, EventKind::RuleSeen(rule) if rule.alert == alert && rule.for_ms > 0),
    );
    let mut open: BTreeMap<BTreeMap<String, String>, (Episode, Timestamp)> = BTreeMap::new();
    let mut done = Vec::new();
    for event in timeline.events {
        let EventKind::AlertSeen(seen) = &event.kind else {
            continue;
        };
        if seen.alert != alert || seen.source.as_str() != "grafana" {
            continue;
        }
        let labels = identity(&seen.labels);
        if seen.state == AlertState::Gone {
            if let Some((mut episode, first)) = open.remove(&labels) {
                episode.last = episode.start.plus_micros(event.time.micros_since(first));
                episode.over = true;
                done.push(episode);
            }
            continue;
        }
        let Some(at) = seen.active_at.or(seen.starts_at) else {
            continue;
        };
        let (episode, first) = open
            .entry(labels)
            .or_insert_with_key(|labels| (begun(labels, at, seen, waits), event.time));
        if seen.state == AlertState::Firing && !episode.fired {
            episode.fired = true;
            episode.first_firing = seen.starts_at;
        }
        episode.last = episode.start.plus_micros(event.time.micros_since(*first));
    }
    done.extend(open.into_values().map(|(episode, _)| episode));
    done.sort_by(|a, b| (a.start, &a.labels).cmp(&(b.start, &b.labels)));
    done
}

fn begun(labels: &BTreeMap<String, String>, at: Timestamp, seen: &AlertSeen, waits: bool) -> Episode {
    Episode {
        labels: labels.clone(),
        start: at,
        first_firing: None,
        last_firing: None,
        last: at,
        fired: false,
        over: false,
        active_at: seen.active_at,
        late: waits && seen.state != AlertState::Pending,
    }
}
