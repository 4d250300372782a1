//! What is said of an alert as it comes and goes.

use serde_json::{Value, json};

use super::*;

fn event(seq: u64, kind: &Value) -> Event {
    let line = json!({ "seq": seq, "at_us": seq * 1_000_000, "time": "2026-11-22T10:00:00Z", "region": "local", "kind": kind });
    serde_json::from_value(line).unwrap()
}

fn started() -> Value {
    json!({ "drill_started": { "schema": 1, "version": "0", "drill": "d", "scenario": "s", "lab": null, "plan": {
        "title": "t", "hypothesis": null, "runbook": null, "vars": {}, "targets": [], "probes": [],
        "observe": { "prometheus": null, "alertmanager": [], "webhook": null }, "steady": [], "timeline": [],
        "expect": [{ "label": "Slow", "alert": "Slow", "of": "slow", "job": null, "firing_ms": null, "notified_ms": null, "resolved_ms": null, "labels": { "severity": "page" }, "receiver": null }],
        "guard": { "abort_if": [], "max_duration_ms": 60000, "lease_ms": 5000 }, "recover_within_ms": null } } })
}

fn seen(source: &str, state: &str, severity: &str) -> Value {
    json!({ "alert_seen": { "source": source, "alert": "Slow", "labels": { "severity": severity }, "annotations": {}, "state": state,
        "fingerprint": null, "active_at": null, "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } })
}

#[test]
fn an_alert_that_is_over_before_anybody_is_told_is_said_to_be() {
    let mut progress = Progress::new();
    let mut said = Vec::new();
    let all = [
        started(),
        seen("prometheus", "pending", "page"),
        seen("prometheus", "gone", "info"),
        seen("prometheus", "gone", "page"),
        seen("prometheus", "pending", "page"),
        seen("prometheus", "firing", "page"),
        seen("alertmanager", "firing", "page"),
        seen("prometheus", "gone", "page"),
        seen("alertmanager", "gone", "page"),
    ];
    for (seq, kind) in (0..).zip(&all) {
        let line = progress.line(&event(seq, kind));
        said.extend(line.map(|line| line.to_string()));
    }
    let expected = [
        "00:00.000  d: t  [Slow: inactive]",
        "00:01.000  alert Slow is pending  [Slow: pending]",
        "00:03.000  alert Slow is not pending any more  [Slow: inactive]",
        "00:04.000  alert Slow is pending  [Slow: pending]",
        "00:05.000  alert Slow is firing  [Slow: firing]",
        "00:08.000  alert Slow is not firing any more  [Slow: inactive]",
    ];
    assert_eq!(said, expected);
}
