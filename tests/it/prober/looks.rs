//! When a panel looks, and when a look is told on the terminal.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::web;
use crate::support::prober::Prober;
use crate::support::{Killed, Sandbox};

#[test]
fn a_panel_has_a_cadence_and_a_verdict_of_its_own() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let flow = std::fs::read_to_string(sandbox.path().join("probes/web.toml")).unwrap();
    let panels = "[check.tls]\nat = \"127.0.0.1:1\"\nevery = \"400ms\"\n[check.dns]\nname = \"a.example.test\"\nask = [\"udp://127.0.0.1:1\"]\n";
    sandbox.write(
        "probes/web.toml",
        &flow.replace("[[step]]", &format!("{panels}[[step]]")),
    );
    let prober = Prober::start(&["probes"], sandbox);
    let runs = |probe: &str, word: &str| {
        format!("gameday_probe_runs_total{{probe=\"{probe}\",region=\"local\",outcome=\"{word}\"}}")
    };
    prober.reaches(&runs("web.tls", "down"), 5.0);
    let (flow, tls) = (
        prober.metric(&runs("web", "up")),
        prober.metric(&runs("web.tls", "down")),
    );
    // Four times as often, give or take what a busy machine missed.
    let ratio = flow.unwrap() / tls.unwrap();
    assert!((2.0..=6.0).contains(&ratio), "{ratio}");
    assert_eq!(prober.metric(&runs("web", "down")), Some(0.0));
    // Without `every` a panel looks once a minute: at most once by now.
    assert!(prober.metric(&runs("web.dns", "down")).unwrap() <= 1.0);
}

#[test]
fn quietly_only_changes_are_told() {
    let sandbox = Sandbox::new();
    let broken = web(&sandbox);
    let mut child = sandbox
        .gameday(["probe", "probes", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .map(Killed)
        .unwrap();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    for (is_broken, words) in [
        (true, ["  down     web from local  ", "http_status", "found 503"]),
        (false, ["  up       web from local  ", "", ""]),
        (true, ["  down     web from local  ", "http_status", "found 503"]),
    ] {
        // Several looks, of which the first alone is news.
        std::thread::sleep(Duration::from_millis(400));
        broken.store(is_broken, Ordering::Relaxed);
        let line = next();
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
}
