//! Clean trials: rule and firing within 20 ms of what was predicted, and true, of Debian's programs and of newer ones.
//!
//! Rules over `sum(…)` name no `job`: whose first scrape it is that saw the fault is known from the prediction.

use super::*;
use crate::support::rig::side_by_side;

const DOWN: &str = r#"down = { hold = "20s", on = "web", fault.down = {} }"#;

/// Debian's Prometheus 2.42 and Alertmanager 0.25.
const DEBIAN: bool = false;
/// Prometheus 3, whose ranges leave their first moment out, and a newer Alertmanager.
const NEWER: bool = true;

#[test]
fn clean_trials_are_as_predicted() {
    clean_trials::<DEBIAN>();
}

#[test]
fn clean_trials_of_newer_programs_are_as_predicted() {
    clean_trials::<NEWER>();
}

fn clean_trials<const NEWER: bool>() {
    let _turn = crate::support::turn();
    side_by_side(&[
        (
            "a tree of routes",
            a_gauge_at_slow_intervals_and_a_tree_of_routes::<NEWER>,
        ),
        ("a ratio", a_ratio_in_a_window::<NEWER>),
        ("a burn rate", a_burn_rate_in_two_groups::<NEWER>),
    ]);
    side_by_side(&[
        ("a failing scrape", a_scrape_that_fails::<NEWER>),
        (
            "a hanging scrape",
            a_scrape_that_hangs_is_seen_when_its_time_is_over::<NEWER>,
        ),
        ("a cluster", a_cluster_tells_once::<NEWER>),
    ]);
}

/// What the report says of the rule is what Prometheus stored, and of the notification what another receiver got.
#[track_caller]
fn check_truth(stand: &Stand, report: &Value) {
    let marks = &alert(report)["marks"];
    let pending = stand.alerting.samples("ALERTS{alertstate=\"pending\"}[10m]");
    let firing = stand.alerting.samples("ALERTS{alertstate=\"firing\"}[10m]");
    let active = pending.first().unwrap_or(&firing[0]).min(&firing[0]);
    assert!((at(&marks["T2"]) - active).abs() <= 5, "{marks} against {active}");
    assert!(
        (at(&marks["T3"]) - firing[0]).abs() <= 5,
        "{marks} against {}",
        firing[0]
    );
    let told = stand.told.lock().unwrap();
    let theirs: Vec<i64> = told
        .iter()
        .filter(|(_, status)| status == "firing")
        .map(|(time, _)| time.as_millisecond())
        .collect();
    assert_eq!(theirs.len(), 1, "told once: {told:?}");
    assert!(
        (at(&marks["T5"]) - theirs[0]).abs() <= DELIVERY_MS,
        "{marks} against {theirs:?}"
    );
}

fn a_gauge_at_slow_intervals_and_a_tree_of_routes<const NEWER: bool>() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, for: 4s, \
                 labels: {severity: page, team: 'of-{{ $labels.job }}'}}\n",
        routes: "
route:
  receiver: nobody
  group_by: ['...']
  routes:
  - match_re: {severity: 'ticket|info'}
    receiver: nobody
    group_wait: 1m
  - matchers: ['severity=\"page\"']
    receiver: nobody
    group_by: [alertname, team]
    group_wait: 3s
    group_interval: 7s
    continue: true
    routes:
    - matchers: ['team=~\"of-.+\"', 'region!=\"eu\"']
      receiver: oncall
receivers:
- {name: nobody}
- {name: oncall, webhook_configs: [{url: '{ours}'}, {url: '{theirs}'}]}
",
        newer: NEWER,
        ..Plan::default()
    });
    let expect = r#"ShopFailing = { firing = "25s", notified = "30s", resolved = "40s", receiver = "oncall", labels = { severity = "page" } }"#;
    let (ended, report) = stand.run(DOWN, expect);
    ended.assert(0, "passed");
    check_marks(&report, &["T1", "T2", "T3", "T4", "T5", "T9", "T10"]);
    check_truth(&stand, &report);
    let predicted = &alert(&report)["predicted"];
    assert_eq!(predicted["receiver"], "oncall");
    let route = predicted["route"].as_str().unwrap();
    // Alertmanager tells the matchers of a route in its own order.
    assert_eq!(route, r#"severity="page" > region!="eu",team=~"of-.+""#);
    assert_eq!(report["trials"][0]["group_stage_clean"], true);
}

