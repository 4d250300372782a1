//! Takes what is meant for PagerDuty: events of its API, version 2, answered as PagerDuty does.
//!
//! A routing key is a secret of the sender's: that there is one is looked at, and it goes no further.

use std::collections::{BTreeMap, VecDeque};

use gameday_core::{Notification, NotifiedAlert, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::one_line;
use crate::lenient::{moment, or_default};

/// Where PagerDuty takes events.
pub(super) const PATH: &str = "/v2/enqueue";
/// Whom a notification is for: PagerDuty's service has a key and no name.
pub(super) const RECEIVER: &str = "pagerduty";
/// Alerts that are remembered until they are resolved; the oldest is forgotten first.
const MOST_OPEN: usize = 1024;
/// More alerts in one event than these are left out.
const MOST_ALERTS: usize = 1000;
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

#[derive(Deserialize)]
struct WireEvent {
    #[serde(default, deserialize_with = "or_default")]
    routing_key: String,
    #[serde(default, deserialize_with = "or_default")]
    event_action: String,
    #[serde(default, deserialize_with = "or_default")]
    dedup_key: String,
    #[serde(default)]
    payload: Option<WirePayload>,
}

#[derive(Deserialize)]
struct WirePayload {
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

/// Which alerts each open event was of: a resolve need not say.
#[derive(Debug, Default)]
pub(super) struct Open(VecDeque<(String, Vec<NotifiedAlert>)>);

impl Open {
    /// Reads an event that arrived at `arrived`.
    ///
    /// The error is what is wrong with it, one line each.
    pub(super) fn take(&mut self, arrived: Timestamp, body: &[u8]) -> Result<Notification, Vec<String>> {
        let event: WireEvent =
            serde_json::from_slice(body).map_err(|error| vec![one_line(&error.to_string())])?;
        let wrong = wrong(&event);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let status = match event.event_action.as_str() {
            "trigger" => "firing",
            "acknowledge" => "acknowledged",
            _ => "resolved",
        };
        let key = match event.dedup_key.as_str() {
            "" => format!("gameday-{}", arrived.as_micros()),
            given => one_line(given),
        };
        let mut alerts = event
            .payload
            .as_ref()
            .map(|payload| alerts(payload, status))
            .unwrap_or_default();
        let known = self.0.iter().position(|(open, _)| *open == key);
        let before = known.and_then(|at| self.0.remove(at)).map(|(_, alerts)| alerts);
        if status != "firing" && alerts.is_empty() {
            alerts = before.clone().unwrap_or_default();
        }
        if status == "acknowledged" {
            alerts.retain(|alert| alert.status != "resolved");
        }
        if status != "firing" {
            alerts
                .iter_mut()
                .for_each(|alert| status.clone_into(&mut alert.status));
        }
        if status != "resolved" {
            let open = if status == "firing" {
                alerts.clone()
            } else {
                before.unwrap_or_default()
            };
            self.0.push_back((key.clone(), open));
        }
        if self.0.len() > MOST_OPEN {
            self.0.pop_front();
        }
        Ok(Notification {
            arrived,
            receiver: RECEIVER.to_owned(),
            status: status.to_owned(),
            group_key: key,
            truncated_alerts: 0,
            alerts,
        })
    }
}

/// PagerDuty's answer to an event that it takes.
pub(super) fn taken(notification: &Notification) -> String {
    json!({ "status": "success", "message": "Event processed", "dedup_key": notification.group_key })
        .to_string()
}

/// PagerDuty's answer to one that it does not.
pub(super) fn refused(errors: &[String]) -> String {
    json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors }).to_string()
}

/// What an answer of ours says, for people: its errors without the form that PagerDuty gives them.
pub(super) fn reason(answer: &str) -> String {
    let errors = serde_json::from_str::<Value>(answer).ok();
    let errors = errors.as_ref().and_then(|answer| answer["errors"].as_array());
    match errors {
        Some(errors) => errors
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        None => answer.to_owned(),
    }
}

