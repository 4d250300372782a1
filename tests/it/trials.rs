//! Several trials in one drill, and a drill for each of several magnitudes, through the real binary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::drill::{self, Running};
use crate::support::http::{ask, serve};
use crate::support::lab::{Exports, Lab};
use crate::support::rig::{Rig, Scenario};
use crate::support::{Ran, Sandbox};

/// The shipped drill in short: its fault is held just long enough to be told of.
fn short(lab: &Exports, edits: &[(&str, &str)], head: &str) -> String {
    let text = lab.scenario(&[
        ("hold = \"60s\"", "hold = \"15s\""),
        ("for = \"10s\"", "for = \"3s\""),
    ]);
    let text = edits.iter().fold(text, |text, (from, to)| {
        assert!(
            text.contains(from),
            "`{from}` is no longer in the shipped scenario"
        );
        text.replace(from, to)
    });
    format!("{head}\n{text}")
}

fn run(sandbox: &Sandbox, lab: &Exports, words: &[&str]) -> (Ran, Duration) {
    let mut command = sandbox.gameday(words);
    command.env("CHECKOUT_PASSWORD", lab.password());
    Running::start(&mut command, Duration::from_secs(240)).end()
}

/// Answers as an Alertmanager does, but tells of one more group as soon as it is told to.
fn with_a_phantom(alertmanager: &str, phantom: &Arc<AtomicBool>) -> String {
    let (behind, phantom) = (alertmanager.to_owned(), Arc::clone(phantom));
    let address = serve(move |request| {
        let Ok(answer) = ask("GET", &format!("{behind}{}", request.path), &[], "") else {
            return (502, String::new());
        };
        let mut body = answer.body;
        if request.path == "/metrics" && phantom.load(Ordering::SeqCst) {
            body += "alertmanager_dispatcher_aggregation_groups{of=\"another\"} 1\n";
        }
        (answer.status, body)
    });
    format!("http://{address}")
}

#[test]
fn trials_begin_at_phases_of_their_own_and_one_after_a_phantom_group_is_not_counted() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let phantom = Arc::new(AtomicBool::new(false));
    let front = with_a_phantom(&lab.exports.alertmanager, &phantom);
    let observed = format!("alertmanager = \"{}\"", lab.exports.alertmanager);
    // A busy machine makes the lab slow by itself: that is no reason not to go on here.
    let edits = [
        (observed.as_str(), &*format!("alertmanager = \"{front}\"")),
        ("p95 = \"250ms\"", "p95 = \"4s\""),
    ];
    let text = short(
        &lab.exports,
        &edits,
        "trials = { count = 3, gate_within = \"3s\" }",
    );
    sandbox.write("trials.toml", &text);
    let mut command = sandbox.gameday(["run", "trials.toml", "--yes", "--seed", "11"]);
    command.env("CHECKOUT_PASSWORD", lab.exports.password());
    let running = Running::start(&mut command, Duration::from_secs(240));
    let drills = sandbox.path().join("drills");
    let (ran, _) = running.end_watched(|_| {
        // From the end of the second trial on there is a group that nobody knows.
        let journals = std::fs::read_dir(&drills).into_iter().flatten().flatten();
        let said = journals
            .map(|folder| std::fs::read_to_string(folder.path().join("journal.jsonl")).unwrap_or_default());
        if said
            .into_iter()
            .any(|text| text.contains("\"trial_ended\":{\"trial\":1}"))
        {
            phantom.store(true, Ordering::SeqCst);
        }
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let folder = drill::folder(&sandbox, &ran);
    let report = drill::report(&folder);
    drill::check_sums(&report);
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3, "{}", ran.stderr);
    let phases: Vec<f64> = trials
        .iter()
        .map(|trial| trial["gate"]["phase"].as_f64().unwrap())
        .collect();
    assert!(phases[0] != phases[1] && phases[1] != phases[2], "{phases:?}");
    for (trial, phase) in trials.iter().zip(&phases) {
        check_phase(trial, *phase);
    }
    let clean: Vec<&Value> = trials.iter().map(|trial| &trial["group_stage_clean"]).collect();
    assert_eq!(clean, [true, true, false], "{}", ran.stderr);
    let over = &report["over_trials"][0];
    assert_eq!(
        (&over["detected"], &over["ttn"]["trials"], &over["ttd"]["trials"]),
        (&3.into(), &2.into(), &3.into())
    );
    assert_eq!(
        (&report["mttd"]["excluded"], &over["not_clean"]),
        (&1.into(), &1.into())
    );
    assert!(
        ran.stderr.contains("[3/3] NOT CLEAN, but waited long enough"),
        "{}",
        ran.stderr
    );
}

