//! Sources whose clocks are off by seconds, and are stepped in mid-drill: corrected within the bound that was
//! measured, or void.

use gameday_core::{AlertState, EventKind};

use super::*;
use crate::support::rig::at_once;
use crate::support::shifted::{self, Clocks, Shift};

const DOWN: &str = r#"down = { hold = "14s", on = "web", fault.down = {} }"#;
const GAUGE: &str = "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: shop_failing > 0, for: 2s}\n";
const EXPECT: &str = r#"ShopFailing = { firing = "40s", notified = "50s", resolved = "60s" }"#;
/// Beyond what every clock of this test is measured to.
const AHEAD_MS: i64 = 7_300;
const FURTHER_MS: i64 = 12_600;

#[test]
fn clocks_that_are_off_are_corrected_and_those_that_step_void_what_they_touch() {
    let _turn = crate::support::turn();
    at_once![
        times_of_clocks_that_are_off_are_put_on_ours,
        a_clock_that_is_stepped_in_mid_drill_voids_what_it_touches,
    ];
}

/// A stand that is seen through clocks which are off.
struct Off {
    stand: Stand,
    clocks: Clocks,
    observe: String,
}

fn off() -> Off {
    let clocks = Clocks {
        prometheus: Shift::by(AHEAD_MS),
        alertmanager: Shift::by(FURTHER_MS),
    };
    let webhook = free_address();
    let shifted_webhook = shifted::webhook(webhook, &clocks);
    let mut stand = Stand::new(&Plan {
        groups: GAUGE,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
        routes: &ROUTES.replace("{ours}", &format!("http://{shifted_webhook}/webhook")),
        ..Plan::default()
    });
    stand.webhook = webhook;
    let prometheus = shifted::prometheus(stand.alerting.prometheus_at, &clocks);
    let alertmanager = shifted::alertmanager(stand.alerting.alertmanagers[0].1, &clocks);
    let observe = format!(
        "[observe]\nprometheus = \"http://{prometheus}\"\nalertmanager = \"http://{alertmanager}\"\n\
         webhook = \"http://{webhook}/webhook\"\n"
    );
    Off {
        stand,
        clocks,
        observe,
    }
}

fn clock<'a>(report: &'a Value, source: &str) -> &'a Value {
    let clocks = report["trials"][0]["clocks"].as_array().unwrap();
    let found = clocks.iter().find(|clock| clock["source"] == source);
    found.unwrap_or_else(|| panic!("no clock of {source} in {clocks:?}"))
}

fn times_of_clocks_that_are_off_are_put_on_ours() {
    let Off { stand, observe, .. } = off();
    stand.scenario_that_observes(&observe, DOWN, EXPECT);
    let ended = stand.rig.start("drill", &[]).finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    ended.assert(0, "passed");
    // Each clock was compared again and again, and its true offset lies within the bound that is told.
    for (source, true_ms) in [("prometheus", AHEAD_MS), ("alertmanager", FURTHER_MS)] {
        let clock = clock(&report, source);
        let (offset, error) = (
            clock["offset_us"].as_i64().unwrap(),
            clock["error_us"].as_i64().unwrap(),
        );
        println!("{source}: {offset} ± {error} us");
        assert!((offset - true_ms * 1000).abs() <= error, "{clock}");
        assert!(clock["readings"].as_u64().unwrap() >= 10, "{clock}");
        assert_eq!(
            (&clock["corrected"], &clock["stepped"]),
            (&true.into(), &false.into())
        );
    }
    let alert = alert(&report);
    let truth = |state: &str| {
        stand
            .alerting
            .samples(&format!("ALERTS{{alertstate=\"{state}\"}}[10m]"))
    };
    let scraped = stand.alerting.samples("up{job=\"shop\"}[10m]");
    let effective = at(&report["trials"][0]["faults"][0]["effective_at"]);
    let bound = |source: &str| clock(&report, source)["error_us"].as_i64().unwrap() / 1000 + 6;
    for (mark, true_at) in [
        ("T2", truth("pending")[0]),
        ("T3", truth("firing")[0]),
        ("T9", truth("firing").last().unwrap() + 1000),
    ] {
        let off = at(&alert["marks"][mark]) - true_at;
        println!("{mark}: reported less true {off} ms");
        assert!(
            off.abs() <= bound("prometheus"),
            "{mark} is {off} ms off: {alert:#}"
        );
        assert!(alert["raw"][mark].is_string(), "the raw time stays");
    }
    let t1 = at(&alert["marks"]["T1"]);
    let nearest = scraped.iter().map(|at| (at - t1).abs()).min().unwrap();
    assert!(
        nearest <= bound("prometheus") && t1 >= effective,
        "T1 is {nearest} ms from a scrape"
    );
    // Alertmanager was told a few milliseconds after the tick.
    let t4 = at(&alert["marks"]["T4"]) - truth("firing")[0];
    assert!(
        (-bound("alertmanager")..=bound("alertmanager") + DELIVERY_MS).contains(&t4),
        "T4 is {t4} ms after it fired"
    );
}

fn a_clock_that_is_stepped_in_mid_drill_voids_what_it_touches() {
    let Off {
        stand,
        clocks,
        observe,
    } = off();
    stand.scenario_that_observes(&observe, DOWN, EXPECT);
    let drill = stand.rig.start("drill", &[]);
    drill.wait_for(
        "the alert to be pending",
        |kind| matches!(kind, EventKind::AlertSeen(seen) if seen.state == AlertState::Pending),
    );
    clocks.prometheus.step_to(0);
    let ended = drill.finish(Duration::from_secs(180));
    let report = ended.report().expect("a report");
    assert_eq!(clock(&report, "prometheus")["stepped"], true);
    let disturbances = &report["trials"][0]["disturbances"];
    let step = disturbances.as_array().unwrap().iter();
    let step = step
        .clone()
        .find(|one| one["what"] == "clock_stepped" && one["source"] == "prometheus")
        .unwrap_or_else(|| panic!("{disturbances:#}"));
    assert!(
        !step["voids"].as_array().unwrap().is_empty(),
        "it touches something: {step:#}"
    );
    // What cannot be known is no pass, and never a number.
    assert_ne!(ended.code, Some(0), "{}", ended.stderr);
    assert!(alert(&report)["ttd_ms"].is_null(), "{:#}", alert(&report));
}
