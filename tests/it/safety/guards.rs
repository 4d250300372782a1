//! A guard that is breached, or sees nothing any more, rolls the drill back.

use std::time::Duration;

use gameday_core::EventKind;

use crate::support::rig::{Rig, SLOW, Scenario, at_once};

const END: Duration = Duration::from_secs(30);
const GUARD: &str = "web < 50% for 3s";

#[test]
fn a_breached_or_blind_guard_rolls_back() {
    at_once![
        a_breached_guard_rolls_back_and_is_named,
        a_guard_that_goes_blind_rolls_back,
    ];
}

fn a_breached_guard_rolls_back_and_is_named() {
    let rig = Rig::new();
    let down = r#"off = { hold = "30s", on = "web", fault.down = {} }"#;
    rig.scenario(
        "off",
        &Scenario {
            timeline: down,
            abort_if: &format!("\"{GUARD}\""),
            ..Scenario::default()
        },
    );
    let ended = rig.start("off", &[]).finish(END);
    ended.assert(3, "aborted");
    let summary = ended.report().unwrap()["summary"].to_string();
    assert!(summary.contains(GUARD), "{summary}");
    rig.assert_whole();
    assert!(rig.heal().stdout.contains("nothing to heal"));
}

fn a_guard_that_goes_blind_rolls_back() {
    let rig = Rig::new();
    rig.scenario(
        "slow",
        &Scenario {
            timeline: SLOW,
            abort_if: &format!("\"{GUARD}\""),
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("slow", &["slow"]);
    // Without descriptors a probe cannot look: that is unknown, not down.
    drill.limit("--nofile=1:1024");
    drill.wait_for("the guard", |kind| {
        matches!(kind, EventKind::GuardBreached { .. })
    });
    // The rollback may need a new connection.
    drill.limit("--nofile=1024:1024");
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    ended.assert_says("blind");
    rig.assert_whole();
}
