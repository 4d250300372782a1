//! Every kind of fault: it takes effect, and it ends whatever becomes of the runner and of its helpers.

mod each;
mod families;
mod refused;

use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::Signal;

use crate::support::drill;
use crate::support::rig::drill::Drill;
use crate::support::rig::everything::{Everything, Kind, TOKEN};
use crate::support::rig::node::signal_helpers;
use crate::support::rig::{LEASE, at_once};
use crate::support::wait_for;

const END: Duration = Duration::from_secs(60);
/// A lease, and the time that undoing everything takes on a busy machine.
const UNDONE_WITHIN: Duration = Duration::from_secs(3 + 12);

/// A drill that breaks all that this machine allows at once; a process that is killed cannot be paused as well.
fn all_at_once(things: &Everything) -> Vec<Kind> {
    let kinds = things.kinds().into_iter().filter(|kind| *kind != Kind::Frozen);
    let kinds: Vec<Kind> = kinds.collect();
    things.scenario("all", &kinds);
    kinds
}

/// Starts it and waits until all is broken.
fn broken() -> (Everything, Drill, Vec<Kind>) {
    let things = Everything::new();
    let kinds = all_at_once(&things);
    let drill = Drill::start(things.command("all", &[]), things.rig.sandbox.path());
    for kind in &kinds {
        drill.wait_until_injected(kind.name());
    }
    assert_eq!(things.broken(), kinds, "all is broken");
    (things, drill, kinds)
}

#[track_caller]
fn wait_until_whole(things: &Everything) {
    wait_for("everything to be whole", UNDONE_WITHIN, || {
        things.broken().is_empty().then_some(())
    });
}

#[test]
fn every_kind_of_fault_takes_effect_and_ends_whatever_becomes_of_the_runner() {
    at_once![
        faults_that_are_held_to_their_end_pass,
        faults_end_when_the_runner_is_killed,
        faults_end_when_the_runner_is_stopped,
        faults_end_at_ctrl_c,
        heal_undoes_what_outlived_the_runner_and_its_helpers,
        a_helper_that_is_killed_is_a_fault_that_is_lost,
        a_helper_that_is_stopped_is_ended_and_its_fault_undone,
    ];
}

fn faults_that_are_held_to_their_end_pass() {
    let things = Everything::new();
    let kinds = all_at_once(&things);
    let command = things.command("all", &["--set", "hold=3s"]);
    let ended = Drill::start(command, things.rig.sandbox.path()).finish(END);
    ended.assert(0, "passed");
    let report = drill::report(ended.folder());
    for kind in &kinds {
        let faults = report["trials"][0]["faults"].as_array().unwrap();
        let fault = faults.iter().find(|fault| fault["name"] == kind.name()).unwrap();
        let [ordered, effective, removed] =
            ["ordered_at", "effective_at", "removed_at"].map(|at| drill::at(&fault[at]));
        assert!(ordered <= effective && effective <= removed, "{fault}");
        assert_eq!(fault["ended"], "removed", "{fault}");
    }
    assert_eq!(things.node.starts(), 2, "it was started again, once");
    drill::check_no_secret(ended.folder(), &[TOKEN]);
    things.assert_whole();
}

fn faults_end_when_the_runner_is_killed() {
    let (things, drill, _) = broken();
    drill.signal(Signal::SIGKILL);
    // At once: whoever heals must not get in the way of helpers that are at it.
    let healed = things.heal();
    wait_until_whole(&things);
    assert_eq!(drill.finish(END).code, None);
    assert_eq!(things.node.starts(), 2, "it was started again, once");
    if healed.code != Some(0) {
        // The proxy's lease had not run out yet.
        let again = things.heal();
        assert_eq!(again.code, Some(0), "{}", again.stdout);
    }
    things.assert_whole();
}

fn faults_end_when_the_runner_is_stopped() {
    let (things, drill, _) = broken();
    drill.signal(Signal::SIGSTOP);
    wait_until_whole(&things);
    drill.signal(Signal::SIGCONT);
    drill.finish(END).assert(3, "aborted");
    assert_eq!(things.node.starts(), 2, "it was started again, once");
    things.assert_whole();
}

fn faults_end_at_ctrl_c() {
    let (things, drill, _) = broken();
    drill.signal_group(Signal::SIGINT);
    drill.signal_group(Signal::SIGINT);
    drill.finish(END).assert(3, "aborted");
    things.assert_whole();
}

fn heal_undoes_what_outlived_the_runner_and_its_helpers() {
    let (things, drill, kinds) = broken();
    drill.signal(Signal::SIGSTOP);
    signal_helpers(things.rig.sandbox.path(), Signal::SIGKILL);
    drill.signal(Signal::SIGKILL);
    drop(drill.finish(END));
    // Time is the point: the proxy's lease and all that dies with a helper are over by now.
    std::thread::sleep(LEASE + Duration::from_secs(1));
    let outlived: Vec<Kind> = kinds
        .into_iter()
        .filter(|kind| kind.outlives_its_helper())
        .collect();
    assert_eq!(things.broken(), outlived, "nobody has undone these");
    let healed = things.heal();
    assert_eq!(healed.code, Some(0), "{}{}", healed.stdout, healed.stderr);
    assert!(!healed.stdout.contains(TOKEN));
    things.assert_whole();
    assert!(things.heal().stdout.contains("nothing to heal"));
}

fn a_helper_that_is_killed_is_a_fault_that_is_lost() {
    let (things, drill, _) = broken();
    signal_helpers(things.rig.sandbox.path(), Signal::SIGKILL);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    let lost = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::FaultRemoved {
                how: gameday_core::FaultEnd::Lost,
                ..
            }
        )
    };
    assert!(
        ended.events().iter().any(|event| lost(&event.kind)),
        "{}",
        ended.stderr
    );
    things.assert_whole();
}

fn a_helper_that_is_stopped_is_ended_and_its_fault_undone() {
    let things = Everything::new();
    things.scenario("flagged", &[Kind::Flagged]);
    let drill = Drill::start(things.command("flagged", &[]), things.rig.sandbox.path());
    drill.wait_until_injected("flagged");
    signal_helpers(things.rig.sandbox.path(), Signal::SIGSTOP);
    drill.finish(END).assert(3, "aborted");
    things.assert_whole();
}