fn wrong(event: &WireEvent) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut need = |there: bool, what: &str| {
        if !there {
            wrong.push(what.to_owned());
        }
    };
    need(!event.routing_key.is_empty(), "'routing_key' is missing or blank");
    let trigger = event.event_action == "trigger";
    need(
        trigger || matches!(event.event_action.as_str(), "acknowledge" | "resolve"),
        "'event_action' is none of trigger, acknowledge and resolve",
    );
    match &event.payload {
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
            trigger || !event.dedup_key.is_empty(),
            "'dedup_key' is missing or blank",
        ),
    }
    wrong
}

/// The alerts of an event: those that Alertmanager lists in its details, else the event itself as one.
fn alerts(payload: &WirePayload, status: &str) -> Vec<NotifiedAlert> {
    let empty = Map::new();
    let details = payload.custom_details.as_object().unwrap_or(&empty);
    let text = |key: &str| details.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for status in ["firing", "resolved"] {
        found.extend(listed(text(status), status));
    }
    found.truncate(MOST_ALERTS);
    if found.is_empty() && !payload.summary.is_empty() {
        found.push(one(payload, details, status));
    }
    found
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

/// Alerts as Alertmanager's default template lists them in an event's details.
///
/// ```text
/// Labels:
///  - alertname = DiskFull
/// Annotations:
///  - summary = 97 % used
/// Source: http://…
/// ```
fn listed(text: &str, status: &str) -> Vec<NotifiedAlert> {
    let mut alerts: Vec<NotifiedAlert> = Vec::new();
    let mut in_annotations = false;
    let mut last: Option<String> = None;
    for line in text.lines() {
        match line.trim_end() {
            "Labels:" => {
                in_annotations = false;
                last = None;
                alerts.push(NotifiedAlert {
                    status: status.to_owned(),
                    alert: String::new(),
                    labels: BTreeMap::new(),
                    annotations: BTreeMap::new(),
                    fingerprint: String::new(),
                    starts_at: None,
                    ends_at: None,
                });
            }
            "Annotations:" => {
                in_annotations = true;
                last = None;
            }
            line if line.starts_with("Source:") => last = None,
            line => {
                let Some(alert) = alerts.last_mut() else { continue };
                let texts = if in_annotations {
                    &mut alert.annotations
                } else {
                    &mut alert.labels
                };
                match line.strip_prefix(" - ").and_then(|pair| pair.split_once(" = ")) {
                    Some((key, value)) => {
                        texts.insert(key.to_owned(), value.to_owned());
                        last = Some(key.to_owned());
                    }
                    // A value may have several lines.
                    None => {
                        if let Some(value) = last.as_ref().and_then(|key| texts.get_mut(key)) {
                            value.push('\n');
                            value.push_str(line);
                        }
                    }
                }
            }
        }
    }
    for alert in &mut alerts {
        alert.alert = alert.labels.get("alertname").cloned().unwrap_or_default();
        let labels = alert.labels.iter().map(|(key, value)| format!("{key}={value}"));
        alert.fingerprint = labels.collect::<Vec<_>>().join(",");
    }
    alerts
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_micros(1_795_341_600_000_000)
    }

    #[track_caller]
    fn check(open: &mut Open, body: &str, expect: &Expect) {
        let said = match open.take(at(), body.as_bytes()) {
            Ok(told) => {
                let alerts: Vec<String> = told
                    .alerts
                    .iter()
                    .map(|alert| format!("{} {} {:?}", alert.alert, alert.status, alert.labels))
                    .collect();
                format!("{} {}: {}", told.status, told.group_key, alerts.join("; "))
            }
            Err(errors) => format!("errors: {}", errors.join("; ")),
        };
        assert!(!said.contains("0123456789"), "the routing key is nowhere: {said}");
        expect.assert_eq(&said);
    }

    const KEY: &str = r#""routing_key":"01234567890123456789012345678901""#;

    #[test]
    fn an_event_is_followed_from_its_trigger_to_its_end() {
        let mut open = Open::default();
        let event = |rest: &str| format!("{{{KEY},{rest}}}");
        let trigger = r#""event_action":"trigger","dedup_key":"d1","payload":{"summary":"disk of db1 is full","source":"db1",
            "severity":"critical","class":"disk","custom_details":{"alertname":"DiskFull","used":97,"nested":{}}}"#;
        check(
            &mut open,
            &event(trigger),
            &expect![[
                r#"firing d1: DiskFull firing {"alertname": "DiskFull", "class": "disk", "severity": "critical", "source": "db1", "used": "97"}"#
            ]],
        );
        check(
            &mut open,
            &event(r#""event_action":"acknowledge","dedup_key":"d1""#),
            &expect![[
                r#"acknowledged d1: DiskFull acknowledged {"alertname": "DiskFull", "class": "disk", "severity": "critical", "source": "db1", "used": "97"}"#
            ]],
        );
        check(
            &mut open,
            &event(r#""event_action":"resolve","dedup_key":"d1""#),
            &expect![[
                r#"resolved d1: DiskFull resolved {"alertname": "DiskFull", "class": "disk", "severity": "critical", "source": "db1", "used": "97"}"#
            ]],
        );
        check(
            &mut open,
            &event(r#""event_action":"resolve","dedup_key":"d1""#),
            &expect!["resolved d1: "],
        );
        check(
            &mut open,
            &event(
                r#""event_action":"trigger","payload":{"summary":"It is slow","source":"x","severity":"info"}"#,
            ),
            &expect![[
                r#"firing gameday-1795341600000000: It is slow firing {"alertname": "It is slow", "severity": "info", "source": "x"}"#
            ]],
        );
    }

    /// As Alertmanager 0.25 sends it with its own templates.
    #[test]
    fn alertmanagers_list_of_alerts_is_read() {
        let firing = r"Labels:\n - alertname = A\n - severity = page\nAnnotations:\n - summary = two\nlines\nSource: http://p/graph\nLabels:\n - alertname = B = C\nAnnotations:\nSource: \n";
        let resolved = r"Labels:\n - alertname = D\nAnnotations:\nSource: \n";
        let body = format!(
            r#"{{{KEY},"event_action":"trigger","dedup_key":"d","payload":{{"summary":"[FIRING:2]","source":"Alertmanager","severity":"error",
               "custom_details":{{"firing":"{firing}","num_firing":"2","num_resolved":"1","resolved":"{resolved}"}}}}}}"#
        );
        let mut open = Open::default();
        check(
            &mut open,
            &body,
            &expect![[
                r#"firing d: A firing {"alertname": "A", "severity": "page"}; B = C firing {"alertname": "B = C"}; D resolved {"alertname": "D"}"#
            ]],
        );
        let told = Open::default().take(at(), body.as_bytes()).unwrap();
        assert_eq!(told.alerts[0].annotations["summary"], "two\nlines");
        // Who acknowledges has not acknowledged what is over.
        check(
            &mut open,
            &format!(r#"{{{KEY},"event_action":"acknowledge","dedup_key":"d"}}"#),
            &expect![[
                r#"acknowledged d: A acknowledged {"alertname": "A", "severity": "page"}; B = C acknowledged {"alertname": "B = C"}"#
            ]],
        );
    }

    #[test]
    fn what_pagerduty_would_refuse_is_refused_with_every_reason() {
        let mut open = Open::default();
        check(
            &mut open,
            "{}",
            &expect![
                "errors: 'routing_key' is missing or blank; 'event_action' is none of trigger, acknowledge and resolve; 'dedup_key' is missing or blank"
            ],
        );
        check(
            &mut open,
            &format!(r#"{{{KEY},"event_action":"trigger","payload":{{"severity":"fatal"}}}}"#),
            &expect![
                "errors: 'payload.summary' is missing or blank; 'payload.source' is missing or blank; 'payload.severity' is none of critical, error, warning and info"
            ],
        );
        check(
            &mut open,
            &format!(r#"{{{KEY},"event_action":"trigger"}}"#),
            &expect!["errors: 'payload' is missing or blank"],
        );
        check(
            &mut open,
            "7",
            &expect!["errors: invalid type: integer `7`, expected struct WireEvent at line 1 column 1"],
        );
    }

    #[test]
    fn what_is_open_is_bounded() {
        let mut open = Open::default();
        for number in 0..MOST_OPEN + 10 {
            let body = format!(
                r#"{{{KEY},"event_action":"trigger","dedup_key":"d{number}","payload":{{"summary":"s","source":"x","severity":"info"}}}}"#
            );
            open.take(at(), body.as_bytes()).unwrap();
        }
        assert_eq!(open.0.len(), MOST_OPEN);
    }
}
