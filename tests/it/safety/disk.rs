//! A journal that cannot be written any more: no fault without a record, and none that stays.

use std::process::Command;
use std::time::Duration;

use crate::support::rig::drill::Drill;
use crate::support::rig::{Rig, SLOW, Scenario, at_once};

const END: Duration = Duration::from_secs(30);

/// A run whose files may not grow over a limit, once it is set; as on a full disk, a write then fails.
fn start(rig: &Rig, limit: &str) -> Drill {
    let run = rig.command("slow", &[]);
    let script = format!("{limit} exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .arg(run.get_program())
        .args(run.get_args());
    shell.current_dir(rig.sandbox.path());
    shell.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Drill::start(shell, rig.sandbox.path())
}

#[test]
fn a_journal_that_cannot_be_written_is_never_a_pass_and_leaves_no_fault() {
    at_once![
        a_journal_that_is_full_in_mid_fault_ends_the_fault_and_is_no_pass,
        a_journal_that_cannot_be_written_at_all_is_a_refusal,
        a_journal_that_is_full_before_the_fault_lets_no_fault_begin,
    ];
}

fn a_journal_that_is_full_in_mid_fault_ends_the_fault_and_is_no_pass() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = start(&rig, "");
    drill.wait_until_injected("slow");
    let size = std::fs::metadata(drill.journal()).unwrap().len();
    drill.limit(&format!("--fsize={size}"));
    let ended = drill.finish(END);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    ended.assert_says("cannot write the journal");
    ended.assert_says("gameday heal");
    assert_eq!(
        rig.toxics(),
        Vec::<String>::new(),
        "the fault was removed although nothing could be written"
    );

    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{}", healed.stdout);
    assert!(healed.stdout.contains(": healed"), "{}", healed.stdout);
    rig.assert_whole();
}

fn a_journal_that_cannot_be_written_at_all_is_a_refusal() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let ended = start(&rig, "ulimit -f 0;").finish(END);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    ended.assert_says("nothing was touched");
    rig.assert_whole();
}

fn a_journal_that_is_full_before_the_fault_lets_no_fault_begin() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    // Blocks of 512 bytes: the start of the drill fits, its steady state does not.
    let drill = start(&rig, "ulimit -f 6;");
    let ended = drill.finish(END);
    assert!(
        !matches!(ended.code, Some(0) | None),
        "{:?}: {}",
        ended.code,
        ended.stderr
    );
    ended.assert_says("cannot write the journal");
    assert!(!ended.ordered_a_fault());
    let leases = crate::support::http::get(&format!("{}/v1/leases", rig.api)).json();
    assert_eq!(
        leases["leases"].as_array().unwrap().len(),
        0,
        "no lease was ever made: {leases}"
    );
}