/// The faults of a trial began where the seed says, after a tick of the alerting: the rule became active then, which is
/// a whole number of intervals later. A busy machine may be late; early only by what it reads the alerting's phase too early.
fn check_phase(trial: &Value, phase: f64) {
    let (t0, active) = (
        drill::at(&trial["marks"]["T0"]),
        drill::at(&trial["alerts"][0]["marks"]["T2"]),
    );
    let found = (t0 - active).rem_euclid(1000);
    #[expect(clippy::cast_possible_truncation, reason = "less than a second")]
    let late = (found - (phase * 1000.0) as i64 + 100).rem_euclid(1000);
    assert!(
        late < 600,
        "T0 is {found} ms after a tick, and was to be {phase} of a second after it"
    );
}

#[test]
fn a_seed_makes_the_same_phases_again() {
    let _turn = crate::support::turn();
    let rig = Rig::new();
    let scenario = Scenario {
        timeline: "slow = { hold = \"1s\", on = \"web\", fault.latency = { delay = \"150ms\" } }",
        ..Scenario::default()
    };
    rig.scenario("again", &scenario);
    let _traffic = rig.traffic();
    let phases = |seed: &str| {
        let ended = rig
            .start("again", &["--trials", "3", "--seed", seed])
            .finish(Duration::from_secs(120));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let report = ended.report().unwrap();
        let trials = report["trials"].as_array().unwrap().clone();
        trials
            .iter()
            .map(|trial| trial["gate"]["phase"].clone())
            .collect::<Vec<_>>()
    };
    let first = phases("7");
    assert_eq!(first.len(), 3);
    assert_eq!(first, phases("7"));
    assert_ne!(first, phases("8"));
    rig.assert_whole();
}

