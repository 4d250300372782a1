//! Alerting that says too much before a drill, or nothing during it: no pass can come of that.

use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::http::{ask, get};
use crate::support::lab::Lab;
use crate::support::rig::at_once;
use crate::support::rig::drill::Drill;
use crate::support::{Sandbox, wait_for};

const END: Duration = Duration::from_secs(60);

#[test]
fn alerting_that_cannot_be_relied_on_is_never_a_pass() {
    let _turn = crate::support::turn();
    at_once![
        an_alert_that_fires_already_is_refused,
        a_prometheus_that_is_lost_in_mid_drill_is_inconclusive,
        a_prometheus_that_is_lost_for_a_while_is_no_pass,
    ];
}

/// A drill on a lab that it does not own.
fn drill_on(lab: &Lab, sandbox: &Sandbox) -> Drill {
    let edits = [
        ("hold = \"60s\"", "hold = \"12s\""),
        ("for = \"10s\"", "for = \"2s\""),
        ("lease = \"15s\"", "lease = \"3s\""),
        ("within = \"60s\"", "within = \"5s\""),
        (
            "firing = \"25s\", notified = \"30s\", resolved = \"60s\"",
            "firing = \"14s\", notified = \"16s\"",
        ),
    ];
    sandbox.write("latency.toml", &lab.exports.scenario(&edits));
    let mut command = sandbox.gameday(["run", "latency.toml", "--yes"]);
    command.envs(&lab.exports.env);
    Drill::start(command, sandbox.path())
}

/// Prometheus and Alertmanager of the embedded lab are one process.
fn signal_alerting(lab: &Lab, signal: Signal) {
    kill(
        Pid::from_raw(i32::try_from(lab.exports.pids["alerting"]).unwrap()),
        signal,
    )
    .unwrap();
}

fn an_alert_that_fires_already_is_refused() {
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let toxic = r#"{"type":"latency","stream":"downstream","attributes":{"latency":400}}"#;
    let toxics = format!("{}/proxies/payments-db/toxics", lab.exports.proxy_api);
    assert_eq!(ask("POST", &toxics, &[], toxic).unwrap().status, 200);
    let alerts = format!("{}/api/v1/alerts", lab.exports.prometheus);
    wait_for("the alert to fire", END, || {
        let body = get(&alerts).body;
        (body.contains("PaymentsLatencyHigh") && body.contains("firing")).then_some(())
    });

    drill_on(&lab, &sandbox)
        .finish(END)
        .assert_refused(&["PaymentsLatencyHigh", "firing already"]);
    let leases = get(&format!("{}/v1/leases", lab.exports.proxy_api)).json();
    assert_eq!(
        leases["leases"].as_array().unwrap().len(),
        0,
        "no lease was ever made: {leases}"
    );
    let left = get(&toxics).json();
    assert_eq!(
        left.as_array().unwrap().len(),
        1,
        "somebody else's toxic is left alone: {left}"
    );
}

fn a_prometheus_that_is_lost_in_mid_drill_is_inconclusive() {
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let drill = drill_on(&lab, &sandbox);
    drill.wait_until_injected("slow");
    signal_alerting(&lab, Signal::SIGSTOP);
    let ended = drill.finish(END);
    signal_alerting(&lab, Signal::SIGCONT);
    ended.assert(1, "inconclusive");
    let lost = |kind: &EventKind| matches!(kind, EventKind::SourceLost { .. });
    assert!(
        ended.events().iter().any(|event| lost(&event.kind)),
        "{}",
        ended.stderr
    );
}

fn a_prometheus_that_is_lost_for_a_while_is_no_pass() {
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let drill = drill_on(&lab, &sandbox);
    drill.wait_until_injected("slow");
    signal_alerting(&lab, Signal::SIGSTOP);
    drill.wait_for("the loss", |kind| matches!(kind, EventKind::SourceLost { .. }));
    signal_alerting(&lab, Signal::SIGCONT);
    let ended = drill.finish(END);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_ne!(ended.verdict().as_deref(), Some("passed"), "{}", ended.stderr);
}
