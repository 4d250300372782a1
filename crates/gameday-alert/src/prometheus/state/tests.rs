//! Strange answers of something that calls itself Prometheus.

use expect_test::{Expect, expect};

use super::*;

fn source() -> SourceName {
    SourceName::new("prometheus").unwrap()
}

/// One line an alert: name, state, when active, labels.
fn show(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| {
        let seen = alert.seen();
        let at = seen.active_at.map_or("never".to_owned(), Timestamp::to_ms_string);
        format!("{:?} {:?} {at} {:?}", seen.alert, seen.state, seen.labels)
    };
    alerts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(alerts_json: &str, expect: &Expect) {
    let body = format!(r#"{{"status":"success","data":{{"alerts":{alerts_json}}}}}"#);
    let got = match alerts(body.as_bytes(), &source()) {
        Ok(alerts) => show(&alerts),
        Err(error) => format!("error: {error}"),
    };
    expect.assert_eq(&got);
}

#[test]
fn what_is_missing_or_null_is_none_and_never_a_number() {
    check(r#"[{"state":"firing"}]"#, &expect![[r#""" Firing never {}"#]]);
    check(
        r#"[{"state":"pending","labels":null,"annotations":null,"activeAt":null,"value":null,"extra":[1]}]"#,
        &expect![[r#""" Pending never {}"#]],
    );
    check("null", &expect![""]);
}

#[test]
fn a_state_that_nobody_knows_is_an_error_and_not_a_guess() {
    check(
        r#"[{"state":"smouldering\u001b[31m"}]"#,
        &expect!["error: an alert is in the unknown state `smouldering [31m`"],
    );
    check(
        r#"[{"labels":{}}]"#,
        &expect!["error: missing field `state` at line 1 column 51"],
    );
    check(r#"[{"state":"inactive"}]"#, &expect![""]);
}

#[test]
fn hostile_labels_stay_data() {
    check(
        r#"[{"state":"firing","activeAt":"2026-11-22T13:14:56.780829249Z","labels":{"alertname":"</script>\n\"'","":"\u0000"}}]"#,
        &expect![[
            r#""</script>\n\"'" Firing 2026-11-22T13:14:56.780Z {"": "\0", "alertname": "</script>\n\"'"}"#
        ]],
    );
    check(
        r#"[{"state":"firing","labels":{"alertname":7}}]"#,
        &expect!["error: invalid type: integer `7`, expected a string at line 1 column 79"],
    );
}

#[test]
fn duplicates_and_two_instances_are_all_listed() {
    check(
        r#"[{"state":"firing","labels":{"alertname":"X","i":"a"}},
            {"state":"pending","labels":{"alertname":"X","i":"b"}},
            {"state":"firing","labels":{"alertname":"X","i":"a"}}]"#,
        &expect![[r#"
            "X" Firing never {"alertname": "X", "i": "a"}
            "X" Pending never {"alertname": "X", "i": "b"}
            "X" Firing never {"alertname": "X", "i": "a"}"#]],
    );
}

#[track_caller]
fn check_rule(rule_json: &str, expect: &Expect) {
    let body = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","interval":1.5,"rules":[{rule_json}]}}]}}}}"#
    );
    let read = page(body.as_bytes(), &source());
    let alerts = |(groups, _): (Vec<RuleGroup>, _)| {
        groups
            .into_iter()
            .flat_map(RuleGroup::into_alerts)
            .collect::<Vec<_>>()
    };
    let got = match read.map(alerts) {
        Ok(rules) => rules
            .iter()
            .map(|rule| {
                let seen = &rule.seen;
                let (alert, every, hold) = (&seen.alert, seen.interval_ms, seen.for_ms);
                format!(
                    "{alert} every {every} ms for {hold} ms, {:?}, {}",
                    rule.state,
                    rule.alerts.len()
                )
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => format!("error: {error}"),
    };
    expect.assert_eq(&got);
}

#[test]
fn a_rule_without_its_length_is_an_error_and_not_a_zero() {
    check_rule(
        r#"{"type":"alerting","name":"X","duration":0.5,"alerts":null,"state":"firing"}"#,
        &expect!["X every 1500 ms for 500 ms, Firing, 0"],
    );
    check_rule(
        r#"{"type":"alerting","name":"X"}"#,
        &expect!["error: the duration of the rule `X` is no length of time"],
    );
    check_rule(
        r#"{"type":"alerting","name":"X","duration":-1}"#,
        &expect!["error: the duration of the rule `X` is no length of time"],
    );
    check_rule(
        r#"{"type":"alerting","name":"X","duration":1e308}"#,
        &expect!["error: the duration of the rule `X` is no length of time"],
    );
}

#[test]
fn recording_rules_are_left_out_and_new_states_are_unknown() {
    check_rule(
        r#"{"type":"recording","name":"a:b","query":"1"},
           {"type":"alerting","name":"X","duration":0,"state":"unknown"}"#,
        &expect!["X every 1500 ms for 0 ms, Unknown, 0"],
    );
}

#[test]
fn an_answer_that_is_no_success_is_quoted() {
    let said = |body: &str| version(body.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        said(r#"{"status":"error","errorType":"x","error":"not ready"}"#),
        "status `error`: not ready"
    );
    assert_eq!(
        said(r#"{"status":"success","data":null}"#),
        "status `success`: no data"
    );
    assert!(said("<html>").contains("line 1 column 1"));
}

#[test]
fn a_page_of_rules_tells_what_the_next_is_asked_with() {
    let next = |json: &str| page(json.as_bytes(), &source()).unwrap().1;
    let whole = r#"{"status":"success","data":{"groups":[]}}"#;
    assert_eq!(next(whole), None);
    let token = r#"{"status":"success","data":{"groups":[],"groupNextToken":"5f3b"}}"#;
    assert_eq!(next(token).as_deref(), Some("5f3b"));
    assert_eq!(next(&token.replace("5f3b", "")), None);
}
