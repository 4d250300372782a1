//! Something that a drill relies on goes away in mid-drill: then nothing is certain, and no pass is said.

use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::http::{ask, get};
use crate::support::lab::Lab;
use crate::support::rig::drill::Drill;
use crate::support::rig::{Rig, SLOW, Scenario};
use crate::support::{Sandbox, wait_for};

/// A proxy that is silent is asked for a lease and five seconds more, and then looked at once more.
const END: Duration = Duration::from_secs(60);

#[test]
fn a_proxy_that_stops_answering_ends_with_exit_5() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("slow", &["slow"]);
    rig.signal_proxy(Signal::SIGSTOP);
    let ended = drill.finish(END);
    ended.assert(5, "rollback_unverified");
    ended.assert_says("gameday heal");

    let still = rig.heal();
    assert_eq!(
        still.code,
        Some(5),
        "nothing can be said while the proxy is silent: {}",
        still.stdout
    );
    rig.signal_proxy(Signal::SIGCONT);
    rig.wait_until_toxics_are_gone();
    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    rig.assert_whole();
    rig.start("slow", &["--set", "hold=1s"])
        .finish(END)
        .assert(0, "passed");
}

#[test]
fn a_proxy_that_dies_ends_with_exit_5() {
    let mut rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("slow", &["slow"]);
    rig.signal_proxy(Signal::SIGKILL);
    let ended = drill.finish(END);
    ended.assert(5, "rollback_unverified");
    ended.assert_says("gameday heal");

    assert_eq!(
        rig.heal().code,
        Some(5),
        "a proxy that is not there can say nothing"
    );
    rig.restart_proxy();
    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    rig.assert_whole();
}

#[test]
fn a_proxy_that_came_back_without_the_fault_is_no_pass() {
    let mut rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("slow", &["slow"]);
    rig.restart_proxy();
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("was it restarted?");
    rig.assert_whole();
}

/// A scenario on a lab that the drill does not own.
fn on_lab(lab: &Lab, sandbox: &Sandbox) -> Drill {
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

#[test]
fn an_alert_that_fires_already_is_refused_and_a_prometheus_that_is_lost_is_inconclusive() {
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let exports = &lab.exports;

    let drill = on_lab(&lab, &sandbox);
    drill.wait_for("the fault", |kind| {
        matches!(kind, EventKind::FaultInjected { .. })
    });
    let alerting = Pid::from_raw(i32::try_from(exports.pids["alerting"]).unwrap());
    kill(alerting, Signal::SIGSTOP).unwrap();
    let ended = drill.finish(END);
    kill(alerting, Signal::SIGCONT).unwrap();
    ended.assert(1, "inconclusive");
    assert!(
        ended
            .events()
            .iter()
            .any(|event| matches!(event.kind, EventKind::SourceLost { .. }))
    );

    let toxic = r#"{"type":"latency","stream":"downstream","attributes":{"latency":400}}"#;
    let toxics = format!("{}/proxies/payments-db/toxics", exports.proxy_api);
    assert_eq!(ask("POST", &toxics, &[], toxic).unwrap().status, 200);
    let alerts = format!("{}/api/v1/alerts", exports.prometheus);
    wait_for("the alert to fire", END, || {
        let body = get(&alerts).body;
        (body.contains("PaymentsLatencyHigh") && body.contains("firing")).then_some(())
    });
    let refused = on_lab(&lab, &sandbox).finish(END);
    refused.assert_refused(&["PaymentsLatencyHigh", "firing already"]);
    let leases = get(&format!("{}/v1/leases", exports.proxy_api)).json();
    let active = leases["leases"].to_string().contains("\"active\"");
    assert!(!active, "nothing was touched: {leases}");
    assert_eq!(
        get(&toxics).json().as_array().unwrap().len(),
        1,
        "somebody else's toxic is left alone"
    );
}

#[test]
fn a_prometheus_that_is_lost_for_a_while_is_no_pass() {
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let drill = on_lab(&lab, &sandbox);
    drill.wait_for("the fault", |kind| {
        matches!(kind, EventKind::FaultInjected { .. })
    });
    let alerting = Pid::from_raw(i32::try_from(lab.exports.pids["alerting"]).unwrap());
    kill(alerting, Signal::SIGSTOP).unwrap();
    drill.wait_for("the loss", |kind| matches!(kind, EventKind::SourceLost { .. }));
    kill(alerting, Signal::SIGCONT).unwrap();
    let ended = drill.finish(END);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_ne!(ended.verdict().as_deref(), Some("passed"));
}
