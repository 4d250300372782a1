//! PagerDuty's Events API v2: `trigger` and `resolve` under one `dedup_key`.
//!
//! <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>

use gameday_alert::Severity;
use gameday_core::Secret;
use serde_json::{Value, json};

use super::notice::Notice;

/// Where events go; accounts of the EU have `https://events.eu.pagerduty.com/v2/enqueue`.
pub(super) const USUAL_URL: &str = "https://events.pagerduty.com/v2/enqueue";
/// The longest summary that is taken, in characters.
const MOST_SUMMARY: usize = 1024;

pub(super) fn body(notice: &Notice, routing_key: &Secret, prober: &str) -> Value {
    if notice.ends_at.is_some() {
        return json!({
            "routing_key": routing_key.expose(), "event_action": "resolve", "dedup_key": notice.key,
        });
    }
    let severity = match notice.severity {
        Severity::Page => "critical",
        Severity::Ticket => "warning",
    };
    let summary: String = notice.summary.chars().take(MOST_SUMMARY).collect();
    let runbook = notice.runbook.as_ref();
    let links: Vec<Value> = runbook
        .map(|href| json!({ "href": href, "text": "Runbook" }))
        .into_iter()
        .collect();
    let mut event = json!({
        "routing_key": routing_key.expose(), "event_action": "trigger", "dedup_key": notice.key, "links": links,
        "client": "gameday",
        "payload": {
            "summary": summary, "source": notice.label("probe"), "severity": severity,
            "timestamp": notice.starts_at.to_ms_string(), "component": notice.label("probe"),
            "group": notice.label("pool"), "class": notice.label("alertname"),
            "custom_details": { "description": notice.description, "labels": notice.labels },
        },
    });
    if !prober.is_empty() {
        event["client_url"] = json!(prober);
    }
    event
}
