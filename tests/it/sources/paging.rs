//! PagerDuty's events, sent by the real Alertmanager to our receiver, and a webhook of somebody else's.

use serde_json::json;

use super::{LIMIT, alert, paged, post};
use crate::support::alerting::{Alerting, Setup};
use crate::support::drill::at;
use crate::support::http::ask;
use crate::support::ports::free_address;
use crate::support::rig::{Rig, Scenario};
use crate::support::shop::Shop;

/// Routing keys have 32 characters; nothing of this one may be kept.
const KEY: &str = "5ec2e7000000000000000000000000ff";

const RULES: &str = "
- name: shop
  interval: 1s
  rules:
  - {alert: ShopDown, expr: shop_failing == 1, labels: {severity: page, team: shop}, annotations: {summary: the shop is closed}}
";

fn routes(ours: std::net::SocketAddr) -> String {
    format!(
        "route: {{receiver: pager, group_by: [alertname], group_wait: 1s, group_interval: 1s}}\n\
         receivers:\n- name: pager\n  pagerduty_configs: [{{routing_key: '{KEY}', url: 'http://{ours}/v2/enqueue'}}]\n"
    )
}

const TABLES: &str = r#"
[observe.webhooks.datadog]
path = "/hooks/datadog"
alert = "$.title"
status = "$.state"
firing = ["alerting"]
resolved = ["ok"]
labels = { team = "$.tags.team" }
at = "$.time"
[expect]
ShopDown = { notified = "15s", resolved = "30s", receiver = "pagerduty", required_labels = ["team"], required_annotations = ["summary"] }
checkout = { alert = "Checkout slow", source = "webhook", notified = "15s", resolved = "30s", receiver = "datadog", labels = { team = "shop" } }
"#;

#[test]
fn pagerdutys_events_and_anybodys_webhooks_are_measured() {
    let _turn = crate::support::turn();
    let rig = Rig::new();
    let shop = Shop::open(&rig.listen);
    let webhook = free_address();
    let setup = Setup {
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        groups: RULES,
        jobs: &[("shop", shop.metrics, "")],
        routes: &routes(webhook),
        peers: 1,
        resend: "1m",
        newer: false,
    };
    let alerting = Alerting::start(rig.sandbox.path(), &setup);
    let more = format!("{}{TABLES}", alerting.observe(Some(webhook)));
    let timeline = r#"closed = { hold = "8s", on = "web", fault.down = {} }"#;
    rig.scenario(
        "paging",
        &Scenario {
            timeline,
            more: &more,
            ..Scenario::default()
        },
    );

    let drill = rig.start_until_injected("paging", &["closed"]);
    let key = paged(&drill, "pagerduty");
    // Somebody takes it, as PagerDuty's own phone application would say.
    let ack = json!({ "routing_key": KEY, "event_action": "acknowledge", "dedup_key": key });
    let answer = post(&format!("http://{webhook}/v2/enqueue"), &ack);
    assert_eq!((answer.status, &answer.json()["dedup_key"]), (202, &key.into()));
    let bad = post(
        &format!("http://{webhook}/v2/enqueue"),
        &json!({ "event_action": "dance" }),
    );
    assert_eq!(
        (bad.status, &bad.json()["status"]),
        (400, &"invalid event".into())
    );

    let hook = format!("http://{webhook}/hooks/datadog");
    let fired = jiff::Timestamp::from_millisecond(jiff::Timestamp::now().as_millisecond()).unwrap();
    let say = |state: &str, time: jiff::Timestamp| json!({ "title": "Checkout slow", "state": state, "tags": { "team": "shop" }, "time": time.to_string() });
    assert_eq!(post(&hook, &say("alerting", fired)).status, 200);
    let dozing = post(&hook, &say("dozing", fired));
    assert!(
        dozing.status == 400 && dozing.body.contains("`dozing`"),
        "{dozing:?}"
    );
    let forged = say("ok", fired).to_string();
    let page = [
        ("Origin", "https://evil.example"),
        ("Content-Type", "application/json"),
    ];
    let text = [("Content-Type", "text/plain")];
    assert_eq!(ask("POST", &hook, &page, &forged).unwrap().status, 403);
    assert_eq!(ask("POST", &hook, &text, &forged).unwrap().status, 415);
    drill.wait_for("the fault to be removed", |kind| {
        matches!(kind, gameday_core::EventKind::FaultRemoved { .. })
    });
    // A webhook of somebody else's need not say that it sends JSON.
    let ok = say("ok", jiff::Timestamp::now()).to_string();
    assert_eq!(ask("POST", &hook, &[], &ok).unwrap().status, 200);

    let ended = drill.finish(LIMIT);
    ended.assert(0, "passed");
    let report = ended.report().unwrap();
    let shop_down = alert(&report, "ShopDown");
    let marks = &shop_down["marks"];
    let order = [
        at(&marks["T3"]),
        at(&marks["T5"]),
        at(&shop_down["ack"]["T6"]),
        at(&marks["T10"]),
    ];
    assert!(order.is_sorted(), "{shop_down:#}");
    assert_eq!(shop_down["ack"]["who"], "pagerduty");
    assert_eq!(shop_down["labels"]["severity"], "page");

    let checkout = alert(&report, "checkout");
    assert_eq!(checkout["verdict"], "passed", "{checkout:#}");
    assert_eq!(
        at(&checkout["marks"]["T3"]),
        fired.as_millisecond(),
        "{checkout:#}"
    );
    assert!(checkout["marks"]["T10"].is_string(), "{checkout:#}");
    let findings = report["trials"][0]["findings"].to_string();
    assert!(
        findings.contains("3 requests to `/hooks/datadog`") && findings.contains("dozing"),
        "{findings}"
    );
    for file in std::fs::read_dir(ended.folder()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(&KEY[..8]), "the routing key is kept");
    }
}
