//! Episodes of an alert rule: from the first evaluation at which it was active to the last.
//!
//! Prometheus' raw `ALERTS` samples are the truth: each stands at the tick of an evaluation. What
//! was seen while polling (`activeAt`) is preferred where both agree, as it survives rounding.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{AlertState, Event, EventKind, ExpectRecord, RawSeries, Timestamp};

use super::disturbance::What;
use super::timeline::{Timeline, clock_of};

mod grafana;

/// Two readings of the same tick may differ by this much.
pub(super) const AGREE_US: i64 = 5_000;

/// One stretch of activity of one alert, in Prometheus' own time.
#[derive(Debug, Clone)]
pub(super) struct Episode {
    /// The alert's labels, without Prometheus' own.
    pub labels: BTreeMap<String, String>,
    /// First tick at which it was pending or firing.
    pub start: Timestamp,
    /// First tick at which it fired; none when it never did, or when only a poll saw it.
    pub first_firing: Option<Timestamp>,
    /// Last tick at which it fired.
    pub last_firing: Option<Timestamp>,
    /// Last tick at which it was pending or firing, as far as that was seen.
    pub last: Timestamp,
    /// Whether it was seen firing, at a known tick or not.
    pub fired: bool,
    /// Whether Prometheus was asked late enough to know that it is over.
    pub over: bool,
    /// `activeAt` as seen while it was active.
    pub active_at: Option<Timestamp>,
    /// It was pending before, and nobody looked then: `start` is when it fired.
    pub late: bool,
}