fn a_ratio_in_a_window<const NEWER: bool>() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopErrors, \
                 expr: 'sum(rate(shop_errors_total[10s])) / sum(rate(shop_requests_total[10s])) > 0.3', for: 2s}\n",
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 2s",
        newer: NEWER,
        ..Plan::default()
    });
    stand.alerting.wait_for_history(10);
    let expect = r#"ShopErrors = { firing = "25s", notified = "30s", during = { bad = "100%" } }"#;
    let (ended, report) = stand.run(DOWN, expect);
    ended.assert(0, "passed");
    check_ends(&report, &["T1", "T2", "T3", "T5"]);
    check_truth(&stand, &report);
}

fn a_burn_rate_in_two_groups<const NEWER: bool>() {
    let ratio = |window: &str| {
        format!(
            "  - {{record: 'slo:sli_error:ratio_rate{window}', labels: {{sloth_slo: shop, sloth_window: {window}}}, expr: \
             '(sum(rate(shop_errors_total[{window}]))) / (sum(rate(shop_requests_total[{window}])))'}}\n"
        )
    };
    let over = |window: &str| {
        format!(
            "max(slo:sli_error:ratio_rate{window}{{sloth_slo=\"shop\"}} > (14.4 * 0.02)) without (sloth_window)"
        )
    };
    let groups = format!(
        "- name: sloth-slo-sli-recordings-shop\n  interval: 2s\n  rules:\n{}{}\
         - name: sloth-slo-alerts-shop\n  interval: 3s\n  rules:\n  - {{alert: ShopBurns, \
         expr: '({} and {})', labels: {{sloth_severity: page}}}}\n",
        ratio("5s"),
        ratio("20s"),
        over("5s"),
        over("20s")
    );
    let stand = Stand::new(&Plan {
        groups: &groups,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        newer: NEWER,
        ..Plan::default()
    });
    stand.alerting.wait_for_history(20);
    let expect = r#"ShopBurns = { firing = "25s", notified = "30s", during = { bad = "100%" } }"#;
    let (ended, report) = stand.run(DOWN, expect);
    ended.assert(0, "passed");
    check_ends(&report, &["T1", "T2", "T3", "T5"]);
    check_truth(&stand, &report);
    let spent = alert(&report)["predicted"]["budget_spent"].as_f64().unwrap();
    assert!((spent - 50.0 * 20.0 / (30.0 * 86_400.0)).abs() < 1e-9, "{spent}");
}

const UP: &str = "- name: web\n  rules:\n  - {alert: WebDown, expr: 'up{job=\"web\"} == 0', for: 3s}\n";

fn a_scrape_that_fails<const NEWER: bool>() {
    let stand = Stand::new(&Plan {
        groups: UP,
        through: Some(", scrape_interval: 3s, scrape_timeout: 2s"),
        newer: NEWER,
        ..Plan::default()
    });
    let expect = r#"WebDown = { firing = "25s", notified = "30s", job = "web" }"#;
    let (ended, report) = stand.run(DOWN, expect);
    ended.assert(0, "passed");
    check_marks(&report, &["T1", "T2", "T3", "T5"]);
    check_truth(&stand, &report);
}

fn a_scrape_that_hangs_is_seen_when_its_time_is_over<const NEWER: bool>() {
    let stand = Stand::new(&Plan {
        groups: UP,
        global: "scrape_interval: 2s, scrape_timeout: 1s, evaluation_interval: 1s",
        through: Some(", scrape_interval: 5s, scrape_timeout: 2s"),
        newer: NEWER,
        ..Plan::default()
    });
    let silent =
        r#"silent = { hold = "20s", on = "web", stream = "upstream", fault.timeout = { after = "0s" } }"#;
    let expect = r#"WebDown = { firing = "25s", notified = "30s", job = "web" }"#;
    let (ended, report) = stand.run(silent, expect);
    ended.assert(0, "passed");
    check_marks(&report, &["T1", "T2", "T3", "T5"]);
    check_truth(&stand, &report);
    let alert = alert(&report);
    let seen_after = at(&alert["marks"]["T2"]) - at(&alert["marks"]["T1"]);
    // The sample is dated back to the scrape's start; no evaluation can have seen it before its timeout.
    assert!(seen_after >= 2000, "{alert:#}");
}

fn a_cluster_tells_once<const NEWER: bool>() {
    let stand = Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0}\n",
        peers: 2,
        newer: NEWER,
        ..Plan::default()
    });
    let (ended, report) = stand.run(DOWN, r#"ShopFailing = { firing = "25s", notified = "30s" }"#);
    ended.assert(0, "passed");
    check_marks(&report, &["T1", "T2", "T3", "T5"]);
    check_truth(&stand, &report);
}
