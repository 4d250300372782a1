//! The live page: in a real browser, and for those who should not press its buttons.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use gameday_core::EventKind;
use serde_json::Value;

use crate::clients::installed;
use crate::support::http::{ask, get};
use crate::support::rig::drill::Drill;
use crate::support::rig::{Rig, SLOW, Scenario};
use crate::support::{Killed, Ran, root, wait_for};

const END: Duration = Duration::from_secs(40);
/// A browser on a busy machine.
const LIMIT: Duration = Duration::from_secs(150);

/// A drill with a page, in which a fault is held until it is stopped.
fn start(rig: &Rig, more: &[&str]) -> (Drill, String) {
    rig.scenario(
        "held",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let args: Vec<&str> = ["--page", "127.0.0.1:0", "--set", "hold=60s"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    let drill = rig.start("held", &args);
    let url = wait_for("the page", Duration::from_secs(20), || {
        drill
            .said()
            .lines()
            .find_map(|line| Some(line.strip_prefix("page on ")?.to_owned()))
    });
    drill.wait_until_injected("slow");
    (drill, url)
}

/// Drives the page in Chromium; screenshots go where `GAMEDAY_SHOTS` says.
#[track_caller]
pub(super) fn drive(url: &str, mode: &str) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", installed("node/node_modules"))
        .arg(root().join("tests/clients/live_page.cjs"))
        .args([url, mode])
        .args(std::env::var_os("GAMEDAY_SHOTS"))
        .stderr(log.reopen().unwrap());
    let mut child = Killed(command.spawn().unwrap());
    let status = wait_for("the browser", LIMIT, || child.0.try_wait().unwrap());
    assert!(
        status.success(),
        "{}",
        std::fs::read_to_string(log.path()).unwrap()
    );
}

#[test]
fn a_page_shows_all_takes_notes_and_stops_the_drill() {
    let rig = Rig::new();
    let (drill, url) = start(&rig, &[]);
    drive(&url, "stop");
    let ended = drill.finish(END);
    ended.assert(3, "aborted");
    let report = ended.report().unwrap();
    assert!(
        report["summary"].as_str().unwrap().contains("Mo stopped it"),
        "{}",
        report["summary"]
    );
    rig.assert_whole();

    // And once more, from the journal alone.
    let folder = ended.folder().to_str().unwrap();
    let mut watch = rig.sandbox.gameday(["watch", folder, "--page", "127.0.0.1:0"]);
    let mut child = Killed(watch.stderr(std::process::Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    drive(line.trim().strip_prefix("page on ").unwrap(), "see");
}

/// The first thing that is told to somebody who knows the state of an event.
fn told(url: &str, query: &str, headers: &str) -> Value {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /events{query} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
    serde_json::from_str(&data.unwrap()).unwrap()
}

#[test]
fn only_the_page_itself_presses_its_buttons() {
    let rig = Rig::new();
    let (drill, url) = start(&rig, &[]);
    let page = get(&format!("{url}/"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    let secret = page
        .body
        .split("name=\"gameday-page\" content=\"")
        .nth(1)
        .unwrap();
    let secret = secret.split('"').next().unwrap();
    let say = |headers: &[(&str, &str)], word: &str| {
        let kind = ("Content-Type", "application/json");
        let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
        ask(
            "POST",
            &format!("{url}/say"),
            &headers,
            &format!("{{\"who\":\"x\",\"word\":{word}}}"),
        )
        .unwrap()
    };
    let (own, known) = (("Origin", url.as_str()), ("Gameday-Page", secret));
    let port = url.rsplit(':').next().unwrap();
    let localhost = format!("http://localhost:{port}");
    for wrong in [
        &[][..],
        &[known],
        &[own],
        &[("Origin", "http://evil.example"), known],
        &[("Origin", "null"), known],
        &[("Origin", &localhost), known],
        &[own, ("Origin", "http://evil.example"), known],
        &[own, ("Gameday-Page", "guessed")],
    ] {
        assert_eq!(say(wrong, "\"stop\"").status, 403, "{wrong:?}");
    }
    let foreign = ask(
        "GET",
        &format!("{url}/events"),
        &[("Origin", "http://evil.example")],
        "",
    )
    .unwrap();
    assert_eq!(foreign.status, 403);
    assert_eq!(say(&[own, known], "{\"note\":\"by hand\"}").status, 200);
    assert_eq!(say(&[own, known], "{\"note\":\" \"}").status, 409);
    assert_eq!(say(&[own, known], "\"nonsense\"").status, 422);
    drill.wait_for(
        "the note",
        |kind| matches!(kind, EventKind::Noted { text, .. } if text == "by hand"),
    );
    assert!(
        !drill
            .events()
            .iter()
            .any(|event| matches!(event.kind, EventKind::Stopped(_)))
    );

    // Who knows the state of an event is told what came after it, and nothing twice.
    let whole = told(&url, "", "");
    let seq = whole["view"]["seq"].as_u64().unwrap();
    assert!(whole["view"]["log"].as_array().unwrap().len() > 3);
    for news in [
        told(&url, &format!("?from={seq}"), ""),
        told(&url, "?from=0", &format!("Last-Event-ID: {seq}\r\n")),
    ] {
        assert!(news["view"]["head"].is_null(), "{news}");
        let lines = news["view"]["log"].as_array().into_iter().flatten();
        lines.for_each(|line| assert!(line["seq"].as_u64().unwrap() > seq, "{line}"));
    }
    assert_eq!(say(&[own, known], "\"stop\"").status, 200);
    drill.finish(END).assert(3, "aborted");
    rig.assert_whole();
}

#[test]
fn a_page_beyond_loopback_asks_for_a_token() {
    let rig = Rig::new();
    rig.scenario(
        "held",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let refused = Ran::from(rig.command("held", &["--page", "0.0.0.0:0"]).output().unwrap());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--token-file"), "{}", refused.stderr);

    let token = rig.sandbox.write("token", "0123456789abcdef0123456789abcdef\n");
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (drill, url) = start(&rig, &["--token-file", token.to_str().unwrap()]);
    assert_eq!(get(&format!("{url}/")).status, 401);
    let events = ask("GET", &format!("{url}/events"), &[], "").unwrap();
    assert_eq!(events.status, 401);
    let bearer = [("Authorization", "Bearer 0123456789abcdef0123456789abcdef")];
    assert_eq!(ask("GET", &format!("{url}/"), &bearer, "").unwrap().status, 200);
    drill.signal(nix::sys::signal::Signal::SIGTERM);
    drill.finish(END).assert(3, "aborted");
    rig.assert_whole();
}
