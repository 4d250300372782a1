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
        a_limit_or_receiver_that_cannot_be_met_is_told_by_the_plan,
        a_webhook_that_no_receiver_posts_to_is_warned_of,
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
    assert_eq!(plan.code, Some(1), "it cannot pass: {}", plan.stdout);
    assert!(
        unmet(&plan.stdout).is_some_and(|why| why.contains(words)),
        "`{words}` is not in the plan:\n{}",
        plan.stdout
    );
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    // It is run all the same; but before its fault is ordered, a line says so.
    let (before, _) = ended.stderr.split_once("fault down ordered").unwrap();
    let said = before
        .lines()
        .any(|line| line.contains("CANNOT BE MET") && line.contains(words));
    assert!(said, "{}", ended.stderr);
    let never = alert(&report)["predicted"]["never"].as_str().unwrap_or_default();
    assert!(never.contains(words), "`{words}` is not why: {report:#}");
    assert!(alert(&report)["marks"]["T5"].is_null(), "{report:#}");
    assert_eq!(ended.code, Some(1), "it is no pass: {}", ended.stderr);
    report
}

/// Why the plan says that the expectation cannot be met.
fn unmet(plan: &str) -> Option<&str> {
    let mut lines = plan.lines();
    lines.find_map(|line| line.strip_prefix("cannot be met as predicted: ShopFailing: "))
}

fn a_limit_or_receiver_that_cannot_be_met_is_told_by_the_plan() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, for: 6s}\n",
        ..Plan::default()
    });
    let fault = SHORT.replace("8s", "30s");
    for (expect, words) in [
        (r#"firing = "15s", notified = "20s", resolved = "20s""#, None),
        (r#"firing = "5s""#, Some("firing after ")),
        (r#"notified = "7s""#, Some("over its limit of 7 s")),
        (r#"resolved = "1ms""#, Some("resolved after ")),
        (
            r#"firing = "15s", receiver = "nobody""#,
            Some("misrouted: it reaches `oncall`, not `nobody`"),
        ),
    ] {
        stand.scenario(&fault, &format!("ShopFailing = {{ {expect} }}"));
        let plan = stand.rig.sandbox.run(["run", "drill.toml", "--plan"]);
        let text = &plan.stdout;
        assert_eq!(plan.code, Some(i32::from(words.is_some())), "{expect}: {text}");
        match words {
            None => assert_eq!(unmet(text), None, "{expect}"),
            Some(words) => assert!(
                unmet(text).is_some_and(|why| why.contains(words)),
                "{expect}: {text}"
            ),
        }
        let plan = stand
            .rig
            .sandbox
            .run(["run", "drill.toml", "--plan", "--output", "json"]);
        let record: Value = serde_json::from_str(&plan.stdout).unwrap();
        assert_eq!(
            record["predicted"][0]["unmet"].is_string(),
            words.is_some(),
            "{record:#}"
        );
        assert_eq!(record["would_be_refused"], serde_json::json!([]));
        assert!(!text.contains("beware: no receiver"), "ours is there: {text}");
    }
    stand.scenario(&fault, r#"Nobodys = { firing = "15s" }"#);
    let plan = stand.rig.sandbox.run(["run", "drill.toml", "--plan"]);
    assert_eq!(plan.code, Some(4), "{}", plan.stdout);
    let refusal = "would be refused: prometheus: no alert rule is named `Nobodys`";
    assert!(plan.stdout.contains(refusal), "{}", plan.stdout);
}

fn a_webhook_that_no_receiver_posts_to_is_warned_of() {
    let elsewhere = ROUTES.replace("{url: '{ours}'}, ", "");
    let stand = Stand::new(&Plan {
        groups: GAUGE,
        routes: &elsewhere,
        ..Plan::default()
    });
    stand.scenario(SHORT, r#"ShopFailing = { firing = "15s" }"#);
    let plan = stand.rig.sandbox.run(["run", "drill.toml", "--plan"]);
    let ours = format!("http://{}/webhook", stand.webhook);
    for words in [
        &format!(
            "webhook: beware: no receiver of Alertmanager posts to {ours}: its webhooks post `oncall` to http://"
        ),
        &format!("put `webhook_configs: [{{url: \"{ours}\"}}]` into the receiver"),
    ] {
        assert!(plan.stdout.contains(words), "{words} is not in:\n{}", plan.stdout);
    }
    assert_eq!(plan.code, Some(0), "it is a warning: {}", plan.stdout);
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    ended.assert_says("BEWARE webhook: no receiver of Alertmanager posts to");
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
        // Hand-off and delivery are taken at their usual few milliseconds, and may be shorter.
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
