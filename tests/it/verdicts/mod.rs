//! The verdict on each alert, on the real Prometheus and Alertmanager: one drill that has every one of them.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::support::alerting::{Alerting, Setup};
use crate::support::http::serve;
use crate::support::ports::free_address;
use crate::support::rig::drill::Ended;
use crate::support::rig::{Rig, Scenario};
use crate::support::shop::Shop;

/// Everything is true as soon as the shop fails; what differs is what becomes of it.
const GROUPS: &str = r#"
- name: shop
  interval: 1s
  rules:
  - {alert: Told, expr: shop_failing == 1, labels: {team: shop, severity: page}, annotations: {runbook_url: 'http://PAGES/runbook', dashboard_url: 'http://PAGES/gone'}}
  - {alert: Silenced, expr: shop_failing == 1}
  - {alert: Inhibited, expr: shop_failing == 1}
  - {alert: Nightly, expr: shop_failing == 1}
  - {alert: Astray, expr: shop_failing == 1}
  - {alert: Bare, expr: shop_failing == 1}
  - {alert: Pending, expr: shop_failing == 1, for: 50s}
  - {alert: Quiet, expr: shop_failing == 1, for: 50s}
  - {alert: Loud, expr: shop_failing == 1}
  - {alert: Flaps, expr: shop_failing == 1 and on() (floor(vector(time()) / 3) % 2 == 0)}
  - {alert: Left, expr: shop_failing == 1, labels: {pair: both}}
  - {alert: Right, expr: shop_failing == 1, labels: {pair: both}}
  - {alert: Collateral, expr: shop_failing == 1, labels: {tier: critical}}
  - {alert: Stray, expr: shop_failing == 1}
  - {alert: Always, expr: vector(1)}
"#;

const ROUTES: &str = r#"
route:
  receiver: oncall
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  routes:
  - {matchers: [alertname="Astray"], receiver: others}
  - {matchers: [alertname="Nightly"], receiver: oncall, mute_time_intervals: [always]}
  - {matchers: [pair="both"], receiver: pairs, group_by: [pair]}
inhibit_rules:
- {source_matchers: [alertname="Told"], target_matchers: [alertname="Inhibited"]}
time_intervals:
- {name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}
receivers:
- {name: oncall, webhook_configs: [{url: '{ours}'}]}
- {name: others, webhook_configs: [{url: '{ours}'}]}
- {name: pairs, webhook_configs: [{url: '{ours}'}]}
"#;

const EXPECT: &str = r#"
Told = { notified = "12s", receiver = "oncall", required_labels = ["team"], required_annotations = ["runbook_url"] }
Silenced = { notified = "12s" }
Inhibited = { notified = "12s" }
Nightly = { notified = "12s" }
Astray = { notified = "12s", receiver = "oncall" }
Bare = { notified = "12s", required_labels = ["team"] }
Pending = { notified = "12s" }
Quiet = { never = true }
Loud = { never = true }
Flaps = { firing = "12s" }
Late = { alert = "Told", firing = "1ms" }
Left = { notified = "12s", receiver = "pairs" }
Right = { notified = "12s", receiver = "pairs" }
"#;

struct Stand {
    rig: Rig,
    alerting: Alerting,
    webhook: SocketAddr,
    _shop: Shop,
}

impl Stand {
    fn new() -> Self {
        let rig = Rig::new();
        let shop = Shop::open(&rig.listen);
        let webhook = free_address();
        let pages = serve(|arrival| (if arrival.path == "/runbook" { 200 } else { 404 }, String::new()));
        let alerting = Alerting::start(
            rig.sandbox.path(),
            &Setup {
                global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
                groups: &GROUPS.replace("PAGES", &pages.to_string()),
                jobs: &[("shop", shop.metrics, "")],
                routes: &ROUTES.replace("{ours}", &format!("http://{webhook}/webhook")),
                peers: 1,
                resend: "1m",
                newer: false,
            },
        );
        Self {
            rig,
            alerting,
            webhook,
            _shop: shop,
        }
    }

    fn run(&self, name: &str, tables: &str) -> (Ended, Value) {
        let observe = self.alerting.observe(Some(self.webhook));
        let more = format!("{observe}{tables}");
        let timeline = r#"closed = { hold = "14s", on = "web", fault.down = {} }"#;
        self.rig.scenario(
            name,
            &Scenario {
                timeline,
                more: &more,
                ..Scenario::default()
            },
        );
        let ended = self.rig.start(name, &[]).finish(Duration::from_secs(120));
        let report = ended.report().expect("a report");
        (ended, report)
    }
}

#[test]
fn each_verdict_is_told_of_the_alert_that_earned_it() {
    let _turn = crate::support::turn();
    let stand = Stand::new();
    let silence = stand.alerting.silence("Silenced");
    let forbid =
        "[forbid]\ncritical = { alert = '{tier=\"critical\"}' }\ncalm = { alert = '{tier=\"calm\"}' }\n";
    let (ended, report) = stand.run(
        "verdicts",
        &format!("unexpected = \"fail\"\n[expect]{EXPECT}{forbid}"),
    );
    ended.assert(1, "failed");
    let silence = format!("the silence `{silence}` of `test`: \"test\"");
    check_alerts(&report, &silence);
    check_the_rest(&report);
    check_files(&ended, &silence);
    already_firing(&stand);
}

