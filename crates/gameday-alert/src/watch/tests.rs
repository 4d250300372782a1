//! Tests of the watch: polls in, changes out.

use expect_test::{Expect, expect};
use gameday_core::{SourceName, Timestamp};

use super::*;

/// `a:firing@3` is the alert of instance `a`, firing, active since second 3.
fn alert(text: &str) -> Alert {
    let (instance, rest) = text.split_once(':').unwrap();
    let (state, at) = rest.split_once('@').unwrap();
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Alert::new(AlertSeen {
        source: SourceName::new("prometheus").unwrap(),
        alert: "X".into(),
        labels: BTreeMap::from([label("alertname", "X"), label("instance", instance)]),
        annotations: BTreeMap::new(),
        state: match state {
            "pending" => AlertState::Pending,
            "firing" => AlertState::Firing,
            _ => AlertState::Suppressed,
        },
        fingerprint: None,
        active_at: at
            .parse()
            .ok()
            .map(|second: i64| Timestamp::from_micros(second * 1_000_000)),
        starts_at: None,
        updated_at: None,
        receivers: Vec::new(),
        suppressed_by: Vec::new(),
        keep_firing_since: None,
    })
    .unwrap()
}

fn show(seen: &AlertSeen) -> String {
    let at = seen
        .active_at
        .map_or("?".to_owned(), |at| (at.as_micros() / 1_000_000).to_string());
    format!("{}:{:?}@{at}", seen.labels["instance"], seen.state).to_lowercase()
}

/// Polls are parted by `|`, alerts by spaces.
#[track_caller]
fn check(polls: &str, expect: &Expect) {
    let mut watch = Watch::new();
    let changes: Vec<String> = polls
        .split('|')
        .map(|poll| watch.observe(poll.split_whitespace().map(alert).collect()))
        .map(|changes| changes.iter().map(show).collect::<Vec<_>>().join(" "))
        .collect();
    expect.assert_eq(&changes.join(" | "));
}

#[test]
fn only_what_changed_is_told_and_what_went_is_gone() {
    check(
        "| a:pending@3 | a:pending@3 | a:firing@3 | a:firing@3 | | ",
        &expect![" | a:pending@3 |  | a:firing@3 |  | a:gone@3 | "],
    );
}

#[test]
fn two_instances_of_one_alert_are_two_alerts() {
    check(
        "a:firing@3 b:pending@5 | a:firing@3 b:firing@5 | b:firing@5",
        &expect!["a:firing@3 b:pending@5 | b:firing@5 | a:gone@3"],
    );
}

#[test]
fn an_alert_that_fired_anew_between_two_polls_is_a_change() {
    check("a:firing@3 | a:firing@9", &expect!["a:firing@3 | a:firing@9"]);
}

#[test]
fn replicas_that_list_one_alert_twice_make_one_alert_whatever_their_order() {
    check(
        "a:pending@3 a:firing@5 | a:firing@5 a:pending@3 | a:firing@5 a:firing@4 | a:firing@4 a:firing@5",
        &expect!["a:firing@5 |  | a:firing@4 | "],
    );
    check("a:firing@? a:firing@9", &expect!["a:firing@9"]);
}

#[test]
fn annotations_that_change_at_each_evaluation_are_no_change_but_a_silence_is() {
    let mut watch = Watch::new();
    let mut seen = AlertSeen::from(alert("a:firing@3"));
    let mut observe = |seen: &AlertSeen| watch.observe(vec![Alert::new(seen.clone()).unwrap()]).len();
    assert_eq!(observe(&seen), 1);
    seen.annotations.insert("value".into(), "0.31".into());
    assert_eq!(observe(&seen), 0);
    seen.suppressed_by.push("silence 1".into());
    assert_eq!(observe(&seen), 1);
    seen.receivers.push("oncall".into());
    assert_eq!(observe(&seen), 1);
    seen.updated_at = Some(Timestamp::from_micros(7));
    assert_eq!(observe(&seen), 1);
    assert_eq!(observe(&seen), 0);
}
