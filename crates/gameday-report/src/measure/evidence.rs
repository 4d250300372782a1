//! What the journal holds about one expected alert, sorted by who said it.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, EventKind, ExpectRecord, NotifiedAlert, RecordedDeed, Timestamp};

use super::before;
use super::disturbance::is_alertmanager;
use super::episode::{self, Episode, identity};
use super::mark::{Mark, Moment};
use super::recorder::{self, Entry};
use super::timeline::{Timeline, clock_of};

/// No rule is evaluated less often than this; a longer interval is a broken payload.
const A_WEEK_MS: u64 = 7 * 86_400_000;

type Labels = BTreeMap<String, String>;

/// One alert in one notification.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notice<'a> {
    pub arrived: Timestamp,
    pub receiver: &'a str,
    pub alert: &'a NotifiedAlert,
    /// The event of a recorder that told it, when it did not reach our own receiver.
    pub recorded: Option<Entry<'a>>,
}

impl Notice<'_> {
    /// When it was delivered.
    pub(super) fn mark(&self, timeline: &Timeline<'_>) -> Mark {
        self.recorded
            .map_or_else(|| Mark::ours(self.arrived), |entry| entry.mark(timeline))
    }

    /// What reached our own receiver says more surely when than what somebody else wrote down.
    fn rank(&self) -> (bool, Timestamp) {
        (self.recorded.is_some(), self.arrived)
    }
}

/// Everything about one expected alert since its fault took effect.
pub(super) struct Evidence<'a> {
    /// Whose clock the times of its rule are of.
    pub clock: String,
    /// The rule's evaluation interval, when its rule was seen.
    pub interval_us: Option<i64>,
    /// The episode of the alert that was notified, or of the first that fired.
    pub episode: Option<Episode>,
    /// What Alertmanager listed, with the time it was seen.
    pub listed: Vec<(Timestamp, &'a AlertSeen)>,
    /// Notifications of the alert, to any receiver.
    pub notices: Vec<Notice<'a>>,
    /// What a recorder wrote of the alert.
    pub recorded: Vec<Entry<'a>>,
    /// Labels of alerts of the same name that are not the expected one.
    pub strangers: Vec<Labels>,
    /// Since when it was active, if it still was when the fault took effect.
    pub earlier: Option<Moment>,
}

impl<'a> Evidence<'a> {
    /// Collects it; `from` is when the fault took effect.
    pub(super) fn collect(timeline: &Timeline<'a>, expect: &'a ExpectRecord, from: Moment) -> Self {
        let interval_us = interval(timeline, &expect.alert);
        let mut all = Self {
            clock: clock_of(expect).to_owned(),
            interval_us,
            episode: None,
            listed: Vec::new(),
            notices: Vec::new(),
            recorded: Vec::new(),
            strangers: Vec::new(),
            earlier: before::active_since(timeline, expect, from, interval_us),
        };
        all.read_payloads(timeline, expect, from);
        all.read_recorded(timeline, expect, from);
        let episodes = all.read_episodes(timeline, expect, from);
        all.keep_one_alert(expect);
        let named = all
            .notices
            .first()
            .map(|notice| (&notice.alert.labels, notice.alert.starts_at));
        let named = named.or_else(|| all.listed.first().map(|(_, seen)| (&seen.labels, seen.starts_at)));
        all.episode = choose(episodes, named);
        all
    }

    /// Labels and annotations of the alert that arrived; of one that was only listed, what the listing says.
    pub(super) fn carried(&self, expect: &ExpectRecord) -> Option<(&'a Labels, &'a Labels)> {
        let told = self.firing(expect).or(self.notices.first().copied());
        let told = told.map(|notice| (&notice.alert.labels, &notice.alert.annotations));
        told.or_else(|| {
            self.listed
                .first()
                .map(|(_, seen)| (&seen.labels, &seen.annotations))
        })
    }

