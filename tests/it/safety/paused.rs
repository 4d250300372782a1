//! A paused process runs again, whatever becomes of the runner and of the process itself.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::frozen;
use crate::support::rig::{FROZEN, LEASE, Rig, Scenario, at_once};
use crate::support::wait_for;

const END: Duration = Duration::from_secs(30);
/// The kernel and the helper follow at once; a second is for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

#[track_caller]
fn wait_until_helpers_are_gone(rig: &Rig) {
    wait_for("the helper to end", AT_ONCE, || {
        let left = crate::support::rig::node::helpers(rig.sandbox.path());
        left.is_empty().then_some(())
    });
}

#[test]
fn a_paused_process_runs_again_whatever_becomes_of_the_runner_and_of_itself() {
    at_once![
        a_pause_that_is_held_to_its_end_passes,
        a_paused_process_runs_again_when_the_runner_is_killed,
        a_paused_process_runs_again_when_the_runner_is_stopped,
        a_process_that_died_while_it_was_paused_is_started_again,
        a_process_that_died_is_started_again_by_the_helper_of_a_dead_runner,
        a_process_that_starts_slowly_is_not_started_twice,
        a_pause_that_somebody_else_ended_is_lost_and_never_a_pass,
        a_helper_outlives_the_signals_of_whoever_stops_everything,
    ];
}

fn a_pause_that_is_held_to_its_end_passes() {
    let rig = Rig::new();
    rig.scenario(
        "frozen",
        &Scenario {
            timeline: FROZEN,
            ..Scenario::default()
        },
    );
    let node = rig.node();
    let drill = rig.start("frozen", &["--set", "hold=2s"]);
    drill.wait_until_injected("frozen");
    node.wait_until_paused();
    drill.finish(END).assert(0, "passed");
    node.assert_running();
    assert_eq!(node.starts(), 1, "it was never gone, so nothing started it");
    rig.assert_whole();
}

fn a_paused_process_runs_again_when_the_runner_is_killed() {
    let (rig, node, drill) = frozen();
    drill.signal(Signal::SIGKILL);
    node.wait_until_running(AT_ONCE);
    wait_until_helpers_are_gone(&rig);
    drop(drill.finish(END));
    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    node.assert_running();
    rig.assert_whole();
}

fn a_paused_process_runs_again_when_the_runner_is_stopped() {
    let (rig, node, drill) = frozen();
    drill.signal(Signal::SIGSTOP);
    node.wait_until_running(LEASE + AT_ONCE);
    wait_until_helpers_are_gone(&rig);
    drill.signal(Signal::SIGCONT);
    drill.finish(END).assert(3, "aborted");
    node.assert_running();
    rig.assert_whole();
}

fn a_pause_that_somebody_else_ended_is_lost_and_never_a_pass() {
    let (rig, node, drill) = frozen();
    node.signal(Signal::SIGCONT);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("somebody else let process");
    node.assert_running();
    rig.assert_whole();
}

/// A service that is stopped as a whole gets SIGTERM everywhere, its stuck runner and the helper too.
fn a_helper_outlives_the_signals_of_whoever_stops_everything() {
    let (rig, node, drill) = frozen();
    drill.signal(Signal::SIGSTOP);
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        crate::support::rig::node::signal_helpers(rig.sandbox.path(), signal);
    }
    drill.signal(Signal::SIGKILL);
    node.wait_until_running(LEASE + AT_ONCE);
    wait_until_helpers_are_gone(&rig);
    drop(drill.finish(END));
    assert_eq!(rig.heal().code, Some(0));
    rig.assert_whole();
}

fn a_process_that_died_while_it_was_paused_is_started_again() {
    let (rig, node, drill) = frozen();
    node.kill();
    wait_for("the node to be dead", AT_ONCE, || {
        node.state().is_none().then_some(())
    });
    drill.signal(Signal::SIGINT);
    drill.finish(END).assert(3, "aborted");
    node.assert_running();
    assert_eq!(node.starts(), 2, "it was started once more, and only once");
    rig.assert_whole();
}

fn a_process_that_died_is_started_again_by_the_helper_of_a_dead_runner() {
    let (rig, node, drill) = frozen();
    node.kill();
    drill.signal(Signal::SIGKILL);
    wait_for("the node to be started", LEASE + AT_ONCE, || {
        (node.starts() == 2 && node.state().is_some()).then_some(())
    });
    drop(drill.finish(END));
    wait_until_helpers_are_gone(&rig);
    assert_eq!(rig.heal().code, Some(0));
    node.assert_running();
    assert_eq!(node.starts(), 2, "`heal` found it running and left it alone");
    rig.assert_whole();
}

fn a_process_that_starts_slowly_is_not_started_twice() {
    let (rig, node, drill) = frozen();
    // Longer than a lease, and than the kernel is waited for.
    node.start_slowly(4);
    node.kill();
    wait_for("the node to be dead", AT_ONCE, || {
        node.state().is_none().then_some(())
    });
    drill.signal(Signal::SIGINT);
    drill.finish(END).assert(3, "aborted");
    node.assert_running();
    assert_eq!(node.starts(), 2, "it was started once more, and only once");
    rig.assert_whole();
}
