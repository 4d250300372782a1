//! `gameday watch`: a drill of another process, and one that is over.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::rig::{Rig, SLOW, Scenario};
use crate::support::{Killed, Ran, wait_for};

const END: Duration = Duration::from_secs(40);

#[test]
fn a_drill_is_watched_from_another_process_to_its_end() {
    let rig = Rig::new();
    rig.scenario(
        "held",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("held", &["slow"]);
    let folder = drill.journal().parent().unwrap().to_owned();
    let out = tempfile::NamedTempFile::new().unwrap();
    let mut command = rig.sandbox.gameday(["watch".as_ref(), folder.as_os_str()]);
    let mut watch = Killed(
        command
            .stdout(out.reopen().unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let seen = || std::fs::read_to_string(out.path()).unwrap();
    wait_for("what was before", END, || {
        seen().contains("fault slow is in place").then_some(())
    });
    assert!(
        watch.0.try_wait().unwrap().is_none(),
        "it goes on as long as the drill"
    );
    drill.signal(Signal::SIGINT);
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    let status = wait_for("the end", END, || watch.0.try_wait().unwrap());
    assert!(status.success());
    // Line by line what the drill itself said.
    let lines = seen();
    assert!(lines.lines().count() > 8, "{lines}");
    assert!(
        ended.stderr.contains(lines.trim_end()),
        "{lines}\n--- is not in ---\n{}",
        ended.stderr
    );

    let folder = folder.to_str().unwrap();
    let again = rig.sandbox.run(["watch", folder]);
    assert_eq!((again.code, again.stdout), (Some(0), lines.clone()));
    // The drill took at least the two seconds of its steady state.
    let began = std::time::Instant::now();
    let replayed = rig.sandbox.run(["watch", folder, "--speed", "2x"]);
    assert_eq!((replayed.code, replayed.stdout), (Some(0), lines));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn what_cannot_be_watched_is_told() {
    let rig = Rig::new();
    let check = |ran: &Ran, words: &str| {
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    };
    check(&rig.sandbox.run(["watch", "nowhere"]), "cannot read the journal");
    rig.sandbox
        .write("odd/journal.jsonl", "{\"not\": \"an event\"}\n");
    check(
        &rig.sandbox.run(["watch", "odd"]),
        "odd/journal.jsonl:1: not an event of a journal",
    );
    rig.sandbox
        .write("long/journal.jsonl", &format!("{}\n", "x".repeat(1 << 20)));
    check(
        &rig.sandbox.run(["watch", "long"]),
        "long/journal.jsonl:1: not an event of a journal",
    );
    rig.sandbox.write("pipe/note", "");
    let pipe = rig.sandbox.path().join("pipe/journal.jsonl");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for arguments in [&["watch", "pipe"][..], &["report", "pipe"], &["what-if", "pipe"]] {
        check(&rig.sandbox.run(arguments), "this is not a regular file");
    }
    let event = |seq: u64| {
        format!(
            "{{\"seq\":{seq},\"at_us\":{seq},\"time\":\"2026-01-01T00:00:00.000000Z\",\"region\":\"local\",\"kind\":{{\"source_lost\":{{\"source\":\"prometheus\",\"error\":\"-\"}}}}}}\n"
        )
    };
    for (name, text, words) in [
        ("headless", event(0), "does not begin with the start of a drill"),
        ("reversed", event(1) + &event(0), "event 1 stands where 0 should"),
    ] {
        rig.sandbox.write(&format!("{name}/journal.jsonl"), &text);
        check(&rig.sandbox.run(["watch", name]), words);
        check(&rig.sandbox.run(["report", name]), words);
    }
    check(
        &rig.sandbox.run(["watch", "odd", "--speed", "0"]),
        "write it as a number from 0.1 to 1000",
    );
}
