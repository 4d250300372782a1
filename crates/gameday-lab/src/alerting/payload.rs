//! Alertmanager's webhook payload, version 4.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::AlertingSettings;
use super::dispatcher::{Held, Notification};
use super::rule_state::alert_labels;
use crate::rules::{AlertRule, RECEIVER};

/// What Alertmanager writes where a time is not known.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The body that is posted.
pub(super) fn payload(notification: &Notification, settings: &AlertingSettings) -> Value {
    let resolved = |held: &Held| held.is_resolved(notification.at);
    let alerts: Vec<Value> = notification
        .alerts
        .iter()
        .map(|held| {
            let ended = format!("{:.3}", held.sent.ends_at);
            json!({
                "status": if resolved(held) { "resolved" } else { "firing" },
                "labels": alert_labels(held.sent.rule),
                "annotations": annotations(held.sent.rule),
                "startsAt": format!("{:.3}", held.sent.starts_at),
                "endsAt": if resolved(held) { ended.as_str() } else { ZERO_TIME },
                "generatorURL": generator_url(held.sent.rule, settings),
                "fingerprint": held.fingerprint,
            })
        })
        .collect();
    json!({
        "receiver": RECEIVER,
        "status": if notification.alerts.iter().all(resolved) { "resolved" } else { "firing" },
        "alerts": alerts,
        "groupLabels": { "alertname": notification.group },
        "commonLabels": common(&notification.alerts, alert_labels),
        "commonAnnotations": common(&notification.alerts, annotations),
        "externalURL": format!("http://{}", settings.alertmanager),
        "version": "4",
        "groupKey": format!("{{}}:{{alertname=\"{}\"}}", notification.group),
        "truncatedAlerts": 0,
    })
}

/// A rule's annotations.
pub(super) fn annotations(rule: &AlertRule) -> BTreeMap<&'static str, &'static str> {
    rule.annotations.into_iter().collect()
}

/// Where Prometheus would show the rule's expression.
pub(super) fn generator_url(rule: &AlertRule, settings: &AlertingSettings) -> String {
    format!(
        "http://{}/graph?g0.expr={}&g0.tab=1",
        settings.prometheus,
        escaped(&rule.promql())
    )
}

type Pairs = BTreeMap<&'static str, &'static str>;

fn common(alerts: &[Held], pairs: fn(&AlertRule) -> Pairs) -> Pairs {
    let mut all = alerts.iter().map(|held| pairs(held.sent.rule));
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut common, pairs| {
        common.retain(|name, value| pairs.get(name) == Some(value));
        common
    })
}

/// As Go escapes a query: a space becomes a plus.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
