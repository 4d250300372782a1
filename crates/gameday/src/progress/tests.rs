//! What is said of an alert as it comes and goes.

use serde_json::{Value, json};

use super::*;

fn event(seq: u64, kind: &Value) -> Event {
    let line = json!({ "seq": seq, "at_us": seq * 1_000_000, "time": "2026-11-22T10:00:00Z", "region": "local", "kind": kind });
    serde_json::from_value(line).unwrap()
}

fn started(labels: &[&str]) -> Value {
    let expect = |label: &&str| {
        json!({ "label": label, "alert": "Slow", "of": "slow", "job": null, "firing_ms": null, "notified_ms": null,
            "resolved_ms": null, "labels": { "severity": if *label == "ticket" { "ticket" } else { "page" } }, "receiver": null })
    };
    let expect: Vec<Value> = labels.iter().map(expect).collect();
    json!({ "drill_started": { "schema": 1, "version": "0", "drill": "d", "scenario": "s", "lab": null, "plan": {
        "title": "t", "hypothesis": null, "runbook": null, "vars": {}, "targets": [], "probes": [],
        "observe": { "prometheus": null, "alertmanager": [], "webhook": null }, "steady": [], "timeline": [],
        "expect": expect,
        "guard": { "abort_if": [], "max_duration_ms": 60000, "lease_ms": 5000 }, "recover_within_ms": null } } })
}

fn seen(source: &str, state: &str, severity: &str) -> Value {
    json!({ "alert_seen": { "source": source, "alert": "Slow", "labels": { "severity": severity }, "annotations": {}, "state": state,
        "fingerprint": null, "active_at": null, "starts_at": null, "updated_at": null, "receivers": [], "suppressed_by": [] } })
}

fn check(all: &[Value], expected: &[&str]) {
    let mut progress = Progress::new();
    let mut said = Vec::new();
    for (seq, kind) in (0..).zip(all) {
        let line = progress.line(&event(seq, kind));
        said.extend(line.map(|line| line.to_string()));
    }
    assert_eq!(said, expected);
}

#[test]
fn the_stages_of_several_alerts_are_told_where_one_changes() {
    check(
        &[
            started(&["page", "ticket"]),
            json!({ "stage_entered": "inject" }),
            seen("prometheus", "pending", "page"),
            json!({ "noted": { "who": "me", "text": "hm" } }),
            seen("prometheus", "firing", "ticket"),
        ],
        &[
            "00:00.000  d: t",
            "00:01.000  the steady state holds; faults begin",
            "00:02.000  alert Slow is pending  [page: pending, ticket: inactive]",
            "00:03.000  me: hm",
            "00:04.000  alert Slow is firing  [page: pending, ticket: firing]",
        ],
    );
}

#[test]
fn an_alert_that_is_over_before_anybody_is_told_is_said_to_be() {
    let all = [
        started(&["Slow"]),
        seen("prometheus", "pending", "page"),
        seen("prometheus", "gone", "info"),
        seen("prometheus", "gone", "page"),
        seen("prometheus", "pending", "page"),
        seen("prometheus", "firing", "page"),
        seen("alertmanager", "firing", "page"),
        seen("prometheus", "gone", "page"),
        seen("alertmanager", "gone", "page"),
    ];
    let expected = [
        "00:00.000  d: t",
        "00:01.000  alert Slow is pending",
        "00:03.000  alert Slow is not pending any more",
        "00:04.000  alert Slow is pending",
        "00:05.000  alert Slow is firing",
        "00:08.000  alert Slow is not firing any more",
    ];
    check(&all, &expected);
}