fn check_alerts(report: &Value, silence: &str) {
    let alerts = report["trials"][0]["alerts"].as_array().unwrap();
    for (label, verdict, says) in [
        ("Told", "passed", "reached `oncall`"),
        ("Silenced", "muted", silence),
        ("Inhibited", "inhibited", "inhibited by the alert `Told`"),
        ("Nightly", "muted", "the time interval `always`"),
        ("Astray", "misrouted", "it reached `others`, not `oncall`"),
        ("Bare", "incomplete", "it came without the label `team`"),
        ("Pending", "pending_only", "of the 50 s that `for` asks"),
        ("Quiet", "passed", "nobody was told, but it was pending for"),
        ("Loud", "forbidden", "it must never come, and it reached `oncall`"),
        ("Flaps", "flapping", "times while the fault was in place"),
        ("Late", "late", "over its limit of 1 ms"),
        ("Left", "passed", "reached `pairs`"),
        ("Right", "passed", "reached `pairs`"),
    ] {
        let alert = alerts.iter().find(|alert| alert["label"] == label).unwrap();
        println!("{label}: {} {}", alert["verdict"], alert["detail"]);
        assert_eq!(alert["verdict"], verdict, "{alert:#}");
        assert!(alert["detail"].as_str().unwrap().contains(says), "{alert:#}");
    }
}

fn check_the_rest(report: &Value) {
    let trial = &report["trials"][0];
    let told = trial["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|alert| alert["label"] == "Told");
    let links = told.unwrap()["links"].as_array().unwrap();
    let link = |name: &str| links.iter().find(|link| link["annotation"] == name).unwrap();
    assert_eq!(
        (&link("runbook_url")["alive"], &link("dashboard_url")["alive"]),
        (&true.into(), &false.into())
    );
    let findings = trial["findings"].to_string();
    assert!(
        findings.contains("`dashboard_url` of the alert `Told` is dead"),
        "{findings}"
    );
    let forbid = trial["forbid"].as_array().unwrap();
    let of = |label: &str| forbid.iter().find(|one| one["label"] == label).unwrap();
    assert_eq!(
        (&of("critical")["verdict"], &of("calm")["verdict"]),
        (&"forbidden".into(), &"passed".into())
    );
    let others = trial["other_alerts"].as_array().unwrap();
    for (name, verdict) in [
        ("Stray", "unexpected"),
        ("Collateral", "forbidden"),
        ("Always", "already_firing"),
    ] {
        let other = others.iter().find(|other| other["name"] == name).unwrap();
        assert_eq!(other["verdict"], verdict, "{other}");
    }
    // Both of the pair come in one notification of one group.
    let pairs = &trial["noise"]["receivers"]["pairs"];
    assert_eq!(
        (&pairs["pages"], &pairs["groups"], &pairs["most_alerts"]),
        (&1.into(), &1.into(), &2.into()),
        "{pairs}"
    );
    let noise = &trial["noise"];
    let flaps = noise["alerts"]["Flaps"].as_u64().unwrap();
    assert!(flaps > 1 && noise["alerts"]["Told"] == 1, "{noise}");
    let pages: u64 = noise["receivers"]
        .as_object()
        .unwrap()
        .values()
        .map(|of| of["pages"].as_u64().unwrap())
        .sum();
    assert_eq!(noise["pages"], pages, "{noise}");
}

fn check_files(ended: &Ended, silence: &str) {
    let read = |name: &str| std::fs::read_to_string(ended.folder().join(name)).unwrap();
    let junit = read("junit.xml");
    for case in [
        "<testcase classname=\"forbid\" name=\"critical\"",
        "<failure message=\"forbidden: the alert `Collateral` fired\"/>",
        "<testcase classname=\"forbid\" name=\"calm\"",
        "<failure message=\"unexpected: Stray\"/>",
    ] {
        assert!(junit.contains(case), "{case} is not in\n{junit}");
    }
    let markdown = read("report.md");
    for words in [
        "**pending only**",
        "**inhibited**",
        "Alerts that must not come",
        silence,
    ] {
        assert!(markdown.contains(words), "{words} is not in\n{markdown}");
    }
    let html = read("report.html");
    for words in [
        "pending only",
        "inhibited",
        "Alerts that must not come",
        "pages in all",
    ] {
        assert!(html.contains(words), "{words} is not in report.html");
    }
}

fn already_firing(stand: &Stand) {
    let (ended, report) = stand.run("already", "[expect]\nAlways = { notified = \"12s\" }\n");
    ended.assert_refused(&["`Always` is firing already"]);
    let alert = &report["trials"][0]["alerts"][0];
    assert_eq!(alert["verdict"], "already_firing", "{alert:#}");
}
