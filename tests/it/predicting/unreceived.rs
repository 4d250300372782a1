//! Without gameday's receiver in the team's routes, notifications lie between two readings of counters: truly so.

use super::*;
use crate::support::rig::at_once;

const DOWN: &str = r#"down = { hold = "12s", on = "web", fault.down = {} }"#;
const GAUGE: &str = "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0}\n";
/// Only the team's own receiver.
const THEIRS: &str = "
route: {receiver: oncall, group_by: [alertname], group_wait: 2s, group_interval: 5s}
receivers:
- {name: oncall, webhook_configs: [{url: '{theirs}'}]}
";

#[test]
fn notifications_that_others_receive_are_intervals() {
    let _turn = crate::support::turn();
    at_once![
        both_notifications_lie_where_the_counters_say,
        a_receiver_that_refuses_is_no_notification,
    ];
}

fn stand(routes: &str) -> Stand {
    Stand::new(&Plan {
        groups: GAUGE,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        routes,
        ..Plan::default()
    })
}

fn run(stand: &Stand, expect: &str) -> (Ended, Value) {
    stand.scenario_that_observes(&stand.alerting.observe(None), DOWN, expect);
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    (ended, report)
}

fn both_notifications_lie_where_the_counters_say() {
    let stand = stand(THEIRS);
    let expect =
        r#"ShopFailing = { firing = "40s", notified = "50s", resolved = "60s", receiver = "oncall" }"#;
    let (ended, report) = run(&stand, expect);
    ended.assert(0, "passed");
    let alert = alert(&report);
    let told = stand.told.lock().unwrap();
    for (mark, status) in [("T5", "firing"), ("T10", "resolved")] {
        let between = &alert["between"][mark];
        let (after, by) = (at(&between["after"]), at(&between["by"]));
        let (arrived, _) = told.iter().find(|(_, theirs)| theirs == status).unwrap();
        let arrived = arrived.as_millisecond();
        println!(
            "{mark}: {} ms after the interval began, {} before it ended",
            arrived - after,
            by - arrived
        );
        // It is counted when it was answered, which is after it arrived; both are rounded to milliseconds.
        assert!(
            after <= arrived + 50 && arrived <= by + 1,
            "{arrived} in {between}"
        );
        assert!(alert["marks"][mark].is_null(), "{alert:#}");
    }
    assert!(alert["ttn_ms"].is_null(), "no bare number: {alert:#}");
    let range = alert["ttn_between_ms"].as_array().unwrap();
    assert!(range[0].as_i64() < range[1].as_i64(), "{range:?}");
    assert_eq!(report["mttd"]["detected"], 1);
    assert!(report["mttd"]["mean_ms"].is_null());
    let markdown = std::fs::read_to_string(ended.folder().join("report.md")).unwrap();
    assert!(markdown.contains("no webhook: it lies between"), "{markdown}");
}

fn a_receiver_that_refuses_is_no_notification() {
    // Port 9 is reserved for discarding; nobody listens on it.
    let stand = stand(&THEIRS.replace("{theirs}", "http://127.0.0.1:9/"));
    let (ended, report) = run(&stand, r#"ShopFailing = { firing = "15s", notified = "20s" }"#);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let alert = alert(&report);
    assert_eq!(alert["verdict"], "missed", "{alert:#}");
    let detail = alert["detail"].as_str().unwrap();
    assert!(detail.contains("requests that failed"), "{detail}");
}
