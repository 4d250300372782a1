//! A journal that cannot be written any more: no fault without a record, and none that stays.

use std::time::Duration;

use crate::support::rig::drill::Drill;
use crate::support::rig::{Rig, SLOW, Scenario};

const END: Duration = Duration::from_secs(30);

/// A run whose files may not grow over a limit, once it is set; as on a full disk, a write then fails.
fn start(rig: &Rig, limit: &str) -> Drill {
    let run = rig.command("slow", &[]);
    let mut command = rig.sandbox.gameday::<&str>([]);
    // The signal that comes with the limit would kill, so it is ignored: a full disk sends none.
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("trap '' XFSZ; {limit} exec \"$0\" \"$@\"")])
        .arg(run.get_program());
    shell.args(run.get_args()).current_dir(rig.sandbox.path());
    let envs = command.env("NO_COLOR", "1").get_envs();
    shell.envs(envs.filter_map(|(name, value)| Some((name, value?))));
    Drill::start(shell, rig.sandbox.path())
}

#[test]
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

#[test]
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
