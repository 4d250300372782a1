//! Ctrl-C, once and twice, to the whole process group; and the other signals that ask for an end.

use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::Signal;

use crate::support::rig::{FROZEN, Rig, SLOW, Scenario, at_once};

const END: Duration = Duration::from_secs(30);

fn check(signals: &[Signal]) {
    let rig = Rig::new();
    let both = format!("{SLOW}\n{FROZEN}");
    rig.scenario(
        "both",
        &Scenario {
            timeline: &both,
            ..Scenario::default()
        },
    );
    let (node, traffic) = (rig.node(), rig.traffic());
    let drill = rig.start_until_injected("both", &["slow", "frozen"]);
    node.wait_until_paused();

    drill.signal_group(signals[0]);
    drill.wait_for("the stop", |kind| matches!(kind, EventKind::Stopped(_)));
    signals[1..].iter().for_each(|signal| drill.signal_group(*signal));
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    assert_eq!(
        ended.report().unwrap()["rollback"]["verified"],
        true,
        "the rollback is looked at"
    );
    ended.assert_says(signals[0].as_str());
    node.assert_running();
    assert_eq!(node.starts(), 1, "it was only paused");
    rig.assert_whole();
    assert!(rig.heal().stdout.contains("nothing to heal"));
    traffic.assert_never_failed();
}

#[test]
fn whoever_asks_for_an_end_gets_a_rollback() {
    at_once![
        ctrl_c_puts_everything_back,
        a_second_ctrl_c_never_skips_the_rollback,
        ctrl_c_before_the_first_fault_touches_nothing,
        a_stop_file_ends_a_drill_as_ctrl_c_does,
    ];
}

fn ctrl_c_puts_everything_back() {
    check(&[Signal::SIGINT]);
}

fn a_second_ctrl_c_never_skips_the_rollback() {
    check(&[Signal::SIGINT, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
}

fn ctrl_c_before_the_first_fault_touches_nothing() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start("slow", &[]);
    let steady = |kind: &EventKind| *kind == EventKind::StageEntered(gameday_core::Stage::Steady);
    drill.wait_for("the steady state", steady);
    drill.signal_group(Signal::SIGINT);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    assert!(!ended.ordered_a_fault(), "nothing was ordered");
    assert!(rig.heal().stdout.contains("nothing to heal"));
    rig.assert_whole();
}

fn a_stop_file_ends_a_drill_as_ctrl_c_does() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("slow", &["slow"]);
    std::fs::write(drill.journal().with_file_name("stop"), "").unwrap();
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("stop file");
    rig.assert_whole();
}