#[test]
fn a_sweep_says_which_fault_is_seen_and_which_is_not() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let limits = (
        "firing = \"25s\", notified = \"30s\"",
        "firing = \"12s\", notified = \"14s\"",
    );
    sandbox.write(
        "dose.toml",
        &short(
            &lab.exports,
            &[limits, ("jitter = \"20ms\"", "jitter = \"0ms\"")],
            "",
        ),
    );
    let words = [
        "sweep",
        "dose.toml",
        "--over",
        "delay=1ms,200ms",
        "--yes",
        "--output",
        "json",
    ];
    let (ran, _) = run(&sandbox, &lab.exports, &words);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let sweep: Value = serde_json::from_str(&ran.stdout).expect("stdout is one JSON document");
    let seen: Vec<&Value> = sweep["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| &point["alerts"][0]["seen"])
        .collect();
    assert_eq!(seen, ["not_seen", "seen"], "{}", ran.stderr);
    let edge = &sweep["edges"][0];
    assert_eq!(
        (&edge["smallest_seen"], &edge["largest_not_seen"]),
        (&"200ms".into(), &"1ms".into())
    );
    let folder = std::fs::read_dir(sandbox.path().join("drills"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let html = std::fs::read_to_string(folder.join("sweep.html")).unwrap();
    assert!(
        html.contains("<circle class=\"point\"") && html.contains("look-down"),
        "{html}"
    );
    assert!(
        std::fs::read_to_string(folder.join("sweep.md"))
            .unwrap()
            .contains("200ms")
    );
    // What was measured is not measured again.
    let path = folder.display().to_string();
    let (again, took) = run(
        &sandbox,
        &lab.exports,
        &["sweep", "--resume", &path, "--yes", "--output", "json"],
    );
    assert_eq!(
        (again.code, &again.stdout),
        (Some(0), &ran.stdout),
        "{}",
        again.stderr
    );
    assert!(!again.stderr.contains("point 1 of 2"), "{}", again.stderr);
    println!("resumed in {:.1} s", took.as_secs_f64());
    // A value that the scenario cannot hold is told before anything is touched.
    let (wrong, _) = run(
        &sandbox,
        &lab.exports,
        &["sweep", "dose.toml", "--over", "delay=1ms,soon", "--yes"],
    );
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

/// The toxics that the lab's database has.
fn toxics(lab: &Exports) -> usize {
    let answer = ask("GET", &format!("{}/proxies/payments-db", lab.proxy_api), &[], "").unwrap();
    answer.json()["toxics"].as_array().unwrap().len()
}

#[test]
fn a_sweep_that_is_interrupted_undoes_its_fault_and_goes_on_later() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    sandbox.write("dose.toml", &short(&lab.exports, &[], ""));
    let words = [
        "sweep",
        "dose.toml",
        "--over",
        "delay=200ms,210ms,220ms",
        "--yes",
        "--output",
        "json",
    ];
    let mut command = sandbox.gameday(words);
    command.env("CHECKOUT_PASSWORD", lab.exports.password());
    let running = Running::start(&mut command, Duration::from_secs(240));
    let (mut begun, mut stopped) = (0, false);
    let mut there = false;
    let (ran, _) = running.end_watched(|pid| {
        let now = toxics(&lab.exports) > 0;
        begun += usize::from(now && !there);
        there = now;
        // In the middle of the second point: its fault is in place.
        if begun == 2 && !stopped {
            stopped = true;
            kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGINT).unwrap();
        }
    });
    assert!(stopped, "{}", ran.stderr);
    assert_eq!(ran.code, Some(3), "aborted and rolled back: {}", ran.stderr);
    assert_eq!(toxics(&lab.exports), 0, "its fault is undone");
    let open = sandbox.run(["heal"]);
    assert_eq!(open.code, Some(0), "{}{}", open.stdout, open.stderr);
    let sweep: Value = serde_json::from_str(&ran.stdout).expect("stdout is one JSON document");
    let verdicts = |sweep: &Value| -> Vec<Value> {
        let points = sweep["points"].as_array().unwrap();
        points.iter().map(|point| point["verdict"].clone()).collect()
    };
    assert_eq!(
        verdicts(&sweep),
        ["passed".into(), "aborted".into(), Value::Null],
        "{sweep:#}"
    );
    assert_eq!(
        sweep["points"][0]["alerts"][0]["seen"], "seen",
        "what was measured is told"
    );
    let folder = std::fs::read_dir(sandbox.path().join("drills"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(folder.join("sweep.html").is_file(), "and kept");
    let path = folder.display().to_string();
    let hint = "go on with: gameday sweep --resume ";
    let named = ran.stderr.split_once(hint).expect("it says how to go on").1;
    assert!(
        path.ends_with(named.lines().next().unwrap()),
        "{named} is not {path}"
    );

    let (again, _) = run(
        &sandbox,
        &lab.exports,
        &["sweep", "--resume", &path, "--yes", "--output", "json"],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let whole: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(verdicts(&whole), ["passed", "passed", "passed"], "{whole:#}");
    let drill = |sweep: &Value, point: usize| sweep["points"][point]["drill"].clone();
    assert_eq!(drill(&whole, 0), drill(&sweep, 0), "the first is not run again");
    assert_ne!(drill(&whole, 1), drill(&sweep, 1), "the second is");
    assert!(!again.stderr.contains("point 1 of 3"), "{}", again.stderr);
    assert_eq!(toxics(&lab.exports), 0);
}
