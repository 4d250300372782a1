//! Prometheus 3 and an Alertmanager with an event recorder: what it says is true, and used where nothing else tells.

use gameday_core::{EventKind, RecordedDeed};

use super::*;
use crate::support::rig::at_once;

const DOWN: &str = r#"down = { hold = "12s", on = "web", fault.down = {} }"#;
const GAUGE: &str = "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0}\n";
/// Only the team's own receiver; events go to a file.
const FILE: &str = "
route: {receiver: oncall, group_by: [alertname], group_wait: 2s, group_interval: 5s}
receivers:
- {name: oncall, webhook_configs: [{url: '{theirs}'}]}
event_recorder: {file_outputs: [{path: '{file}'}]}
";
/// The same, and events are POSTed to gameday's receiver.
const POSTED: &str = "
route: {receiver: oncall, group_by: [alertname], group_wait: 2s, group_interval: 5s}
receivers:
- {name: oncall, webhook_configs: [{url: '{theirs}'}]}
event_recorder: {webhook_outputs: [{url: '{events}'}]}
";

#[test]
fn an_event_recorder_tells_what_our_receiver_cannot() {
    let _turn = crate::support::turn();
    at_once![
        deliveries_to_others_are_moments,
        what_keeps_an_alert_quiet_is_recorded,
        our_own_receiver_says_it_more_surely,
    ];
}

fn stand(routes: &str) -> Stand {
    Stand::new(&Plan {
        groups: GAUGE,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        routes,
        newer: true,
        ..Plan::default()
    })
}

fn run(stand: &Stand, observe: &str, expect: &str) -> (Ended, Value) {
    stand.scenario_that_observes(observe, DOWN, expect);
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    (ended, report)
}

const EXPECT: &str =
    r#"ShopFailing = { firing = "40s", notified = "50s", resolved = "60s", receiver = "oncall" }"#;

fn deliveries_to_others_are_moments() {
    let stand = stand(FILE);
    let observe = format!(
        "{}event_recorder = {{ file = \"events.jsonl\" }}\n",
        stand.alerting.observe(None)
    );
    let (ended, report) = run(&stand, &observe, EXPECT);
    ended.assert(0, "passed");
    let alert = alert(&report);
    check_told(&stand, alert, ["event recorder", "event recorder"]);
    assert_eq!(alert["told_by"]["T4"], "event recorder", "{alert:#}");
    let handed = at(&alert["marks"]["T4"]) - at(&alert["marks"]["T3"]);
    assert!((0..1000).contains(&handed), "T4 is {handed} ms after T3");
    assert_eq!(alert["receiver"], "oncall");
    assert_eq!(
        report["trials"][0]["noise"]["receivers"]["oncall"]["pages"], 1,
        "{report:#}"
    );
    check_marks(&report, &["T2", "T3", "T5"]);
    let page = std::fs::read_to_string(ended.folder().join("report.html")).unwrap();
    assert!(
        page.contains("event recorder"),
        "the page says where they are from"
    );
}

/// T5 and T10 are where the test's own receiver was told, and read from what they should be.
#[track_caller]
fn check_told(stand: &Stand, alert: &Value, from: [&str; 2]) {
    let told = stand.told.lock().unwrap();
    for ((mark, status), from) in [("T5", "firing"), ("T10", "resolved")].into_iter().zip(from) {
        let (arrived, _) = told.iter().find(|(_, theirs)| theirs == status).unwrap();
        let late = at(&alert["marks"][mark]) - arrived.as_millisecond();
        println!("{mark} of {from}: {late} ms after it arrived");
        assert!((-50..=200).contains(&late), "{mark} is {late} ms late: {alert:#}");
        assert_eq!(alert["told_by"][mark], from, "{alert:#}");
    }
}

