//! SIGSTOP of the runner in mid-fault: it is there, holds its lock, and does nothing.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::rig::{FROZEN, LEASE, Rig, SLOW, Scenario, at_once};

const END: Duration = Duration::from_secs(30);

#[test]
fn a_stopped_runner_controls_nothing_and_says_so() {
    at_once![
        a_stopped_runner_loses_its_lease_and_says_so_when_it_goes_on,
        a_fault_that_ended_while_the_runner_was_stopped_past_its_hold_is_no_pass,
    ];
}

fn a_stopped_runner_loses_its_lease_and_says_so_when_it_goes_on() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let traffic = rig.traffic();
    let drill = rig.start_until_injected("slow", &["slow"]);

    drill.signal(Signal::SIGSTOP);
    rig.wait_until_toxics_are_gone();
    let healed = rig.heal();
    assert!(healed.stdout.contains("its runner lives"), "{}", healed.stdout);

    drill.signal(Signal::SIGCONT);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("its lease ran out");
    rig.assert_whole();
    assert!(rig.heal().stdout.contains("nothing to heal"));
    traffic.assert_never_failed();
}

/// The order to remove comes at the same moment as the news that there is nothing left to remove.
fn a_fault_that_ended_while_the_runner_was_stopped_past_its_hold_is_no_pass() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    rig.scenario(
        "frozen",
        &Scenario {
            timeline: FROZEN,
            ..Scenario::default()
        },
    );
    let node = rig.node();
    std::thread::scope(|scope| {
        for name in ["slow", "frozen"] {
            let rig = &rig;
            scope.spawn(move || {
                let drill = rig.start(name, &["--set", "hold=2s"]);
                drill.wait_until_injected(name);
                drill.signal(Signal::SIGSTOP);
                // Time is the point: both the lease and the hold have to be over.
                std::thread::sleep(LEASE + Duration::from_secs(1));
                drill.signal(Signal::SIGCONT);
                let ended = drill.finish(END);
                ended.assert(3, "aborted");
            });
        }
    });
    node.assert_running();
    rig.assert_whole();
}
