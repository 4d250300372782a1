//! How near the rule of an alert came that did not fire: in every rendering, beside what was taken for granted.

use gameday_core::{Approach, EventKind, Nearest, RequestsSeen};
use gameday_report::{AlertVerdict, render_html, render_junit, render_markdown};

use crate::fixture::{ALERT, golden};
use crate::script::{Script, wall};

/// The golden drill without its alert.
fn missed() -> Script {
    golden().without(|kind| {
        matches!(
            kind,
            EventKind::Notified(_) | EventKind::AlertSeen(_) | EventKind::RawSamples { .. }
        )
    })
}

fn nearest(expr: &str, op: &str, limit: f64, value: Option<f64>, held: u64) -> Nearest {
    Nearest {
        expr: expr.into(),
        op: op.into(),
        limit,
        value,
        // Prometheus' clock is 0.3 ms ahead, which is within its error.
        at: value.map(|_| wall(61_000.0)),
        held,
    }
}

fn approach(ways: Vec<Vec<Nearest>>) -> Approach {
    Approach {
        label: ALERT.into(),
        alert: ALERT.into(),
        ways,
        requests: None,
        why: None,
    }
}

fn with(script: &Script, approach: Approach) -> Script {
    script.and(97_000, EventKind::Approached(Box::new(approach)))
}

#[track_caller]
fn check(approach: Approach, told: &str) {
    let alert = with(&missed(), approach).measured().trials[0].alerts[0].clone();
    assert_eq!(alert.verdict, AlertVerdict::Missed);
    assert!(alert.detail.ends_with(&format!("; {told}")), "{}", alert.detail);
}

#[test]
fn a_missed_alert_says_how_near_its_rule_came() {
    let one = |op, limit, value| approach(vec![vec![nearest("errors:share", op, limit, value, 0)]]);
    check(
        one(">", 0.05, Some(0.031)),
        "`errors:share` peaked at 0.031 of 0.05 at 10:01:01.000 UTC",
    );
    check(
        one(">", 0.05, Some(0.049_996)),
        "`errors:share` peaked at 0.049996 of 0.05 at 10:01:01.000 UTC",
    );
    check(
        one("<", 0.95, Some(0.97)),
        "`errors:share` came to 0.97 at 10:01:01.000 UTC, where < 0.95 is asked",
    );
    check(one("==", 0.0, None), "`errors:share` yielded nothing");
    check(
        Approach {
            why: Some("it does not compare with a number".into()),
            ..approach(Vec::new())
        },
        "how near it came cannot be said: it does not compare with a number",
    );
}

#[test]
fn of_several_comparisons_those_are_told_that_failed() {
    let held = || nearest("errors:5m", ">", 0.05, Some(0.3), 8);
    let failed = || nearest("errors:1h", ">", 0.05, Some(0.012), 0);
    let peak = "`errors:1h` peaked at 0.012 of 0.05 at 10:01:01.000 UTC";
    check(approach(vec![vec![held(), failed()]]), peak);
    check(
        approach(vec![vec![held(), failed()], vec![failed()]]),
        &format!("{peak}, or {peak}"),
    );
    check(
        approach(vec![vec![held(), held()]]),
        "`errors:5m` peaked at 0.3 of 0.05 at 10:01:01.000 UTC and `errors:5m` peaked at 0.3 of 0.05 at 10:01:01.000 UTC, \
         each at an evaluation of its own or not for long enough",
    );
}

#[test]
fn what_was_assumed_of_requests_stands_beside_what_was_seen() {
    let near = |bad, traffic| Approach {
        requests: Some(RequestsSeen {
            assumed_bad: 1.0,
            bad,
            assumed_traffic: 1.0,
            traffic,
        }),
        ..approach(vec![vec![nearest("x", ">", 0.05, Some(0.03), 0)]])
    };
    let assumed = "the prediction took 100 % of the requests to be bad: 3.2 % were";
    check(near(Some(0.0316), Some(0.95)), assumed);
    check(
        near(Some(0.0316), Some(0.4)),
        &format!("{assumed}, and the traffic to be 100 % of before: it was 40 %"),
    );
    check(
        near(None, None),
        "no request was counted while the fault was in place",
    );
}

#[test]
fn every_rendering_and_the_finding_say_it() {
    let near = approach(vec![vec![nearest("errors:share", ">", 0.05, Some(0.031), 0)]]);
    let measured = with(&missed(), near).measured();
    let words = "errors:share` peaked at 0.031 of 0.05 at 10:01:01.000 UTC";
    let findings = &measured.trials[0].findings;
    assert!(
        findings.iter().any(|finding| finding.text.contains(words)),
        "{findings:#?}"
    );
    assert!(render_markdown(&measured).contains(words));
    assert!(render_junit(&measured).contains(words));
    // The page keeps a number and the word behind it on one line.
    let html = render_html(&measured).replace('\u{a0}', " ");
    assert!(html.contains("peaked at 0.031 of 0.05 at "));
    let json = serde_json::to_value(&measured).unwrap();
    let way = &json["trials"][0]["alerts"][0]["approach"]["ways"][0][0];
    assert_eq!((&way["value"], &way["limit"]), (&0.031.into(), &0.05.into()));
    assert_eq!(way["at"], "2026-11-22T10:01:01.000Z");
}

#[test]
fn a_rule_that_saw_nothing_is_advised_to_look_elsewhere() {
    let nothing = approach(vec![vec![nearest("errors:share", ">", 0.05, None, 0)]]);
    let measured = with(&missed(), nothing).measured();
    let findings = &measured.trials[0].findings;
    let found = findings
        .iter()
        .find(|finding| finding.text.contains("missed"))
        .unwrap();
    assert!(
        found.action.contains("do its selectors match"),
        "{}",
        found.action
    );
}

#[test]
fn an_alert_that_came_says_nothing_of_it() {
    let near = approach(vec![vec![nearest("x", ">", 0.05, Some(0.031), 0)]]);
    let alert = with(&golden(), near).measured().trials[0].alerts[0].clone();
    assert_eq!(alert.verdict, AlertVerdict::Passed);
    assert!(!alert.detail.contains("peaked"), "{}", alert.detail);
}

#[test]
fn only_its_own_is_told() {
    let other = Approach {
        label: "another".into(),
        ..approach(vec![vec![nearest("x", ">", 0.05, Some(0.031), 0)]])
    };
    let alert = with(&missed(), other).measured().trials[0].alerts[0].clone();
    assert!(
        alert.approach.is_none() && !alert.detail.contains("peaked"),
        "{}",
        alert.detail
    );
}
