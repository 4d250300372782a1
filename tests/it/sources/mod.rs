//! Where alerts come from besides Prometheus and Alertmanager's webhook: each through the real binary.

mod grafana;
mod paging;
mod prober;

use std::time::Duration;

use gameday_core::EventKind;
use serde_json::Value;

use crate::support::http::{Answer, ask};
use crate::support::rig::drill::Drill;

/// Sends JSON to gameday's receiver while a drill runs.
#[track_caller]
fn post(url: &str, body: &Value) -> Answer {
    let json = [("Content-Type", "application/json")];
    ask("POST", url, &json, &body.to_string()).unwrap_or_else(|error| panic!("POST {url}: {error}"))
}

/// The group key of the first notification that says that something fires.
#[track_caller]
fn paged(drill: &Drill, receiver: &str) -> String {
    let is_it = |kind: &EventKind| match kind {
        EventKind::Notified(told) if told.receiver == receiver && told.status == "firing" => {
            Some(told.group_key.clone())
        }
        _ => None,
    };
    drill.wait_for(&format!("a page to {receiver}"), |kind| is_it(kind).is_some());
    drill
        .events()
        .iter()
        .find_map(|event| is_it(&event.kind))
        .unwrap()
}

/// An alert of a report, by its key in the scenario.
#[track_caller]
fn alert<'r>(report: &'r Value, label: &str) -> &'r Value {
    let alerts = report["trials"][0]["alerts"].as_array().unwrap();
    alerts.iter().find(|alert| alert["label"] == label).unwrap()
}

/// A whole drill has this long on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
