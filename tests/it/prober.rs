//! `gameday probe --listen`: a region's prober as a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::Sandbox;
use crate::support::http::serve;
use crate::support::prober::Prober;

/// A flow of one step against a service that can be broken, ten times a second.
fn web(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let page = serve(move |_| match switch.load(Ordering::Relaxed) {
        true => (503, "{}".to_owned()),
        false => (200, "{}".to_owned()),
    });
    let step = format!(
        "every = \"100ms\"\n[[step]]\nname = \"home\"\nget = \"http://{page}/\"\nexpect = [\"status == 200\"]\n"
    );
    sandbox.write("probes/web.toml", &step);
    broken
}

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn metrics_count_looks_by_what_they_said() {
    let sandbox = Sandbox::new();
    let broken = web(&sandbox);
    let mut prober = Prober::start(&["probes", "--region", "eu-west"], sandbox);
    let labels = r#"probe="web",region="eu-west""#;
    let runs = |word: &str| format!("gameday_probe_runs_total{{{labels},outcome=\"{word}\"}}");
    prober.reaches(&runs("up"), 3.0);
    assert_eq!(prober.metric(&runs("down")), Some(0.0));
    assert_eq!(prober.metric(&format!("gameday_probe_up{{{labels}}}")), Some(1.0));
    broken.store(true, Ordering::Relaxed);
    prober.reaches(
        &format!("gameday_probe_failures_total{{{labels},reason=\"http_status\"}}"),
        2.0,
    );
    assert_eq!(prober.metric(&format!("gameday_probe_up{{{labels}}}")), Some(0.0));
    for histogram in [
        format!("gameday_probe_duration_seconds_count{{{labels}}}"),
        format!("gameday_probe_step_duration_seconds_count{{{labels},step=\"home\"}}"),
        format!("gameday_probe_phase_seconds_count{{{labels},step=\"home\",phase=\"wait\"}}"),
    ] {
        prober.reaches(&histogram, 5.0);
    }
    assert!(prober.terminate().success());
}

#[test]
fn a_journal_is_followed_line_by_line_and_a_follower_waits_for_the_next() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes", "--region", "eu-west", "--region", "us-east"], sandbox);
    let about: Value = serde_json::from_str(&prober.get("/v1/region")).unwrap();
    assert_eq!(about["regions"], serde_json::json!(["eu-west", "us-east"]));
    let (mut next, mut regions) = (0, std::collections::BTreeSet::new());
    let began = Instant::now();
    while next < 12 && began.elapsed() < Duration::from_secs(20) {
        for event in events(&prober.get(&format!("/journal?from={next}&wait=5s"))) {
            assert_eq!(event["seq"], next);
            assert_eq!(event["kind"]["probe_done"]["probe"], "web");
            regions.insert(event["region"].as_str().unwrap().to_owned());
            next += 1;
        }
    }
    assert!(regions.iter().eq(["eu-west", "us-east"]), "{regions:?}");
    // Nobody has seen this line yet: the number is of another prober, or of this one before it was restarted.
    let beyond = prober.ask("GET", "/journal?from=1000000", &[]);
    assert_eq!((beyond.status, &beyond.json()["first"]), (410, &0.into()));
}

#[test]
fn a_foreign_name_or_page_is_refused() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    assert_eq!(
        prober.ask("GET", "/metrics", &[("Host", "evil.example")]).status,
        403
    );
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(prober.ask("POST", "/-/reload", &foreign).status, 403);
    assert_eq!(prober.ask("POST", "/-/reload", &[]).status, 200);
    assert_eq!(prober.ask("GET", "/-/reload", &[]).status, 405);
}

#[test]
fn probes_are_read_again_and_a_bad_file_changes_nothing() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    let up = |probe: &str| {
        format!("gameday_probe_runs_total{{probe=\"{probe}\",region=\"local\",outcome=\"up\"}}")
    };
    let good = "gameday_prober_config_last_reload_successful";
    prober.reaches(&up("web"), 2.0);
    let text = std::fs::read_to_string(prober.sandbox.path().join("probes/web.toml")).unwrap();

    // A new file is seen by itself.
    prober.sandbox.write("probes/second.toml", &text);
    prober.says("2 probes are loaded");
    prober.reaches(&up("second"), 1.0);

    let before = prober.metric(&up("web")).unwrap();
    prober
        .sandbox
        .write("probes/second.toml", &text.replace("get =", "git ="));
    prober.signal(Signal::SIGHUP);
    let said = prober.says("everything stays as it is");
    assert!(
        said.contains("second.toml:4:1") && said.contains("unknown key `git`"),
        "{said}"
    );
    assert_eq!(prober.metric(good), Some(0.0));
    let page = prober.get("/");
    assert!(page.contains("unknown key `git`"), "{page}");
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains("did you mean `get`?"), "{}", asked.body);
    prober.reaches(&up("web"), before + 2.0);
    prober.reaches(&up("second"), 2.0);

    std::fs::remove_file(prober.sandbox.path().join("probes/second.toml")).unwrap();
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!((asked.status, asked.body.as_str()), (200, "1 probe is loaded\n"));
    assert_eq!(prober.metric(good), Some(1.0));
    assert_eq!(prober.metric(&up("second")), None);
    // What was counted before stays counted.
    assert!(prober.metric(&up("web")).unwrap() >= before);
}
