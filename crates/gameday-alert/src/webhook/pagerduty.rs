//! Takes what is meant for PagerDuty: events of its API, version 2, answered as PagerDuty does.
//!
//! A routing key is a secret of the sender's: that there is one is looked at, and it goes no further.

mod event;
mod listed;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use gameday_core::{Notification, NotifiedAlert, Timestamp};
use serde_json::{Value, json};

use crate::error::one_line;
use event::WireEvent;

/// Where PagerDuty takes events.
pub(super) const PATH: &str = "/v2/enqueue";
/// Whom a notification is for: PagerDuty's service has a key and no name.
pub(super) const RECEIVER: &str = "pagerduty";
/// Alerts that are remembered until they are resolved; the oldest is forgotten first.
const MOST_OPEN: usize = 1024;

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
        let wrong = event.wrong();
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
            .map(|payload| payload.alerts(status))
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
