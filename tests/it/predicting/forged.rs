//! A program beside the real Alertmanager posts what looks like its notification: no drill passes by that.

use super::*;
use crate::support::http::{ask, get};
use crate::support::rig::at_once;
use crate::support::wait_for;

#[test]
fn what_somebody_else_posts_to_our_webhook_makes_no_drill_pass() {
    let _turn = crate::support::turn();
    at_once![
        a_copy_that_no_alertmanager_has_sent_is_doubted,
        an_alert_with_a_fingerprint_of_its_own_is_doubted,
        what_alertmanager_has_sent_passes,
    ];
}

/// Only our receiver, so that what is counted is what reaches us.
fn stand(group_wait: &str) -> Stand {
    Stand::new(&Plan {
        groups: "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0}\n",
        routes: &ROUTES
            .replace(", {url: '{theirs}'}", "")
            .replace("group_wait: 2s", &format!("group_wait: {group_wait}")),
        ..Plan::default()
    })
}

/// A drill in which somebody copies the alert, as Alertmanager lists it, into a notification.
fn forge(stand: &Stand, fingerprint: Option<&str>) -> (Ended, Value) {
    let fault = r#"down = { hold = "10s", on = "web", fault.down = {} }"#;
    stand.scenario(fault, r#"ShopFailing = { firing = "15s", notified = "20s" }"#);
    let drill = stand.rig.start("drill", &[]);
    let url = format!("http://{}/api/v2/alerts", stand.alerting.alertmanagers[0].1);
    let alert = wait_for("the alert in Alertmanager", Duration::from_secs(60), || {
        get(&url).json().as_array()?.first().cloned()
    });
    let body = serde_json::json!({
        "version": "4", "groupKey": "{}:{alertname=\"ShopFailing\"}", "status": "firing", "receiver": "oncall",
        "groupLabels": {"alertname": "ShopFailing"}, "commonLabels": alert["labels"], "commonAnnotations": {},
        "externalURL": "http://alertmanager", "truncatedAlerts": 0,
        "alerts": [{
            "status": "firing", "labels": alert["labels"], "annotations": {}, "startsAt": alert["startsAt"],
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": alert["generatorURL"],
            "fingerprint": fingerprint.map_or(alert["fingerprint"].clone(), Value::from),
        }],
    });
    let ours = format!("http://{}/webhook", stand.webhook);
    let answer = ask(
        "POST",
        &ours,
        &[("Content-Type", "application/json")],
        &body.to_string(),
    );
    assert_eq!(answer.unwrap().status, 200, "it is well formed");
    let ended = drill.finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    (ended, report)
}

#[track_caller]
fn check_doubted((ended, report): &(Ended, Value), words: &str) {
    ended.assert(1, "inconclusive");
    let alert = alert(report);
    assert_eq!(alert["verdict"], "unknown", "{alert:#}");
    let detail = alert["detail"].as_str().unwrap();
    assert!(
        detail.contains(words) && detail.contains("somebody else may have posted"),
        "{detail}"
    );
}

/// The alert is over before its group is told, so all that comes is the copy.
fn a_copy_that_no_alertmanager_has_sent_is_doubted() {
    let stand = stand("40s");
    check_doubted(
        &forge(&stand, None),
        "no Alertmanager counted one that it sent then",
    );
}

fn an_alert_with_a_fingerprint_of_its_own_is_doubted() {
    let stand = stand("2s");
    check_doubted(
        &forge(&stand, Some("0123456789abcdef")),
        "with the fingerprint `0123456789abcdef`",
    );
}

/// The drill may end with the notification itself: it is waited until that was counted.
fn what_alertmanager_has_sent_passes() {
    let stand = stand("2s");
    let expect = r#"ShopFailing = { firing = "15s", notified = "20s", resolved = "30s" }"#;
    let (ended, report) = stand.run(r#"down = { hold = "10s", on = "web", fault.down = {} }"#, expect);
    ended.assert(0, "passed");
    assert_eq!(alert(&report)["verdict"], "passed", "{report:#}");
}
