//! A target belongs to one drill at a time, on this machine and on another.

use std::time::Duration;

use gameday_core::{EventKind, FaultEnd};
use nix::sys::signal::Signal;

use crate::support::rig::drill::Drill;
use crate::support::rig::{Rig, SLOW, Scenario, at_once};

const END: Duration = Duration::from_secs(30);

fn on_another_machine(rig: &Rig, more: &[&str]) -> Drill {
    let mut command = rig.command("slow", more);
    command.env("XDG_STATE_HOME", rig.sandbox.path().join("other-state"));
    Drill::start(command, rig.sandbox.path())
}

#[test]
fn a_target_belongs_to_one_drill_at_a_time() {
    at_once![
        a_target_of_a_running_drill_is_refused_and_the_drill_goes_on,
        two_drills_of_two_machines_that_begin_at_once_never_share_a_target,
    ];
}

fn a_target_of_a_running_drill_is_refused_and_the_drill_goes_on() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let first = rig.start_until_injected("slow", &["slow"]);
    let name = first
        .journal()
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();

    std::thread::scope(|scope| {
        scope.spawn(|| rig.start("slow", &[]).finish(END).assert_refused(&[&name]));
        scope.spawn(|| on_another_machine(&rig, &[]).finish(END).assert_refused(&[&name]));
    });

    assert_eq!(
        rig.toxics(),
        [format!("\"{name}.slow\"")],
        "the first drill is not disturbed"
    );
    first.signal(Signal::SIGINT);
    first.finish(END).assert(3, "aborted");
    rig.assert_whole();
}

fn two_drills_of_two_machines_that_begin_at_once_never_share_a_target() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let hold = ["--set", "hold=3s"];
    let (here, there) = (rig.start("slow", &hold), on_another_machine(&rig, &hold));
    let ended = [here.finish(END), there.finish(END)];

    let (winners, losers): (Vec<_>, Vec<_>) = ended.iter().partition(|ended| ended.code == Some(0));
    assert_eq!(
        winners.len(),
        1,
        "one of them has the target: {:?}",
        ended.each_ref().map(|ended| &ended.stderr)
    );
    // Its pre-flight came before or after the other's fault; its own fault was never in place.
    let loser = losers[0];
    assert!(
        matches!(loser.code, Some(3 | 4)),
        "{:?}: {}",
        loser.code,
        loser.stderr
    );
    let in_place = |kind: &EventKind| matches!(kind, EventKind::FaultInjected { .. });
    assert!(
        !loser.events().iter().any(|event| in_place(&event.kind)),
        "{}",
        loser.stderr
    );
    let lost = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::FaultRemoved {
                how: FaultEnd::Lost,
                ..
            }
        )
    };
    assert!(
        !winners[0].events().iter().any(|event| lost(&event.kind)),
        "{}",
        winners[0].stderr
    );
    rig.assert_whole();
}
