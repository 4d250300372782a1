//! Prometheus and Alertmanager are really killed, stopped, reloaded, silenced and inhibited in mid-drill: what that
//! touches is void and named, and what it does not touch is true.

use gameday_core::{AlertState, EventKind};
use nix::sys::signal::Signal;

use super::*;
use crate::support::rig::at_once;
use crate::support::wait_for;

const DOWN: &str = r#"down = { hold = "22s", on = "web", fault.down = {} }"#;
const EXPECT: &str = r#"ShopFailing = { firing = "40s", notified = "50s" }"#;
/// Pending long enough for something to happen meanwhile.
const HELD: &str = "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, for: 6s}\n";
const AT_ONCE: &str =
    "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, labels: {severity: page}}\n";
const FAST: &str = "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s";

#[test]
fn what_disturbs_prometheus_is_named_and_its_marks_are_void() {
    let _turn = crate::support::turn();
    at_once![
        a_prometheus_that_is_killed_and_comes_back,
        a_prometheus_that_is_told_to_reload,
        evaluations_that_are_missed,
        a_rule_that_keeps_firing,
    ];
}

#[test]
fn what_disturbs_alertmanager_is_named_and_the_group_is_not_clean() {
    let _turn = crate::support::turn();
    at_once![
        an_alertmanager_that_is_killed_and_comes_back,
        an_alertmanager_that_is_told_to_reload,
        a_silence_that_ends,
        an_inhibition_that_ends,
        one_of_two_alertmanagers_is_killed,
    ];
}

/// A drill in which something is done to the alerting once something has happened.
#[track_caller]
fn disturbed(
    stand: &mut Stand,
    expect: &str,
    once: impl Fn(&EventKind) -> bool,
    deed: impl FnOnce(&mut Alerting),
) -> (Ended, Value) {
    stand.scenario(DOWN, expect);
    let drill = stand.rig.start("drill", &[]);
    drill.wait_for("the moment to disturb", once);
    deed(&mut stand.alerting);
    let ended = drill.finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    (ended, report)
}

fn seen(source: &'static str, state: AlertState) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::AlertSeen(seen) if seen.source.as_str() == source && seen.state == state)
}

/// The report names it with these words, and says that it made these void.
#[track_caller]
fn check_named(report: &Value, what: &str, words: &str, voids: &[&str]) {
    let all = &report["trials"][0]["disturbances"];
    let named = all.as_array().unwrap().iter().find(|one| one["what"] == what);
    let named = named.unwrap_or_else(|| panic!("no `{what}` in {all:#}"));
    let text = named["text"].as_str().unwrap();
    assert!(text.contains(words), "`{words}` is not in `{text}`");
    for void in voids {
        let full = Value::String(format!("ShopFailing {void}"));
        assert!(
            named["voids"].as_array().unwrap().contains(&full),
            "{void}: {named:#}"
        );
        if void.starts_with('T') {
            let alert = alert(report);
            assert!(alert["marks"][void].is_null(), "{alert:#}");
            let why = alert["why"][void].as_str().unwrap_or_default();
            assert!(why.starts_with(text), "`{why}` does not name `{text}`");
        }
    }
}

/// T3 is the first sample that Prometheus stored as firing.
#[track_caller]
fn check_fired(stand: &Stand, report: &Value) {
    let firing = stand.alerting.samples("ALERTS{alertstate=\"firing\"}[10m]");
    let t3 = at(&alert(report)["marks"]["T3"]);
    assert!((t3 - firing[0]).abs() <= 5, "{t3} against {}", firing[0]);
}

fn a_prometheus_that_is_killed_and_comes_back() {
    let mut stand = Stand::new(&Plan {
        groups: HELD,
        global: FAST,
        ..Plan::default()
    });
    let pending = seen("prometheus", AlertState::Pending);
    let (ended, report) = disturbed(&mut stand, EXPECT, pending, Alerting::restart_prometheus);
    check_named(&report, "restarted", "prometheus was restarted", &["T1", "T2"]);
    // `startsAt` is what Alertmanager was told, and it is the tick of the new process.
    check_fired(&stand, &report);
    assert!(alert(&report)["ttd_ms"].is_number(), "{report:#}");
    // On a busy machine it may have been away for so long that it counts as lost; then nothing is certain.
    match ended.code {
        Some(0) => {}
        _ => check_named(&report, "lost", "prometheus was lost", &[]),
    }
}

