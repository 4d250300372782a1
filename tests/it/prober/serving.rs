//! What is served to machines: metrics, and the journal.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::web;
use crate::support::Sandbox;
use crate::support::prober::Prober;

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
