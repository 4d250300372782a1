//! A message for an incoming webhook of Slack, or of what takes Slack's (Mattermost, Rocket.Chat, Discord's `/slack`).

use gameday_alert::Severity;
use serde_json::{Value, json};

use super::notice::Notice;

pub(super) fn body(notice: &Notice) -> Value {
    let (word, colour) = match (notice.ends_at, notice.severity) {
        (Some(_), _) => ("resolved", "#2e7d32"),
        (None, Severity::Page) => ("PAGE", "#c62828"),
        (None, Severity::Ticket) => ("ticket", "#f9a825"),
    };
    let headline = format!("[{word}] {}", escaped(&notice.summary));
    let mut text = escaped(&notice.description);
    if let Some(runbook) = &notice.runbook {
        text.push_str(&format!("\n<{}|Runbook>", escaped(runbook).replace('|', "%7C")));
    }
    let fields: Vec<Value> = ["probe", "objective", "regions"]
        .iter()
        .map(|name| json!({ "title": name, "value": escaped(notice.label(name)), "short": true }))
        .collect();
    json!({
        "text": headline,
        "attachments": [{
            "color": colour, "fallback": headline, "text": text, "fields": fields, "mrkdwn_in": [],
            "ts": notice.ends_at.unwrap_or(notice.starts_at).as_micros() / 1_000_000,
        }],
    })
}

/// The three characters that control a message's text
/// (<https://docs.slack.dev/messaging/formatting-message-text/>, "Escaping text").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