    /// The firing notices that reached the receiver that is asked for.
    pub(super) fn firing(&self, expect: &ExpectRecord) -> Option<Notice<'a>> {
        self.notices
            .iter()
            .copied()
            .filter(|notice| notice.alert.status == "firing" && reaches(notice.receiver, expect))
            .min_by_key(Notice::rank)
    }

    /// The first resolved notice after a moment.
    pub(super) fn resolved(&self, expect: &ExpectRecord, after: Timestamp) -> Option<Notice<'a>> {
        self.notices
            .iter()
            .copied()
            .filter(|notice| notice.alert.status == "resolved" && reaches(notice.receiver, expect))
            .filter(|notice| notice.arrived >= after)
            .min_by_key(Notice::rank)
    }

    /// A receiver that was notified although another was expected.
    pub(super) fn wrong_receiver(&self, expect: &ExpectRecord) -> Option<&'a str> {
        self.notices
            .iter()
            .map(|notice| notice.receiver)
            .find(|receiver| !reaches(receiver, expect))
    }

    fn read_payloads(&mut self, timeline: &Timeline<'a>, expect: &ExpectRecord, from: Moment) {
        let alertmanager = match clock_of(expect) {
            "grafana" => "grafana.alertmanager",
            _ => "alertmanager",
        };
        for event in timeline.events {
            match &event.kind {
                EventKind::AlertSeen(seen)
                    if seen.alert == expect.alert
                        && (seen.source.as_str() == alertmanager
                            || alertmanager == "alertmanager" && is_alertmanager(seen.source.as_str())) =>
                {
                    let shown = (seen.starts_at, event.time);
                    if self.is_ours(timeline, shown, &seen.labels, expect, from) {
                        self.listed.push((event.time, seen));
                    }
                }
                EventKind::Notified(notice) => {
                    for alert in notice.alerts.iter().filter(|alert| alert.alert == expect.alert) {
                        let shown = (alert.starts_at, notice.arrived);
                        if self.is_ours(timeline, shown, &alert.labels, expect, from) {
                            let receiver = notice.receiver.as_str();
                            self.notices.push(Notice {
                                arrived: notice.arrived,
                                receiver,
                                alert,
                                recorded: None,
                            });
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn read_recorded(&mut self, timeline: &Timeline<'a>, expect: &'a ExpectRecord, from: Moment) {
        for entry in recorder::of(timeline, &expect.alert) {
            let at = entry.mark(timeline).at;
            let shown = (entry.alert.starts_at, at.time());
            if !self.is_ours(timeline, shown, &entry.alert.labels, expect, from) {
                continue;
            }
            self.recorded.push(entry);
            if entry.event.deed == RecordedDeed::Notified {
                self.notices.push(Notice {
                    arrived: at.time(),
                    receiver: &entry.event.receiver,
                    alert: entry.alert,
                    recorded: Some(entry),
                });
            }
        }
    }

    /// Whether a payload tells of the expected alert, firing since the fault took effect.
    fn is_ours(
        &mut self,
        timeline: &Timeline<'_>,
        (starts_at, shown): (Option<Timestamp>, Timestamp),
        labels: &Labels,
        expect: &ExpectRecord,
        from: Moment,
    ) -> bool {
        let began = starts_at.map_or(Moment::new(shown), |raw| timeline.mark(clock_of(expect), raw).at);
        if !carries(labels, &expect.labels) {
            if began >= from {
                self.strangers.push(labels.clone());
            }
            return false;
        }
        began >= from
    }

    fn read_episodes(
        &mut self,
        timeline: &Timeline<'_>,
        expect: &ExpectRecord,
        from: Moment,
    ) -> Vec<Episode> {
        let mut ours = Vec::new();
        for episode in episode::read(timeline, expect, self.interval_us) {
            let began = timeline.mark(clock_of(expect), episode.start).at;
            match (carries(&episode.labels, &expect.labels), began >= from) {
                (true, true) => ours.push(episode),
                (false, true) if episode.fired => self.strangers.push(episode.labels),
                _ => {}
            }
        }
        ours
    }

    /// Of several alerts with one name, keeps the one that was notified first: marks of two
    /// alerts must never stand in one row.
    fn keep_one_alert(&mut self, expect: &ExpectRecord) {
        self.listed.sort_by_key(|(time, seen)| (seen.starts_at, *time));
        let key = self
            .firing(expect)
            .or(self.notices.iter().copied().min_by_key(Notice::rank))
            .map_or_else(
                || {
                    self.listed
                        .first()
                        .map(|(_, seen)| (seen.labels.clone(), seen.starts_at))
                },
                |notice| Some((notice.alert.labels.clone(), notice.alert.starts_at)),
            );
        if let Some((labels, starts_at)) = key {
            let labels = identity(&labels);
            let same = |theirs: &Labels, at: Option<Timestamp>| {
                identity(theirs) == labels && (at == starts_at || at.is_none() || starts_at.is_none())
            };
            self.listed.retain(|(_, seen)| same(&seen.labels, seen.starts_at));
            self.notices
                .retain(|notice| same(&notice.alert.labels, notice.alert.starts_at));
            self.recorded
                .retain(|entry| same(&entry.alert.labels, entry.alert.starts_at));
        }
    }
}

/// The episode of the alert that was named; else the first that fired; else the first.
///
/// Alertmanager's labels may be more than Prometheus' own: external labels are added on the way.
fn choose(episodes: Vec<Episode>, named: Option<(&Labels, Option<Timestamp>)>) -> Option<Episode> {
    let fits = |episode: &Episode| named.is_none_or(|(labels, _)| carries(labels, &episode.labels));
    let told = named.and_then(|(_, starts_at)| starts_at);
    let began = |episode: &Episode| {
        let apart = told
            .zip(episode.first_firing)
            .map(|(told, first)| told.micros_since(first).abs());
        apart.is_some_and(|us| us <= episode::AGREE_US)
    };
    let rank = |episode: &Episode| (!fits(episode), !began(episode), !episode.fired, episode.start);
    episodes.into_iter().min_by_key(rank)
}

pub(super) fn carries(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn reaches(receiver: &str, expect: &ExpectRecord) -> bool {
    expect.receiver.as_deref().is_none_or(|wanted| wanted == receiver)
}

fn interval(timeline: &Timeline<'_>, alert: &str) -> Option<i64> {
    timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::RuleSeen(rule) if rule.alert == alert && (1..=A_WEEK_MS).contains(&rule.interval_ms) => {
            i64::try_from(rule.interval_ms).ok()?.checked_mul(1000)
        }
        _ => None,
    })
}
