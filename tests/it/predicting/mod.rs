//! Predictions against the real Prometheus and Alertmanager, at other intervals, rules and routes than the lab's.
//!
//! What was predicted is read from the report; the truth is asked of the programs by the tests themselves.

mod clocks;
mod disturbed;
mod forged;
mod marks;
mod missed;
mod newer;
mod sweeps;
mod traps;
mod trials;
mod unreceived;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::support::alerting::{Alerting, Setup, Told, receiver};
use crate::support::drill::at;
use crate::support::ports::free_address;
use crate::support::rig::drill::Ended;
use crate::support::rig::{Rig, Scenario};
use crate::support::shop::Shop;

/// What must be true of a rule and of firing, by the issue.
const TICK_MS: i64 = 20;
/// When an evaluation began is all that Prometheus tells of a group's phase; a machine that does other things as well
/// begins one that much from its time. A whole evaluation is a second at least.
const BUSY_TICK_MS: i64 = 100;
/// What must be true of the delivery is 50 ms; a machine that does other things as well may be slower, and begins
/// scrapes later than they are due.
const DELIVERY_MS: i64 = 300;

/// A shop behind a rig's proxy, with its alerting.
struct Stand {
    rig: Rig,
    alerting: Alerting,
    /// Where gameday's receiver listens while a drill runs.
    webhook: SocketAddr,
    /// A receiver of the test's own, at the same route.
    told: Told,
    _shop: Shop,
}

/// What of a stand a test cares about.
struct Plan<'a> {
    global: &'a str,
    groups: &'a str,
    /// `{ours}` and `{theirs}` are the URLs of gameday's receiver and of the test's own, `{events}` and `{file}` are where
    /// an event recorder may write.
    routes: &'a str,
    /// Prometheus scrapes the server through the proxy as well, with these settings.
    through: Option<&'a str>,
    peers: usize,
    /// How long Prometheus waits until it sends an alert again.
    resend: &'a str,
    /// Prometheus 3 and an Alertmanager that records its events, instead of Debian's.
    newer: bool,
}

/// Both receivers at one route.
const ROUTES: &str = "
route: {receiver: oncall, group_by: [alertname], group_wait: 2s, group_interval: 5s}
receivers:
- {name: oncall, webhook_configs: [{url: '{ours}'}, {url: '{theirs}'}]}
";

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            global: "scrape_interval: 2s, scrape_timeout: 1s, evaluation_interval: 3s",
            groups: "",
            routes: ROUTES,
            through: None,
            peers: 1,
            resend: "1m",
            newer: false,
        }
    }
}

impl Stand {
    fn new(plan: &Plan<'_>) -> Self {
        let rig = Rig::new();
        let shop = Shop::open(&rig.listen);
        let (webhook, (theirs, told)) = (free_address(), receiver());
        let routes = plan
            .routes
            .replace("{ours}", &format!("http://{webhook}/webhook"))
            .replace("{theirs}", &format!("http://{theirs}/"))
            .replace("{events}", &format!("http://{webhook}/events"))
            .replace(
                "{file}",
                &rig.sandbox.path().join("events.jsonl").display().to_string(),
            );
        let mut jobs = vec![("shop", shop.metrics, "")];
        jobs.extend(
            plan.through
                .map(|more| ("web", rig.listen.parse().unwrap(), more)),
        );
        let alerting = Alerting::start(
            rig.sandbox.path(),
            &Setup {
                global: plan.global,
                groups: plan.groups,
                jobs: &jobs,
                routes: &routes,
                peers: plan.peers,
                resend: plan.resend,
                newer: plan.newer,
            },
        );
        Self {
            rig,
            alerting,
            webhook,
            told,
            _shop: shop,
        }
    }

    /// Writes a scenario: this fault on the proxy, these expectations.
    fn scenario(&self, fault: &str, expect: &str) {
        self.scenario_that_observes(&self.alerting.observe(Some(self.webhook)), fault, expect);
    }

    /// The same, with an `[observe]` of its own.
    fn scenario_that_observes(&self, observe: &str, fault: &str, expect: &str) {
        let more = format!("{observe}[expect]\n{expect}\n");
        self.rig.scenario(
            "drill",
            &Scenario {
                timeline: fault,
                more: &more,
                ..Scenario::default()
            },
        );
    }

    /// Runs it to its end.
    fn run(&self, fault: &str, expect: &str) -> (Ended, Value) {
        self.scenario(fault, expect);
        let ended = self.rig.start("drill", &[]).finish(Duration::from_secs(180));
        let report = ended.report().expect("a report");
        (ended, report)
    }
}

/// The alert of the only expectation.
fn alert(report: &Value) -> &Value {
    &report["trials"][0]["alerts"][0]
}

/// Each of these marks was predicted exactly, and measured less predicted is within the limits. Only what a moment decides may
/// be predicted as one of two: a drill begins whenever it likes.
#[track_caller]
fn check_marks(report: &Value, names: &[&str]) {
    let predicted = &alert(report)["predicted"];
    for name in names {
        assert!(
            predicted["marks"][name] == predicted["latest"][name] || a_moment_decides(predicted),
            "{name} is predicted exactly: {predicted:#}"
        );
    }
    check_ends(report, names);
}

/// The fault comes so shortly before a scrape, or a scrape so shortly before an evaluation, that nobody knows which of them is
/// the first to see it. All scrapes of these tests are whole seconds apart.
fn a_moment_decides(predicted: &Value) -> bool {
    let [scraped, evaluated] = ["T1", "T2"].map(|mark| at(&predicted["marks"][mark]));
    let effective = at(&predicted["effective_at"]);
    scraped - effective <= 100 || (evaluated - scraped).rem_euclid(1_000) <= 20
}

/// The same of a rule over a window. When a fault takes effect is known to a tenth of a second; where that decides between
/// two evaluations both were predicted, and it was one of them.
#[track_caller]
fn check_ends(report: &Value, names: &[&str]) {
    let alert = alert(report);
    let predicted = &alert["predicted"];
    for name in names {
        let measured = at(&alert["marks"][name]);
        let [early, late] = ["marks", "latest"].map(|end| measured - at(&predicted[end][name]));
        println!("{name}: measured less predicted {early} ms, {late} ms");
        let limit = if matches!(*name, "T1" | "T4" | "T5" | "T10") {
            DELIVERY_MS
        } else {
            BUSY_TICK_MS
        };
        assert!(early.abs().min(late.abs()) <= limit, "{name} is off: {alert:#}");
    }
}
