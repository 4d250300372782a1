//! Alertmanager's event recorder: what it writes down of alerts, with the time at which it did.
//!
//! ```text
//!   file_outputs ─────► Follow ──┐
//!                                ├─► Recorder::read ─► Recorded
//!   webhook_outputs ──► Webhook ─┘
//! ```
//!
//! It records what was delivered, and nothing of what failed; that, only the counters tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use gameday_core::{
    NotifiedAlert, Recorded, RecordedDeed, SourceName, Suppressor, SuppressorKind, Timestamp,
};
use reqwest::Url;

use crate::error::Unreadable;
use event::{Alert, Event, Group};
pub use follow::Follow;

mod event;
mod follow;

/// What the recorder's events are read with.
#[derive(Debug)]
pub struct Recorder {
    /// Alerts that matter; all when there are none.
    names: BTreeSet<String>,
    /// The host of each Alertmanager that is observed, and what its clock is called.
    hosts: Vec<(String, SourceName)>,
    /// What keeps which alert quiet, as far as it was told: it is recorded again with each flush of a group.
    muted: Mutex<BTreeSet<(RecordedDeed, String, Vec<String>)>>,
}

/// What one event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The event.
    pub recorded: Recorded,
    /// What is to be known of the silence that it names.
    pub suppressor: Option<Suppressor>,
}

impl Recorder {
    /// Reads events of these alerts (of all when there are none), of the Alertmanagers at these URLs.
    #[must_use]
    pub fn new(names: Vec<String>, alertmanagers: &[String]) -> Self {
        let host = |(index, url): (usize, &String)| {
            let name = match index {
                0 => "alertmanager".to_owned(),
                _ => format!("alertmanager.{}", index + 1),
            };
            let host = Url::parse(url).ok()?.host_str()?.to_owned();
            Some((host, SourceName::new(&name).ok()?))
        };
        Self {
            names: names.into_iter().collect(),
            hosts: alertmanagers.iter().enumerate().filter_map(host).collect(),
            muted: Mutex::default(),
        }
    }

    /// The events of a line or a request, one or an array of them, as far as they matter.
    ///
    /// # Errors
    /// Why it is none, for people.
    pub fn read(&self, json: &[u8]) -> Result<Vec<Told>, String> {
        let events = event::read(json).map_err(|Unreadable(why)| why)?;
        Ok(events.into_iter().filter_map(|event| self.told(event)).collect())
    }

    fn told(&self, event: Event) -> Option<Told> {
        let (at, instance) = (event.timestamp?, event.instance);
        let data = event.data;
        let source = self.source(&instance);
        let (deed, group, alerts) = if let Some(one) = data.alert_created {
            (RecordedDeed::Created, None, vec![one.alert])
        } else if let Some(one) = data.alert_grouped {
            (RecordedDeed::Grouped, one.group_info, vec![one.alert])
        } else if let Some(one) = data.alert_resolved {
            (RecordedDeed::Resolved, one.group_info, vec![one.alert])
        } else if let Some(one) = data.silence_muted_alert {
            let by = vec![one.silence.id.clone()];
            let suppressor = one.silence.suppressor(source.clone());
            return self.muted(
                at,
                source,
                RecordedDeed::Silenced,
                by,
                one.muted_alert,
                Some(suppressor),
            );
        } else if let Some(one) = data.inhibition_muted_alert {
            let by = one.inhibiting_fingerprints.into_iter().map(|one| one.0);
            let by = by.collect();
            return self.muted(at, source, RecordedDeed::Inhibited, by, one.muted_alert, None);
        } else {
            return self.notified(at, source, data.notification?);
        };
        let alerts = self.that_matter(alerts);
        if deed == RecordedDeed::Grouped {
            self.forget(&alerts);
        }
        let recorded = recorded(at, source, deed, group.unwrap_or_default(), alerts)?;
        Some(Told {
            recorded,
            suppressor: None,
        })
    }

    fn notified(&self, at: Timestamp, source: SourceName, one: event::Notification) -> Option<Told> {
        let group = one.group_info.unwrap_or_default();
        let alerts = self.that_matter(one.alerts);
        let recorded = recorded(at, source, RecordedDeed::Notified, group, alerts)?;
        let told = |used: event::Integration| format!("{}[{}]", used.name, used.index.0);
        let reason = one.reason.strip_prefix("NOTIFY_REASON_").unwrap_or(&one.reason);
        Some(Told {
            recorded: Recorded {
                integration: one.integration.map(told).unwrap_or_default(),
                flush: one.flush_id.and_then(|flush| u64::try_from(flush.0).ok()),
                reason: reason.to_ascii_lowercase().replace('_', " "),
                ..recorded
            },
            suppressor: None,
        })
    }

    fn muted(
        &self,
        at: Timestamp,
        source: SourceName,
        deed: RecordedDeed,
        by: Vec<String>,
        alert: Alert,
        suppressor: Option<Suppressor>,
    ) -> Option<Told> {
        let alerts = self.that_matter(vec![alert]);
        let key = (deed, alerts.first()?.fingerprint.clone(), by.clone());
        let new = self.muted.lock().is_ok_and(|mut muted| muted.insert(key));
        let recorded = recorded(at, source, deed, Group::default(), alerts).filter(|_| new)?;
        Some(Told {
            recorded: Recorded {
                muted_by: by,
                ..recorded
            },
            suppressor,
        })
    }

    /// An alert that comes into a group is muted anew if it is muted after that. Its end says nothing: what is POSTed
    /// at once may come in any order.
    fn forget(&self, alerts: &[NotifiedAlert]) {
        if let Ok(mut muted) = self.muted.lock() {
            muted.retain(|(_, fingerprint, _)| !alerts.iter().any(|alert| alert.fingerprint == *fingerprint));
        }
    }

    fn that_matter(&self, alerts: Vec<Alert>) -> Vec<NotifiedAlert> {
        let mut read: Vec<NotifiedAlert> = alerts.into_iter().filter_map(Alert::read).collect();
        read.retain(|alert| self.names.is_empty() || self.names.contains(&alert.alert));
        read
    }

    /// Whose clock it is: that of the only Alertmanager, or of the one that calls itself as its URL does. One that is
    /// neither has a clock that nobody compares with ours.
    fn source(&self, instance: &str) -> SourceName {
        let named = match self.hosts.as_slice() {
            [(_, only)] => Some(only),
            several => several
                .iter()
                .find(|(host, _)| host == instance)
                .map(|(_, name)| name),
        };
        named
            .cloned()
            .unwrap_or_else(|| SourceName::new("event_recorder").expect("a name"))
    }
}

fn recorded(
    at: Timestamp,
    source: SourceName,
    deed: RecordedDeed,
    group: Group,
    alerts: Vec<NotifiedAlert>,
) -> Option<Recorded> {
    (!alerts.is_empty()).then(|| Recorded {
        source,
        at,
        deed,
        receiver: group.receiver_name,
        integration: String::new(),
        group_key: group.group_key,
        flush: None,
        reason: String::new(),
        muted_by: Vec::new(),
        alerts,
    })
}

impl event::Silence {
    fn suppressor(&self, source: SourceName) -> Suppressor {
        let said = |text: &str| Some(crate::error::one_line(text)).filter(|text| !text.is_empty());
        Suppressor {
            source,
            kind: SuppressorKind::Silence,
            id: self.id.clone(),
            author: said(&self.created_by),
            comment: said(&self.comment),
            until: self.ends_at,
            labels: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
