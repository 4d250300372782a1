//! SIGKILL of the runner in mid-fault.

use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::Signal;

use crate::support::rig::{Rig, SLOW, Scenario, at_once};
use crate::support::{Sandbox, wait_for};

const END: Duration = Duration::from_secs(30);

#[test]
fn a_killed_runner_leaves_nothing_for_longer_than_a_lease() {
    let _turn = crate::support::turn();
    at_once![
        a_killed_runner_leaves_a_fault_for_one_lease_and_a_drill_to_heal,
        a_lab_that_died_with_its_runner_has_nothing_left_to_heal,
    ];
}

fn a_killed_runner_leaves_a_fault_for_one_lease_and_a_drill_to_heal() {
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
    assert_eq!(rig.toxics().len(), 1, "the fault is in place");

    drill.signal(Signal::SIGKILL);
    rig.wait_until_toxics_are_gone();
    let killed = drill.finish(END);
    assert_eq!(
        (killed.code, killed.verdict()),
        (None, None),
        "a killed runner reports nothing"
    );

    let refused = rig.start("slow", &["--set", "hold=1s"]).finish(END);
    refused.assert_refused(&["gameday heal", "died"]);

    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}{}", healed.stdout, healed.stderr);
    assert!(healed.stdout.contains(": healed"), "{}", healed.stdout);
    assert!(
        rig.heal().stdout.contains("nothing to heal"),
        "it was healed already"
    );

    let next = rig.start("slow", &["--set", "hold=1s"]).finish(END);
    next.assert(0, "passed");
    rig.assert_whole();
    traffic.assert_never_failed();

    let rendered = rig.sandbox.run(["report".as_ref(), killed.folder().as_os_str()]);
    assert_eq!(rendered.code, Some(0), "{}", rendered.stderr);
    assert_eq!(
        killed.verdict().as_deref(),
        Some("aborted"),
        "a killed drill never passes"
    );
}

fn a_lab_that_died_with_its_runner_has_nothing_left_to_heal() {
    let sandbox = Sandbox::new();
    let scenario = crate::support::root().join("scenarios/db-latency.toml");
    let mut command = sandbox.gameday(["run".as_ref(), scenario.as_os_str()]);
    command.args(["--lab", "embedded"]);
    let drill = crate::support::rig::drill::Drill::start(command, sandbox.path());
    // The shipped scenario looks at its steady state for ten seconds first.
    drill.wait_for("the fault", |kind| {
        matches!(kind, EventKind::FaultInjected { .. })
    });
    drill.signal(Signal::SIGKILL);
    drop(drill.finish(END));

    let healed = wait_for("the lab to be gone", Duration::from_secs(10), || {
        let ran = sandbox.run(["heal"]);
        (ran.code == Some(0)).then_some(ran)
    });
    assert!(healed.stdout.contains(": healed"), "{}", healed.stdout);
}