/// Labels without those that Prometheus puts on `ALERTS` itself.
pub(super) fn identity(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(key, _)| !["__name__", "alertname", "alertstate"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Every episode of an alert, earliest first; `interval_us` is the rule's, when known.
pub(super) fn read(timeline: &Timeline<'_>, expect: &ExpectRecord, interval_us: Option<i64>) -> Vec<Episode> {
    let alert = expect.alert.as_str();
    if clock_of(expect) == "grafana" {
        return grafana::read(timeline, alert);
    }
    let mut episodes = from_samples(timeline, alert, interval_us);
    for seen in polled(timeline.events, alert) {
        // After a restart of Prometheus two may lie within the slack of one another.
        match episodes
            .iter_mut()
            .filter(|episode| episode.holds(&seen, interval_us))
            .min_by_key(|episode| episode.distance_us(seen.start))
        {
            Some(episode) => {
                episode.active_at = episode.active_at.or(Some(seen.start));
                episode.fired |= seen.fired;
            }
            None => episodes.push(seen),
        }
    }
    episodes.sort_by(|a, b| (a.start, &a.labels).cmp(&(b.start, &b.labels)));
    episodes
}

impl Episode {
    /// Whether what a poll saw is a part of this episode.
    fn holds(&self, seen: &Self, interval_us: Option<i64>) -> bool {
        let slack = interval_us.unwrap_or(AGREE_US).max(AGREE_US);
        let end = self.last_firing.unwrap_or(self.start);
        self.labels == seen.labels
            && seen.start.micros_since(self.start) >= -slack
            && seen.start.micros_since(end.max(self.start)) <= slack
    }

    /// How far a moment is from it, in microseconds; 0 within.
    fn distance_us(&self, at: Timestamp) -> i64 {
        let end = self.last_firing.unwrap_or(self.start).max(self.start);
        let (before, after) = (self.start.micros_since(at), at.micros_since(end));
        before.max(after).max(0)
    }
}

type Ticks = BTreeMap<Timestamp, bool>;

/// When Prometheus was last asked for the raw samples of an alert; none when it never was.
pub(super) fn asked(events: &[Event], alert: &str) -> Option<Timestamp> {
    let quoted = format!("\"{alert}\"");
    events
        .iter()
        .filter(|event| asks_for(event, &quoted))
        .map(|event| event.time)
        .max()
}

fn asks_for(event: &Event, quoted: &str) -> bool {
    matches!(&event.kind, EventKind::RawSamples { selector, .. }
        if selector.starts_with("ALERTS{") && selector.contains(quoted))
}

fn from_samples(timeline: &Timeline<'_>, alert: &str, interval_us: Option<i64>) -> Vec<Episode> {
    let mut ticks: BTreeMap<BTreeMap<String, String>, Ticks> = BTreeMap::new();
    for event in timeline.events {
        let EventKind::RawSamples { series, .. } = &event.kind else {
            continue;
        };
        for one in series.iter().filter(|one| is_alert(one, alert)) {
            add(ticks.entry(identity(&one.labels)).or_default(), one);
        }
    }
    let asked = asked(timeline.events, alert);
    let mut episodes = Vec::new();
    for (labels, ticks) in ticks {
        let interval = interval_us.or_else(|| smallest_gap(&ticks));
        let unseen = |from: Timestamp, to: Timestamp| restarted_within(timeline, from, to);
        cut(&labels, &ticks, interval, unseen, &mut episodes);
        let last = ticks
            .keys()
            .next_back()
            .map(|last| timeline.clocks.ours("prometheus", *last));
        if let (Some(last), Some(asked), Some(episode)) = (last, asked, episodes.last_mut()) {
            // Asked more than a tick after the last sample, Prometheus would have had another.
            let late = interval.is_some_and(|us| asked.micros_since(last) > us.saturating_mul(3) / 2);
            episode.over = late || seen_gone(timeline.events, alert, &labels, last);
        }
    }
    episodes
}

fn is_alert(series: &RawSeries, alert: &str) -> bool {
    let label = |key: &str| series.labels.get(key).map(String::as_str);
    label("alertname") == Some(alert) && matches!(label("alertstate"), Some("pending" | "firing"))
}

fn add(ticks: &mut Ticks, series: &RawSeries) {
    let firing = series
        .labels
        .get("alertstate")
        .is_some_and(|state| state == "firing");
    for (time, value) in &series.samples {
        // A stale marker is NaN: the alert was not active then.
        if *value > 0.0 {
            *ticks.entry(*time).or_default() |= firing;
        }
    }
}

/// Whether Prometheus did not list an alert any more after its last sample.
fn seen_gone(events: &[Event], alert: &str, labels: &BTreeMap<String, String>, last: Timestamp) -> bool {
    events.iter().any(|event| {
        matches!(&event.kind, EventKind::AlertSeen(seen)
            if seen.alert == alert
                && seen.source.as_str() == "prometheus"
                && seen.state == AlertState::Gone
                && event.time > last
                && identity(&seen.labels) == *labels)
    })
}

fn smallest_gap(ticks: &Ticks) -> Option<i64> {
    let times: Vec<Timestamp> = ticks.keys().copied().collect();
    times
        .windows(2)
        .map(|pair| pair[1].micros_since(pair[0]))
        .filter(|gap| *gap > AGREE_US)
        .min()
}

/// Whether Prometheus was started again between two of its times: what is missing there was found by nobody.
fn restarted_within(timeline: &Timeline<'_>, from: Timestamp, to: Timestamp) -> bool {
    let [from, to] = [from, to].map(|at| timeline.clocks.ours("prometheus", at));
    timeline.disturbances.iter().any(|one| {
        one.source == "prometheus" && one.what == What::Restarted && one.low <= to && from <= one.high
    })
}

/// Cuts the ticks of one label set where an evaluation found the alert inactive.
fn cut(
    labels: &BTreeMap<String, String>,
    ticks: &Ticks,
    interval: Option<i64>,
    unseen: impl Fn(Timestamp, Timestamp) -> bool,
    episodes: &mut Vec<Episode>,
) {
    let mut last: Option<Timestamp> = None;
    for (&time, &firing) in ticks {
        let gap = last.zip(interval).is_some_and(|(last, interval)| {
            // One tick late is jitter; a tick left out means that it was inactive there.
            time.micros_since(last) > interval.saturating_mul(3) / 2 && !unseen(last, time)
        });
        if last.is_none() || gap {
            episodes.push(Episode {
                labels: labels.clone(),
                start: time,
                first_firing: None,
                last_firing: None,
                last: time,
                fired: false,
                over: true,
                active_at: None,
                late: false,
            });
        }
        let episode = episodes.last_mut().expect("one was pushed");
        episode.last = time;
        if firing {
            episode.fired = true;
            episode.first_firing = episode.first_firing.or(Some(time));
            episode.last_firing = Some(time);
        }
        last = Some(time);
    }
}

/// What polls of Prometheus saw, one for each (labels, `activeAt`).
fn polled(events: &[Event], alert: &str) -> Vec<Episode> {
    let mut found: BTreeMap<(BTreeMap<String, String>, Timestamp), bool> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for event in events {
        let EventKind::AlertSeen(seen) = &event.kind else {
            continue;
        };
        if seen.alert != alert || seen.source.as_str() != "prometheus" {
            continue;
        }
        let Some(active_at) = seen.active_at else { continue };
        let key = (identity(&seen.labels), active_at);
        match seen.state {
            AlertState::Pending => _ = found.entry(key).or_default(),
            AlertState::Firing => *found.entry(key).or_default() = true,
            AlertState::Gone => _ = gone.insert(key),
            AlertState::Suppressed => {}
        }
    }
    found
        .into_iter()
        .map(|(key, fired)| Episode {
            over: gone.contains(&key),
            labels: key.0,
            start: key.1,
            first_firing: None,
            last_firing: None,
            last: key.1,
            fired,
            active_at: Some(key.1),
            late: false,
        })
        .collect()
}
