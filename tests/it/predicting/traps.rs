//! What makes a drill prove nothing is said before it begins, and is not taken for a pass after it.

use super::*;
use crate::support::rig::at_once;
use crate::support::wait_for;

const SHORT: &str = r#"down = { hold = "8s", on = "web", fault.down = {} }"#;
const GAUGE: &str =
    "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, labels: {severity: page}}\n";

#[test]
fn traps_are_told_before_and_after() {
    let _turn = crate::support::turn();
    at_once![
        a_fault_shorter_than_for_is_pending_only,
        a_fault_that_is_gone_before_the_first_flush_tells_nobody,
        a_silence_mutes_and_is_named,
        an_alert_that_inhibits_is_named,
    ];
    at_once![
        other_alerts_are_no_reason_for_doubt_but_one_of_the_same_group_is,
        a_group_that_is_there_already_is_told_later,
    ];
}

/// What the plan says before anything is touched, and the report after.
#[track_caller]
fn check_never(stand: &Stand, fault: &str, expect: &str, words: &str) -> Value {
    stand.scenario(fault, expect);
    let plan = stand.rig.sandbox.run(["run", "drill.toml", "--plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(
        plan.stdout.contains(words),
        "`{words}` is not in the plan:\n{}",
        plan.stdout
    );
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    let never = alert(&report)["predicted"]["never"].as_str().unwrap_or_default();
    assert!(never.contains(words), "`{words}` is not why: {report:#}");
    assert!(alert(&report)["marks"]["T5"].is_null(), "{report:#}");
    assert_eq!(ended.code, Some(1), "it is no pass: {}", ended.stderr);
    report
}

fn a_fault_shorter_than_for_is_pending_only() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, for: 30s}\n",
        ..Plan::default()
    });
    let report = check_never(
        &stand,
        SHORT,
        r#"ShopFailing = { firing = "12s", notified = "15s" }"#,
        "pending only",
    );
    // That it was pending was predicted to the tick.
    check_marks(&report, &["T1", "T2"]);
    assert!(alert(&report)["marks"]["T3"].is_null());
}

fn a_fault_that_is_gone_before_the_first_flush_tells_nobody() {
    let stand = Stand::new(&Plan {
        groups: GAUGE,
        routes: &ROUTES.replace("group_wait: 2s", "group_wait: 20s"),
        ..Plan::default()
    });
    let report = check_never(
        &stand,
        SHORT,
        r#"ShopFailing = { firing = "12s", notified = "30s" }"#,
        "before its group is first told",
    );
    check_marks(&report, &["T1", "T2", "T3", "T9"]);
    assert!(stand.told.lock().unwrap().is_empty(), "nobody was told");
}

fn a_silence_mutes_and_is_named() {
    let stand = Stand::new(&Plan {
        groups: GAUGE,
        ..Plan::default()
    });
    let silence = stand.alerting.silence("ShopFailing");
    let report = check_never(
        &stand,
        SHORT,
        r#"ShopFailing = { firing = "12s", notified = "15s" }"#,
        &format!("silenced by `{silence}`"),
    );
    check_marks(&report, &["T1", "T2", "T3"]);
    let alert = alert(&report);
    assert_eq!(alert["verdict"], "muted", "{alert:#}");
    assert!(alert["detail"].as_str().unwrap().contains(&silence), "{alert:#}");
}

fn an_alert_that_inhibits_is_named() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, labels: {severity: page}}\n  \
                 - {alert: RegionDown, expr: vector(1), labels: {severity: critical}}\n",
        routes: &format!(
            "{ROUTES}inhibit_rules: [{{source_matchers: [severity=critical], target_matchers: [severity=page]}}]\n"
        )
        .replace("{url: '{theirs}'}", ""),
        resend: "3s",
        ..Plan::default()
    });
    wait_for_alert(&stand, "RegionDown");
    let report = check_never(
        &stand,
        SHORT,
        r#"ShopFailing = { firing = "12s", notified = "15s" }"#,
        "inhibited by `RegionDown`",
    );
    check_marks(&report, &["T1", "T2", "T3"]);
    assert_eq!(alert(&report)["verdict"], "inhibited");
}

