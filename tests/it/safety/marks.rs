//! A mark that got lost: what the journal says was begun is undone, and never said to be whole while it is in place.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::frozen;
use crate::support::rig::node::{helpers, signal_helpers};
use crate::support::rig::{FROZEN, Rig, Scenario, at_once};
use crate::support::wait_for;

const END: Duration = Duration::from_secs(30);

#[test]
fn a_fault_whose_mark_is_lost_is_undone_all_the_same() {
    let _turn = crate::support::turn();
    at_once![
        a_runner_undoes_what_it_has_injected_without_a_mark,
        a_runner_undoes_what_it_has_injected_with_an_empty_mark,
        heal_undoes_what_the_journal_says_was_injected,
        heal_starts_again_what_was_killed_after_it_was_undone,
    ];
}

/// Where the helper that runs marks how far it is: its last word.
fn mark_of_the_helper(rig: &Rig) -> PathBuf {
    let line = helpers(rig.sandbox.path()).remove(0);
    let mark = PathBuf::from(line.trim().rsplit(' ').next().unwrap());
    assert!(mark.is_file(), "{line}");
    mark
}

fn kill_the_helper(rig: &Rig) {
    signal_helpers(rig.sandbox.path(), Signal::SIGKILL);
    wait_for("the helper to be gone", END, || {
        helpers(rig.sandbox.path()).is_empty().then_some(())
    });
}

fn a_runner_undoes_what_it_has_injected_without_a_mark() {
    let (rig, node, drill) = frozen();
    fs::remove_file(mark_of_the_helper(&rig)).unwrap();
    kill_the_helper(&rig);
    drill.finish(END).assert(3, "aborted");
    node.assert_running();
    rig.assert_whole();
}

fn a_runner_undoes_what_it_has_injected_with_an_empty_mark() {
    let (rig, node, drill) = frozen();
    fs::write(mark_of_the_helper(&rig), "").unwrap();
    kill_the_helper(&rig);
    drill.finish(END).assert(3, "aborted");
    node.assert_running();
    rig.assert_whole();
}

fn heal_undoes_what_the_journal_says_was_injected() {
    let (rig, node, drill) = frozen();
    let mark = mark_of_the_helper(&rig);
    drill.signal(Signal::SIGSTOP);
    kill_the_helper(&rig);
    fs::remove_file(mark).unwrap();
    drill.signal(Signal::SIGKILL);
    drop(drill.finish(END));
    node.wait_until_paused();

    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    assert!(!healed.stdout.contains("not begun"), "{}", healed.stdout);
    node.assert_running();
    rig.assert_whole();
}

fn heal_starts_again_what_was_killed_after_it_was_undone() {
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
    wait_for("the helper to have undone it", END, || {
        helpers(rig.sandbox.path()).is_empty().then_some(())
    });
    drill.signal(Signal::SIGKILL);
    drop(drill.finish(END));
    node.kill();

    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    node.assert_running();
    assert_eq!(node.starts(), 2, "{}", healed.stdout);
    rig.assert_whole();
}
