//! Drills that must not pass.

use std::time::Duration;

use serde_json::Value;

use crate::support::drill::{self, Running};
use crate::support::lab::{Exports, Lab};
use crate::support::{Ran, Sandbox};

#[test]
fn drills_that_prove_nothing_good_exit_1_and_say_why() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    // One after the other: a target belongs to one drill at a time.
    too_short_a_fault_is_pending_only(&sandbox, &lab.exports);
    too_small_a_fault_is_missed(&sandbox, &lab.exports);
    wrong_routes_and_labels_are_told(&sandbox, &lab.exports);
}

/// The shipped drill in short, on a lab of the test's own.
fn short(lab: &Exports, hold: &str, expect: &str) -> String {
    let text = lab.scenario(&[("hold = \"60s\"", hold), ("for = \"10s\"", "for = \"3s\"")]);
    let shipped = text
        .lines()
        .find(|line| line.starts_with("PaymentsLatencyHigh = "))
        .unwrap();
    text.replace(shipped, expect)
}

fn run(sandbox: &Sandbox, lab: &Exports, name: &str, text: &str, args: &[&str]) -> Ran {
    sandbox.write(name, text);
    let mut command = sandbox.gameday(["run", name, "--yes"]);
    command.args(args).env("CHECKOUT_PASSWORD", lab.password());
    let (ran, took) = Running::start(&mut command, Duration::from_secs(90)).end();
    println!("{name}: {:.1} s", took.as_secs_f64());
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!said.contains(lab.password()), "the password was said: {said}");
    }
    ran
}

const SOON: &str = "PaymentsLatencyHigh = { firing = \"9s\", notified = \"10s\" }";

fn too_short_a_fault_is_pending_only(sandbox: &Sandbox, lab: &Exports) {
    // Everything that is held back leaves when the fault ends, and is slow in one scrape only. The rule
    // looks back 5 s, which is true at four or five ticks; it must be true for 5 s, which takes six.
    let text = short(lab, "hold = \"900ms\"", SOON);
    let ran = run(sandbox, lab, "too-short.toml", &text, &["--set", "delay=1s"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = drill::report(&drill::folder(sandbox, &ran));
    let alert = &report["trials"][0]["alerts"][0];
    assert_eq!(
        (&report["verdict"], &alert["verdict"]),
        (&"failed".into(), &"pending_only".into()),
        "{alert}"
    );
    assert!(
        alert["detail"].as_str().unwrap().contains("and never fired"),
        "{alert}"
    );
    assert!(
        alert["marks"]["T2"].is_string() && alert["marks"]["T3"].is_null(),
        "{alert}"
    );
    assert!(
        alert["why"]["T3"].is_string() && alert["why"]["ttn_ms"].is_string(),
        "each null has a why: {alert}"
    );
    assert_eq!(
        (&report["mttd"]["detected"], &report["mttd"]["trials"]),
        (&0.into(), &1.into())
    );
    assert!(
        ran.stderr.contains("failed: ") && ran.stderr.contains("pending"),
        "{}",
        ran.stderr
    );
}

fn too_small_a_fault_is_missed(sandbox: &Sandbox, lab: &Exports) {
    let text = short(lab, "hold = \"6s\"", SOON).replace("jitter = \"20ms\"", "jitter = \"0ms\"");
    let ran = run(
        sandbox,
        lab,
        "too-small.toml",
        &text,
        &["--set", "delay=1ms", "--output", "json"],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let printed: Value = serde_json::from_str(&ran.stdout).expect("stdout is one JSON document");
    let alert = &printed["trials"][0]["alerts"][0];
    assert_eq!(
        (&printed["exit_code"], &alert["verdict"]),
        (&1.into(), &"missed".into()),
        "{alert}"
    );
    assert!(
        printed["trials"][0]["faults"][0]["touched"].as_u64().unwrap() > 0,
        "it did take effect"
    );
    let folder = sandbox
        .path()
        .join("drills")
        .join(printed["drill"].as_str().unwrap());
    assert_eq!(printed, drill::report(&folder), "what is printed is what is kept");
    drill::check_no_secret(&folder, &[lab.password()]);
}

fn wrong_routes_and_labels_are_told(sandbox: &Sandbox, lab: &Exports) {
    let limits = "alert = \"PaymentsLatencyHigh\", firing = \"20s\", notified = \"20s\"";
    let expect = format!(
        "right = {{ {limits}, receiver = \"oncall\", labels = {{ severity = \"page\" }} }}\n\
         route = {{ {limits}, receiver = \"nobody\" }}\n\
         labels = {{ {limits}, labels = {{ severity = \"ticket\" }} }}"
    );
    let ran = run(
        sandbox,
        lab,
        "astray.toml",
        &short(lab, "hold = \"12s\"", &expect),
        &[],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let folder = drill::folder(sandbox, &ran);
    let report = drill::report(&folder);
    let alerts = report["trials"][0]["alerts"].as_array().unwrap();
    let of = |label: &str| alerts.iter().find(|alert| alert["label"] == label).unwrap();
    let expected = [
        ("right", "passed", "reached `oncall`"),
        ("route", "misrouted", "it reached `oncall`, not `nobody`"),
        ("labels", "labels_differ", "severity is `page`, not `ticket`"),
    ];
    for (label, verdict, detail) in expected {
        let alert = of(label);
        assert_eq!(alert["verdict"], verdict, "{alert}");
        assert!(alert["detail"].as_str().unwrap().contains(detail), "{alert}");
        assert!(
            label == "right" || ran.stderr.contains(detail),
            "{detail} is not in:\n{}",
            ran.stderr
        );
    }
    drill::check_no_secret(&folder, &[lab.password()]);
}
