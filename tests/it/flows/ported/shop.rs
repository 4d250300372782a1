//! The shop that all of them look at.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::Arrival;

/// A ticket shop; a word says what is wrong with it.
pub(super) fn shop(arrival: &Arrival, wrong: &str) -> (u16, Value) {
    let path = arrival.path.split('?').next().unwrap_or_default();
    let is_known =
        arrival.head.contains("authorization: Bearer t0k3n") || arrival.head.contains("x-api-key: t0k3n");
    match path {
        "/health" => (
            if wrong == "maintenance" { 503 } else { 200 },
            json!({ "status": if wrong == "degraded" { "DEGRADED" } else { "UP" }, "version": "2.7.1",
                    "errors": if wrong == "errors" { json!(["disk"]) } else { Value::Null } }),
        ),
        "/login" if arrival.body.contains("\"password\":\"s3cret\"") && wrong != "login" => {
            (200, json!({ "token": "t0k3n", "user": { "id": 7 } }))
        }
        "/login" => (401, json!({ "message": "Invalid credentials" })),
        "/events" if wrong == "slow" => {
            std::thread::sleep(Duration::from_millis(1200));
            (200, json!({ "events": [] }))
        }
        "/events" => {
            let count = if wrong == "few" { 2 } else { 12 };
            let events: Vec<Value> = (1..=count)
                .map(|id| json!({ "id": id, "name": format!("Event {id}") }))
                .collect();
            (200, json!({ "events": events, "total": count }))
        }
        "/tickets" if !is_known => (403, json!({ "message": "Forbidden" })),
        "/tickets" if wrong == "tickets" => (500, json!({ "message": "oops" })),
        "/tickets" => (201, json!({ "id": "tck-42", "event": 1, "state": "RESERVED" })),
        "/tickets/tck-42" if wrong == "lost" => (404, json!({ "message": "Not found" })),
        "/tickets/tck-42" => (
            200,
            json!({ "id": "tck-42", "event": if wrong == "other" { 2 } else { 1 } }),
        ),
        _ => (404, json!({ "message": "Not found" })),
    }
}
