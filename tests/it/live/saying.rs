//! `gameday note`, `ack` and `mitigated` beside a drill that runs.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use gameday_core::EventKind;

use crate::support::Ran;
use crate::support::rig::{Rig, SLOW, Scenario};

const END: Duration = Duration::from_secs(40);

/// A toxic that stays until somebody says that the harm is over.
pub(crate) const OPEN_ENDED: &str =
    r#"slow = { hold = "until mitigated", on = "web", fault.latency = { delay = "150ms" } }"#;

#[track_caller]
fn said(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    let text = format!("{}{}", ran.stdout, ran.stderr);
    assert!(text.contains(words), "`{words}` is not in: {text}");
}

#[test]
fn a_drill_is_held_until_somebody_says_that_it_is_mitigated() {
    let rig = Rig::new();
    said(&rig.sandbox.run(["mitigated"]), 2, "no drill of this user runs");
    let timeline = OPEN_ENDED;
    rig.scenario(
        "held",
        &Scenario {
            timeline,
            ..Scenario::default()
        },
    );
    let plan = rig.command("held", &["--plan"]).output().unwrap();
    assert!(String::from_utf8_lossy(&plan.stdout).contains("until somebody says `gameday mitigated`"));

    let drill = rig.start_until_injected("held", &["slow"]);
    let socket = drill.journal().with_file_name("inbox.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others of this machine cannot talk to it");

    let run = |args: &[&str]| rig.sandbox.run(args);
    said(
        &run(&["note", "the pool is full\u{1b}[2J", "--as", "Mo"]),
        0,
        "noted",
    );
    said(&run(&["note", " "]), 1, "the note is empty");
    said(&run(&["ack"]), 1, "no alert has fired yet");
    said(
        &run(&["ack", "Nobody"]),
        1,
        "no alert `Nobody` was expected or seen",
    );
    let elsewhere = rig.sandbox.path().to_str().unwrap().to_owned();
    said(
        &run(&["note", "x", "--drill", &elsewhere]),
        2,
        "nobody listens in",
    );
    // A fault that touched nothing would have tested nothing.
    drill.wait_for(
        "the fault to touch something",
        |kind| matches!(kind, EventKind::FaultTouched { touched, .. } if *touched > 0),
    );
    let json = run(&["mitigated", "--as", "Jo", "--output", "json"]);
    said(&json, 0, "the fault that was held until then is removed");

    let ended = drill.finish(END);
    ended.assert(0, "passed");
    ended.assert_says("Mo: the pool is full[2J");
    assert!(!socket.exists(), "the socket goes with its drill");
    let trial = &ended.report().unwrap()["trials"][0];
    assert_eq!(trial["mitigation"]["who"], "Jo");
    assert!(trial["mitigation"]["ttm_ms"].as_i64().unwrap() > 0);
    assert_eq!(trial["people"][0]["text"], "the pool is full[2J");
    rig.assert_whole();
}

#[test]
fn of_several_drills_one_must_be_named() {
    let rig = Rig::new();
    let _node = rig.node();
    let frozen = crate::support::rig::FROZEN;
    rig.scenario(
        "one",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    rig.scenario(
        "two",
        &Scenario {
            timeline: frozen,
            ..Scenario::default()
        },
    );
    let drills = [rig.start("one", &[]), rig.start("two", &[])];
    drills[0].wait_until_injected("slow");
    drills[1].wait_until_injected("frozen");

    let ran = rig.sandbox.run(["note", "which?"]);
    said(&ran, 2, "several drills run; say which is meant");
    for drill in drills {
        let folder = drill.journal().parent().unwrap().to_owned();
        let option = format!("--drill {}", folder.display());
        assert!(ran.stderr.contains(&option), "{option} is not in {}", ran.stderr);
        let folder = folder.to_str().unwrap();
        said(
            &rig.sandbox.run(["note", "this one", "--drill", folder]),
            0,
            "noted",
        );
        drill.wait_for(
            "the note",
            |kind| matches!(kind, EventKind::Noted { text, .. } if text == "this one"),
        );
        drill.signal(nix::sys::signal::Signal::SIGINT);
        drill.finish(END).assert(3, "aborted");
    }
    rig.assert_whole();
}