fn our_own_receiver_says_it_more_surely() {
    let routes = POSTED.replace("[{url: '{theirs}'}]", "[{url: '{ours}'}, {url: '{theirs}'}]");
    let stand = stand(&routes);
    let observe = format!(
        "{}event_recorder = {{ path = \"/events\" }}\n",
        stand.alerting.observe(Some(stand.webhook))
    );
    let (ended, report) = run(&stand, &observe, EXPECT);
    ended.assert(0, "passed");
    let alert = alert(&report);
    // The drill is over as soon as one of them says that the alert is; T10 is then that one's.
    let end = alert["told_by"]["T10"].as_str().unwrap_or_default();
    assert!(matches!(end, "our receiver" | "event recorder"), "{alert:#}");
    check_told(&stand, alert, ["our receiver", end]);
    // The recorder says it of both integrations; what reached us is what counts.
    assert_eq!(
        report["trials"][0]["noise"]["receivers"]["oncall"]["pages"], 1,
        "{report:#}"
    );
}

fn what_keeps_an_alert_quiet_is_recorded() {
    let stand = stand(POSTED);
    let silence = stand.alerting.silence("ShopFailing");
    let observe = format!(
        "{}event_recorder = {{ path = \"/events\" }}\n",
        stand.alerting.observe(Some(stand.webhook))
    );
    let expect = r#"ShopFailing = { firing = "20s", notified = "25s", receiver = "oncall" }"#;
    let (ended, report) = run(&stand, &observe, expect);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let alert = alert(&report);
    assert_eq!(alert["verdict"], "muted", "{alert:#}");
    let by = alert["suppressed_by"].as_array().unwrap();
    assert_eq!(by.len(), 1, "{by:?}");
    assert_eq!(
        (&by[0]["id"], &by[0]["author"]),
        (&silence.into(), &"test".into())
    );
    let events = ended.events();
    let count = |wanted: RecordedDeed| {
        let is_it =
            |kind: &EventKind| matches!(kind, EventKind::Recorded(recorded) if recorded.deed == wanted);
        events.iter().filter(|event| is_it(&event.kind)).count()
    };
    let (grouped, silenced) = (count(RecordedDeed::Grouped), count(RecordedDeed::Silenced));
    // A group with nothing to tell is given up at its flush, and made anew when the alert is over.
    assert!(
        (1..=grouped).contains(&silenced),
        "once for each group, however often it was flushed: {silenced} of {grouped}"
    );
}

/// Rules that a server tells in pages are all found, and what mutes by the clock is named although the list of alerts
/// says that the alert is active.
#[test]
fn rules_come_in_pages_and_time_intervals_are_named() {
    let _turn = crate::support::turn();
    let many = |index: usize| {
        format!("- name: g{index}\n  rules:\n  - {{alert: Other{index}, expr: vector(0) > 1}}\n")
    };
    let others: String = (0..120).map(many).collect();
    let muted = "
route:
  receiver: oncall
  group_by: [alertname]
  group_wait: 1s
  group_interval: 5s
  routes:
  - {matchers: [alertname = ShopFailing], receiver: oncall, mute_time_intervals: [always]}
receivers:
- {name: oncall, webhook_configs: [{url: '{ours}'}]}
time_intervals: [{name: always, time_intervals: [{years: ['2000:2100']}]}]
";
    let stand = Stand::new(&Plan {
        groups: &format!("{others}{GAUGE}"),
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        routes: muted,
        newer: true,
        ..Plan::default()
    });
    let prometheus = format!("http://{}", stand.alerting.prometheus_at);
    let args = ["alerts", "--prometheus", &prometheus, "--output", "json"];
    let ran = stand.rig.sandbox.run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let listed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 121, "more than a page");

    let observe = stand.alerting.observe(Some(stand.webhook));
    let (ended, report) = run(
        &stand,
        &observe,
        r#"ShopFailing = { firing = "15s", notified = "18s" }"#,
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let alert = alert(&report);
    assert_eq!(alert["verdict"], "muted", "{alert:#}");
    let by = &alert["suppressed_by"][0];
    assert_eq!(
        (&by["kind"], &by["id"]),
        (&"time_interval".into(), &"always".into())
    );
    let never = alert["predicted"]["never"].as_str().unwrap_or_default();
    assert!(never.contains("always"), "predicted as well: {alert:#}");
}
