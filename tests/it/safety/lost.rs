//! A proxy that goes away in mid-drill: nothing can be verified, so nothing is claimed.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::rig::{Rig, SLOW, Scenario, at_once};

/// A proxy that is silent is asked for a lease and five seconds more, and then looked at once more.
const END: Duration = Duration::from_secs(60);

#[test]
fn a_lost_proxy_is_never_a_pass() {
    at_once![
        a_proxy_that_stops_answering_ends_with_exit_5,
        a_proxy_that_dies_ends_with_exit_5,
        a_proxy_that_came_back_without_the_fault_is_no_pass,
    ];
}

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