fn a_prometheus_that_is_told_to_reload() {
    let mut stand = Stand::new(&Plan {
        groups: HELD,
        global: FAST,
        ..Plan::default()
    });
    let pending = seen("prometheus", AlertState::Pending);
    let (ended, report) = disturbed(&mut stand, EXPECT, pending, |alerting| {
        alerting.signal_prometheus(Signal::SIGHUP);
    });
    ended.assert(0, "passed");
    check_named(&report, "configuration_reloaded", "prometheus reloaded", &["T2"]);
    check_fired(&stand, &report);
    assert!(alert(&report)["marks"]["T1"].is_string(), "{report:#}");
}

fn evaluations_that_are_missed() {
    let mut stand = Stand::new(&Plan {
        groups: HELD,
        global: FAST,
        ..Plan::default()
    });
    let pending = seen("prometheus", AlertState::Pending);
    let (_, report) = disturbed(&mut stand, EXPECT, pending, |alerting| {
        // It is stopped for a few evaluations and not for so long that it is lost.
        alerting.signal_prometheus(Signal::SIGSTOP);
        std::thread::sleep(Duration::from_secs(4));
        alerting.signal_prometheus(Signal::SIGCONT);
    });
    check_named(&report, "evaluations_missed", "of the rules `shop`", &["T2"]);
    check_fired(&stand, &report);
}

fn a_rule_that_keeps_firing() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, keep_firing_for: 6s}\n",
        global: FAST,
        ..Plan::default()
    });
    let expect = r#"ShopFailing = { firing = "40s", notified = "50s", resolved = "60s" }"#;
    let (ended, report) = stand.run(&DOWN.replace("22s", "10s"), expect);
    ended.assert(0, "passed");
    let alert = alert(&report);
    let kept = &alert["kept_firing"];
    assert_eq!(kept["for_ms"], 6000);
    // The condition was false for as long as the rule says before the rule let go.
    let held = at(&alert["marks"]["T9"]) - at(&kept["since"]);
    assert!((held - 6000).abs() <= 5, "{alert:#}");
    let gauge = stand.alerting.query("shop_failing[10m]");
    assert!(!gauge.is_empty());
}

fn an_alertmanager_that_is_killed_and_comes_back() {
    let mut stand = Stand::new(&Plan {
        groups: AT_ONCE,
        global: FAST,
        routes: &ROUTES.replace("group_wait: 2s", "group_wait: 6s"),
        resend: "2s",
        ..Plan::default()
    });
    let firing = seen("alertmanager", AlertState::Firing);
    let (_, report) = disturbed(&mut stand, EXPECT, firing, |alerting| {
        alerting.restart_alertmanager(0);
    });
    check_named(
        &report,
        "restarted",
        "alertmanager was restarted",
        &["T4", "group stage"],
    );
    check_fired(&stand, &report);
    assert_eq!(report["trials"][0]["group_stage_clean"], false);
}

fn an_alertmanager_that_is_told_to_reload() {
    let mut stand = Stand::new(&Plan {
        groups: AT_ONCE,
        global: FAST,
        routes: &ROUTES.replace("group_wait: 2s", "group_wait: 6s"),
        ..Plan::default()
    });
    let firing = seen("alertmanager", AlertState::Firing);
    let (ended, report) = disturbed(&mut stand, EXPECT, firing, |alerting| {
        alerting.signal_alertmanager(0, Signal::SIGHUP);
    });
    ended.assert(0, "passed");
    check_named(
        &report,
        "configuration_reloaded",
        "alertmanager reloaded its configuration",
        &["group stage"],
    );
    check_unclean(&report, "its groups were made anew");
}

