//! An event as it is sent: what must be in it, and the alerts that it is of.

use std::collections::BTreeMap;

use gameday_core::{NotifiedAlert, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::listed::listed;
use crate::lenient::{moment, or_default};

/// More alerts in one event than these are left out.
const MOST_ALERTS: usize = 1000;
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

/// An event.
#[derive(Deserialize)]
pub(super) struct WireEvent {
    #[serde(default, deserialize_with = "or_default")]
    routing_key: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) event_action: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) dedup_key: String,
    #[serde(default)]
    pub(super) payload: Option<WirePayload>,
}

/// What a trigger is about.
#[derive(Deserialize)]
pub(super) struct WirePayload {
    #[serde(default, deserialize_with = "or_default")]
    summary: String,
    #[serde(default, deserialize_with = "or_default")]
    source: String,
    #[serde(default, deserialize_with = "or_default")]
    severity: String,
    #[serde(default, deserialize_with = "or_default")]
    component: String,
    #[serde(default, deserialize_with = "or_default")]
    group: String,
    #[serde(default, deserialize_with = "or_default")]
    class: String,
    #[serde(default, deserialize_with = "moment")]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    custom_details: Value,
}

impl WireEvent {
    /// What is wrong with it, in PagerDuty's words.
    pub(super) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut need = |there: bool, what: &str| {
            if !there {
                wrong.push(what.to_owned());
            }
        };
        need(!self.routing_key.is_empty(), "'routing_key' is missing or blank");
        let trigger = self.event_action == "trigger";
        need(
            trigger || matches!(self.event_action.as_str(), "acknowledge" | "resolve"),
            "'event_action' is none of trigger, acknowledge and resolve",
        );
        match &self.payload {
            Some(payload) if trigger => {
                need(
                    !payload.summary.is_empty(),
                    "'payload.summary' is missing or blank",
                );
                need(!payload.source.is_empty(), "'payload.source' is missing or blank");
                need(
                    SEVERITIES.contains(&payload.severity.as_str()),
                    "'payload.severity' is none of critical, error, warning and info",
                );
            }
            None if trigger => need(false, "'payload' is missing or blank"),
            _ => need(
                trigger || !self.dedup_key.is_empty(),
                "'dedup_key' is missing or blank",
            ),
        }
        wrong
    }
}

impl WirePayload {
    /// The alerts of an event: those that Alertmanager lists in its details, else the event itself as one.
    pub(super) fn alerts(&self, status: &str) -> Vec<NotifiedAlert> {
        let empty = Map::new();
        let details = self.custom_details.as_object().unwrap_or(&empty);
        let text = |key: &str| details.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut found = Vec::new();
        for status in ["firing", "resolved"] {
            found.extend(listed(text(status), status));
        }
        found.truncate(MOST_ALERTS);
        if found.is_empty() && !self.summary.is_empty() {
            found.push(one(self, details, status));
        }
        found
    }
}

/// An event of anybody else's: its details are its labels, its summary is its name unless they have one.
fn one(payload: &WirePayload, details: &Map<String, Value>, status: &str) -> NotifiedAlert {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let mut labels: BTreeMap<String, String> = details
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), scalar(value)?)))
        .collect();
    for (key, value) in [
        ("severity", &payload.severity),
        ("source", &payload.source),
        ("component", &payload.component),
        ("group", &payload.group),
        ("class", &payload.class),
    ] {
        if !value.is_empty() {
            labels.entry(key.to_owned()).or_insert_with(|| value.clone());
        }
    }
    let name = labels.get("alertname").unwrap_or(&payload.summary).clone();
    labels.insert("alertname".to_owned(), name.clone());
    NotifiedAlert {
        status: status.to_owned(),
        fingerprint: name.clone(),
        alert: name,
        labels,
        annotations: BTreeMap::from([("summary".to_owned(), payload.summary.clone())]),
        starts_at: payload.timestamp.filter(|_| status == "firing"),
        ends_at: None,
    }
}
