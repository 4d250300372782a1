//! What is sent to PagerDuty, and what we make of it.

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