/// Waits until Alertmanager has an alert.
fn wait_for_alert(stand: &Stand, alert: &str) {
    let url = format!("http://{}/api/v2/alerts", stand.alerting.alertmanagers[0].1);
    // What fires before Prometheus has found its Alertmanager is told when it is sent again.
    wait_for(
        &format!("{alert} in Alertmanager"),
        Duration::from_secs(100),
        || {
            let alerts = crate::support::http::get(&url).json();
            let there = alerts
                .as_array()?
                .iter()
                .any(|one| one["labels"]["alertname"] == alert);
            there.then_some(())
        },
    );
}

fn other_alerts_are_no_reason_for_doubt_but_one_of_the_same_group_is() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0}\n  \
                 - {alert: AlwaysOn, expr: vector(1)}\n",
        resend: "3s",
        ..Plan::default()
    });
    wait_for_alert(&stand, "AlwaysOn");
    let expect = r#"ShopFailing = { firing = "15s", notified = "20s", resolved = "20s" }"#;
    let (first, report) = stand.run(SHORT, expect);
    first.assert(0, "passed");
    // An Alertmanager that holds a group of another alert is busy, and the trial is clean all the same.
    assert_eq!(report["trials"][0]["group_stage_clean"], true, "{report:#}");
    assert_eq!(report["mttd"]["detected"], 1);
    check_marks(&report, &["T1", "T2", "T3", "T5", "T9", "T10"]);

    // Prometheus sends the resolved alert again and again, which makes its group anew, and empty, until the
    // next maintenance: a drill may be too late for it, and then it is clean.
    let report = (0..5)
        .map(|_| {
            wait_for_groups(&stand, 2);
            stand.run(SHORT, expect).1
        })
        .find(|report| report["trials"][0]["group_stage_clean"] == false)
        .expect("one of five drills meets the empty group");
    let mttd = &report["mttd"];
    assert_eq!(mttd["excluded"], 1, "it counts in no mean: {mttd}");
    assert!(mttd["mean_ms"].is_null(), "{mttd}");
    check_marks(&report, &["T1", "T2", "T3"]);
    check_interval(&report);
}

/// Waits until Alertmanager holds so many groups, empty ones as well.
fn wait_for_groups(stand: &Stand, count: usize) {
    let url = format!("http://{}/metrics", stand.alerting.alertmanagers[0].1);
    let line = format!("alertmanager_dispatcher_aggregation_groups {count}\n");
    wait_for(
        "the empty group of the resolved alert",
        Duration::from_secs(150),
        || crate::support::http::get(&url).body.contains(&line).then_some(()),
    );
}

/// The notification came within the interval that was predicted; says how long that is, in milliseconds.
#[track_caller]
fn check_interval(report: &Value) -> i64 {
    let predicted = &alert(report)["predicted"];
    let (low, high) = (at(&predicted["marks"]["T5"]), at(&predicted["latest"]["T5"]));
    let told = at(&alert(report)["marks"]["T5"]);
    assert!(
        (low - TICK_MS..=high + DELIVERY_MS).contains(&told),
        "{told} is not in {low}..{high}"
    );
    high - low
}

fn a_group_that_is_there_already_is_told_later() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, labels: {service: shop}}\n  \
                 - {alert: AlwaysOn, expr: vector(1), labels: {service: shop}}\n",
        routes: &ROUTES
            .replace("group_by: [alertname]", "group_by: [service]")
            .replace("group_interval: 5s", "group_interval: 9s"),
        resend: "3s",
        ..Plan::default()
    });
    wait_for_alert(&stand, "AlwaysOn");
    let fault = SHORT.replace("8s", "20s");
    let (_, report) = stand.run(&fault, r#"ShopFailing = { firing = "15s", notified = "30s" }"#);
    let predicted = &alert(&report)["predicted"];
    let warned = predicted["warnings"].to_string();
    assert!(
        warned.contains("its group already holds 1 alert"),
        "{predicted:#}"
    );
    assert!(
        check_interval(&report) >= 8_900,
        "a whole interval: {predicted:#}"
    );
    assert_eq!(report["trials"][0]["group_stage_clean"], false);
}
