//! Noise: how many notifications a person would have got, how alerts were grouped, what was told twice.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{EventKind, Notification};
use serde::Serialize;

use super::timeline::Timeline;
use crate::words;

/// Everything that reached our receiver, and what a recorder says reached others, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Noise {
    /// Notifications that say that something fires: how often a person would have been called.
    pub pages: usize,
    /// Notifications that say that all of it is over.
    pub resolved: usize,
    /// The same of each receiver, by its name.
    pub receivers: BTreeMap<String, ReceiverNoise>,
    /// In how many pages each alert was firing.
    pub alerts: BTreeMap<String, usize>,
}

/// What one receiver was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReceiverNoise {
    /// Notifications that say that something fires.
    pub pages: usize,
    /// Notifications that say that all of it is over.
    pub resolved: usize,
    /// Groups that they were of.
    pub groups: usize,
    /// The most alerts that one of them held.
    pub most_alerts: usize,
    /// Alerts in all of them together.
    pub alerts: usize,
    /// Pages that say nothing new: the same alerts of the same group fire.
    pub repeats: usize,
}

impl Noise {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.pages + self.resolved == 0 {
            return "Nobody was notified.".to_owned();
        }
        let count = |number: usize, noun: &str| words::count(number as u64, noun);
        let one = |(name, noise): (&String, &ReceiverNoise)| {
            let mut text = format!(
                "`{name}`: {} and {} resolved, of {}",
                count(noise.pages, "page"),
                noise.resolved,
                count(noise.groups, "group")
            );
            if noise.most_alerts > 1 {
                text += &format!(", up to {} in one", count(noise.most_alerts, "alert"));
            }
            if noise.repeats > 0 {
                text += &format!(", {} with nothing new", noise.repeats);
            }
            text
        };
        let each: Vec<String> = self.receivers.iter().map(one).collect();
        format!("{} in all. {}.", count(self.pages, "page"), each.join("; "))
    }
}

/// Counts them.
pub(super) fn read(timeline: &Timeline<'_>) -> Noise {
    let mut noise = Noise::default();
    let ours: BTreeSet<&str> = timeline
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Notified(notice) => Some(notice.receiver.as_str()),
            _ => None,
        })
        .collect();
    // Whoever tells us as well is counted by what reached us.
    let recorded = timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::Recorded(recorded) => recorded.notification(),
        _ => None,
    });
    let theirs: Vec<Notification> = recorded
        .filter(|notice| !ours.contains(notice.receiver.as_str()))
        .collect();
    let mut groups: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for event in timeline.events {
        if let EventKind::Notified(notice) = &event.kind {
            add(&mut noise, &mut groups, notice);
        }
    }
    for notice in &theirs {
        add(&mut noise, &mut groups, notice);
    }
    for (receiver, groups) in groups {
        if let Some(noise) = noise.receivers.get_mut(receiver) {
            noise.groups = groups.len();
        }
    }
    noise
}

/// Which alerts fired in the last notification of each group of each receiver.
type Groups<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>>;

fn add<'a>(noise: &mut Noise, groups: &mut Groups<'a>, notice: &'a Notification) {
    // Somebody took it: that calls nobody.
    if notice.status == "acknowledged" {
        return;
    }
    let firing = || notice.alerts.iter().filter(|alert| alert.status == "firing");
    let now: BTreeSet<&str> = firing().map(|alert| alert.fingerprint.as_str()).collect();
    let last = groups
        .entry(&notice.receiver)
        .or_default()
        .insert(&notice.group_key, now.clone());
    let of = noise.receivers.entry(notice.receiver.clone()).or_default();
    of.most_alerts = of.most_alerts.max(notice.alerts.len());
    of.alerts += notice.alerts.len();
    if notice.status != "firing" {
        noise.resolved += 1;
        of.resolved += 1;
        return;
    }
    noise.pages += 1;
    of.pages += 1;
    let nothing_new = last.is_some_and(|last| last == now) && firing().count() == notice.alerts.len();
    of.repeats += usize::from(nothing_new);
    let names: BTreeSet<&str> = firing().map(|alert| alert.alert.as_str()).collect();
    for name in names {
        *noise.alerts.entry(name.to_owned()).or_default() += 1;
    }
}
