//! The JSON of the recorder's events: the first form, which 0.33 writes, and the second, whose labels are maps and
//! whose alerts stand by themselves.

use std::collections::BTreeMap;

use gameday_core::{NotifiedAlert, Timestamp};
use serde::{Deserialize, Deserializer};

use crate::error::Unreadable;
use crate::lenient::{moment, or_default};

/// One event, or those of a batch.
pub(super) fn read(json: &[u8]) -> Result<Vec<Event>, Unreadable> {
    let batch = json.trim_ascii_start().first() == Some(&b'[');
    let events: Vec<Event> = match batch {
        true => serde_json::from_slice(json)?,
        false => vec![serde_json::from_slice(json)?],
    };
    match events.iter().any(|event| event.timestamp.is_none()) {
        true => Err(Unreadable("an event has no `@timestamp`".to_owned())),
        false => Ok(events),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "@timestamp", default, deserialize_with = "moment")]
    pub(super) timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) instance: String,
    pub(super) data: Data,
}

/// One of these is there, or another that says nothing of an alert.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    pub(super) alert_created: Option<OfAlert>,
    pub(super) alert_grouped: Option<OfAlert>,
    pub(super) alert_resolved: Option<OfAlert>,
    pub(super) notification: Option<Notification>,
    pub(super) silence_muted_alert: Option<SilenceMuted>,
    pub(super) inhibition_muted_alert: Option<InhibitionMuted>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfAlert {
    pub(super) alert: Alert,
    #[serde(default)]
    pub(super) group_info: Option<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) alerts: Vec<Alert>,
    #[serde(default)]
    pub(super) group_info: Option<Group>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) flush_id: Option<Long>,
    #[serde(default)]
    pub(super) integration: Option<Integration>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Integration {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    /// Left out when it is the first.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) index: Long,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SilenceMuted {
    pub(super) silence: Silence,
    pub(super) muted_alert: Alert,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InhibitionMuted {
    pub(super) muted_alert: Alert,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) inhibiting_fingerprints: Vec<Fingerprint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Silence {
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) created_by: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) comment: String,
    #[serde(default, deserialize_with = "moment")]
    pub(super) ends_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) group_key: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) receiver_name: String,
}

/// An alert; in the first form one of a group stands in `details`, beside a hash of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    #[serde(default)]
    details: Option<Box<Alert>>,
    #[serde(default)]
    fingerprint: Option<Fingerprint>,
    #[serde(default, deserialize_with = "or_default")]
    labels: Labels,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Labels,
    #[serde(default, deserialize_with = "moment")]
    starts_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    ends_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    resolved: bool,
}

impl Alert {
    /// None when only its hash is told.
    pub(super) fn read(self) -> Option<NotifiedAlert> {
        if let Some(details) = self.details {
            return details.read();
        }
        let status = if self.resolved { "resolved" } else { "firing" };
        Some(NotifiedAlert {
            status: status.to_owned(),
            alert: self.labels.0.get("alertname").cloned()?,
            labels: self.labels.0,
            annotations: self.annotations.0,
            fingerprint: self.fingerprint?.0,
            starts_at: self.starts_at,
            // While it fires, any end is only when Alertmanager would give it up.
            ends_at: self.ends_at.filter(|_| self.resolved),
        })
    }
}

/// A map, or in the first form `{ "labels": [{ "key": …, "value": … }] }`.
#[derive(Debug, Default)]
struct Labels(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Pair {
            key: String,
            #[serde(default)]
            value: String,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Map(BTreeMap<String, String>),
            Pairs {
                #[serde(default)]
                labels: Vec<Pair>,
            },
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Map(map) => map,
            Either::Pairs { labels } => labels.into_iter().map(|pair| (pair.key, pair.value)).collect(),
        }))
    }
}

/// A number of 64 bits, which this JSON writes as a text.
#[derive(Debug, Default)]
pub(super) struct Long(pub(super) i128);

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = match &value {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64().map(i128::from).or(other.as_i64().map(i128::from)),
        };
        read.map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{value} is no whole number")))
    }
}

/// A fingerprint as the rest of Alertmanager writes it: 16 hexadecimal digits.
#[derive(Debug)]
pub(super) struct Fingerprint(pub(super) String);

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Long(number) = Long::deserialize(deserializer)?;
        u64::try_from(number)
            .map(|number| Self(format!("{number:016x}")))
            .map_err(|_| serde::de::Error::custom(format!("{number} is no fingerprint")))
    }
}