/// The trial is shown, counts in no mean, and says why.
#[track_caller]
fn check_unclean(report: &Value, words: &str) {
    let trial = &report["trials"][0];
    assert_eq!(trial["group_stage_clean"], false, "{report:#}");
    let why = trial["why"]["group_stage_clean"].as_str().unwrap();
    assert!(why.contains(words), "`{words}` is not in `{why}`");
    assert!(alert(report)["ttn_ms"].is_number(), "{report:#}");
    assert!(report["mttd"]["mean_ms"].is_null(), "{}", report["mttd"]);
}

/// Mutes as soon as Alertmanager has the alert, and longer than its group waits.
fn muted(mute: impl FnOnce(&Alerting), unmute: impl FnOnce(&Alerting), routes: &str) -> Value {
    let stand = Stand::new(&Plan {
        groups: AT_ONCE,
        global: FAST,
        routes,
        ..Plan::default()
    });
    stand.scenario(DOWN, EXPECT);
    let drill = stand.rig.start("drill", &[]);
    drill.wait_for("the alert", seen("alertmanager", AlertState::Firing));
    mute(&stand.alerting);
    drill.wait_for(
        "the alert to be muted",
        seen("alertmanager", AlertState::Suppressed),
    );
    let told = || stand.told.lock().unwrap().len();
    assert_eq!(told(), 0, "nobody was told before");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(told(), 0, "nobody was told meanwhile");
    unmute(&stand.alerting);
    let ended = drill.finish(Duration::from_secs(180));
    ended.assert(0, "passed");
    ended.report().unwrap()
}

fn a_silence_that_ends() {
    let silence = std::cell::RefCell::new(String::new());
    let report = muted(
        |alerting| *silence.borrow_mut() = alerting.silence("ShopFailing"),
        |alerting| alerting.end_silence(&silence.borrow()),
        &ROUTES.replace("group_wait: 2s", "group_wait: 4s"),
    );
    check_unclean(&report, &format!("suppressed by silence {}", silence.borrow()));
}

fn an_inhibition_that_ends() {
    let region_down = serde_json::json!({"alertname": "RegionDown", "severity": "critical"});
    let report = muted(
        |alerting| alerting.send_alert(&region_down, 8),
        |_| {},
        // The alert that inhibits goes to nobody, so that each receiver is told of the shop alone.
        "
route:
  receiver: nobody
  group_wait: 4s
  group_interval: 5s
  routes: [{matchers: [severity=page], receiver: oncall, group_by: [alertname]}]
receivers:
- {name: nobody}
- {name: oncall, webhook_configs: [{url: '{ours}'}, {url: '{theirs}'}]}
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=page]}]
",
    );
    check_unclean(&report, "suppressed by alert ");
}

fn one_of_two_alertmanagers_is_killed() {
    let mut stand = Stand::new(&Plan {
        groups: AT_ONCE,
        global: FAST,
        routes: &ROUTES.replace("group_wait: 2s", "group_wait: 6s"),
        peers: 2,
        ..Plan::default()
    });
    wait_for("the cluster to settle", Duration::from_secs(60), || {
        let url = format!("http://{}/api/v2/status", stand.alerting.alertmanagers[0].1);
        let status = crate::support::http::get(&url).json();
        (status["cluster"]["status"] == "ready" && status["cluster"]["peers"].as_array()?.len() == 2)
            .then_some(())
    });
    let expect = r#"ShopFailing = { firing = "40s", notified = "70s" }"#;
    let firing = seen("alertmanager.2", AlertState::Firing);
    let (ended, report) = disturbed(&mut stand, expect, firing, |alerting| {
        alerting.kill_alertmanager(0);
    });
    check_named(&report, "lost", "alertmanager was lost", &["group stage"]);
    // What the other one told stands: it is a pass because somebody was told, and only then.
    let told = stand.told.lock().unwrap().len();
    assert!(told > 0, "the other one tells it");
    ended.assert(0, "passed");
    let predicted = &alert(&report)["predicted"];
    assert!(predicted["assumes"].to_string().contains("peer"), "{predicted:#}");
    let t4 = at(&alert(&report)["marks"]["T4"]);
    let t3 = at(&alert(&report)["marks"]["T3"]);
    assert!(t4 >= t3, "{report:#}");
}
