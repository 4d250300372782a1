//! Whole drills: the shipped one passes on both labs, and one that should not pass says why.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;

use crate::support::drill::{self, at};
use crate::support::lab::{Exports, Lab};
use crate::support::{Ran, Sandbox, root, wait_for};

const RENDERED: [&str; 4] = ["junit.xml", "report.html", "report.json", "report.md"];

#[test]
fn the_shipped_drill_passes_on_both_labs() {
    let sandboxes = [Sandbox::new(), Sandbox::new()];
    // Each by itself takes a minute and a half, most of it waiting: both run at once.
    let runs = [("embedded", 150), ("real", 240)].map(|(lab, limit_s)| {
        let sandbox = &sandboxes[usize::from(lab == "real")];
        (
            lab,
            sandbox,
            Running::start(shipped(sandbox, lab), Duration::from_secs(limit_s)),
        )
    });
    for (lab, sandbox, running) in runs {
        let (ran, took) = running.end();
        assert_eq!(ran.code, Some(0), "{lab}: {}{}", ran.stdout, ran.stderr);
        println!(
            "the shipped drill on the {lab} lab: {:.1} s from start to exit",
            took.as_secs_f64()
        );
        let folder = drill::folder(sandbox, &ran);
        let report = drill::report(&folder);
        check_shape(&report);
        assert_eq!(
            (&report["verdict"], &report["lab"]),
            (&"passed".into(), &lab.into())
        );
        check_marks(&report);
        drill::check_sums(&report);
        check_junit(&folder);
        check_stands_alone(&folder);
        check_no_token(&folder);
        check_renders_again(sandbox, &folder);
    }
}

fn shipped(sandbox: &Sandbox, lab: &str) -> Command {
    let mut command = sandbox.gameday(["run"]);
    // The lab draws a password of its own; one of the environment would go before it.
    command
        .arg(root().join("scenarios/db-latency.toml"))
        .args(["--lab", lab])
        .env_remove("CHECKOUT_PASSWORD");
    command
}

/// A drill that is under way.
struct Running {
    child: Child,
    began: Instant,
    limit: Duration,
}

impl Running {
    fn start(mut command: Command, limit: Duration) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            began: Instant::now(),
            limit,
        }
    }

    #[track_caller]
    fn end(mut self) -> (Ran, Duration) {
        // Its output is some kilobytes: the pipes hold it until it has ended.
        let left = self.limit.saturating_sub(self.began.elapsed());
        wait_for("the drill to end", left, || self.child.try_wait().unwrap());
        let took = self.began.elapsed();
        (Ran::from(self.child.wait_with_output().unwrap()), took)
    }
}

/// What others may rely on, and of which JSON type it is.
const SHAPE: [(&str, &str); 46] = [
    ("/schema", "number"),
    ("/scenario", "string"),
    ("/verdict", "string"),
    ("/exit_code", "number"),
    ("/lab", "string"),
    ("/rollback/verified", "boolean"),
    ("/rollback/at", "time"),
    ("/trials/0/index", "number"),
    ("/trials/0/marks/T0", "time"),
    ("/trials/0/marks/T7", "time"),
    ("/trials/0/marks/T8", "time"),
    ("/trials/0/ttr_ms", "number"),
    ("/trials/0/self_heal_ms", "number"),
    ("/trials/0/group_stage_clean", "boolean"),
    ("/trials/0/faults/0/name", "string"),
    ("/trials/0/faults/0/on", "string"),
    ("/trials/0/faults/0/kind", "string"),
    ("/trials/0/faults/0/ordered_at", "time"),
    ("/trials/0/faults/0/effective_at", "time"),
    ("/trials/0/faults/0/removed_at", "time"),
    ("/trials/0/faults/0/touched", "number"),
    ("/trials/0/alerts/0/name", "string"),
    ("/trials/0/alerts/0/class", "string"),
    ("/trials/0/alerts/0/verdict", "string"),
    ("/trials/0/alerts/0/marks/T1", "time"),
    ("/trials/0/alerts/0/marks/T2", "time"),
    ("/trials/0/alerts/0/marks/T3", "time"),
    ("/trials/0/alerts/0/marks/T5", "time"),
    ("/trials/0/alerts/0/marks/T9", "time"),
    ("/trials/0/alerts/0/marks/T10", "time"),
    ("/trials/0/alerts/0/stages_ms/scrape", "number"),
    ("/trials/0/alerts/0/stages_ms/rule", "number"),
    ("/trials/0/alerts/0/stages_ms/hold", "number"),
    ("/trials/0/alerts/0/stages_ms/group", "number"),
    ("/trials/0/alerts/0/of", "string"),
    ("/trials/0/alerts/0/ttd_ms", "number"),
    ("/trials/0/alerts/0/ttn_ms", "number"),
    ("/trials/0/alerts/0/hang_over_ms", "number"),
    ("/trials/0/alerts/0/limits_ms/firing", "number"),
    ("/trials/0/alerts/0/limits_ms/notified", "number"),
    ("/trials/0/alerts/0/limits_ms/resolved", "number"),
    ("/trials/0/alerts/0/predicted", "null"),
    ("/trials/0/steady/0/name", "string"),
    ("/trials/0/steady/0/before", "boolean"),
    ("/trials/0/steady/0/after", "boolean"),
    ("/trials/0/alerts/0/why/predicted", "string"),
];

#[track_caller]
fn check_shape(report: &Value) {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        _ => "collection",
    };
    for (pointer, expected) in SHAPE {
        let value = report
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} is not there"));
        match expected {
            "time" => drop(at(value)),
            _ => assert_eq!(kind(value), expected, "{pointer} is {value}"),
        }
    }
    // Whether Alertmanager was seen before it notified depends on the poll: null is told with its why.
    for (key, pointer) in [
        ("T4", "/trials/0/alerts/0/marks/T4"),
        ("hand_off", "/trials/0/alerts/0/stages_ms/hand_off"),
    ] {
        let value = report.pointer(pointer).unwrap();
        let why = &report["trials"][0]["alerts"][0]["why"];
        assert!(
            !value.is_null() || why["T4"].is_string(),
            "{key} is null without a why: {why}"
        );
    }
    for (mean, count) in [("mttd", "detected"), ("mttr", "recovered")] {
        for field in [count, "trials", "mean_ms", "median_ms", "min_ms", "max_ms"] {
            assert!(
                report[mean][field].is_number(),
                "{mean}.{field}: {}",
                report[mean]
            );
        }
    }
    assert_eq!(
        (&report["schema"], &report["scenario"]),
        (&1.into(), &"db-latency".into())
    );
}

/// Nothing comes before its cause.
#[track_caller]
fn check_marks(report: &Value) {
    let trial = &report["trials"][0];
    let fault = &trial["faults"][0];
    let marks = &trial["alerts"][0]["marks"];
    let ascending = |names: &[(&str, &Value)]| {
        let known: Vec<_> = names.iter().filter(|(_, mark)| !mark.is_null()).collect();
        for pair in known.windows(2) {
            assert!(
                at(pair[0].1) <= at(pair[1].1),
                "{} after {}: {trial}",
                pair[0].0,
                pair[1].0
            );
        }
    };
    ascending(&[
        ("T0", &trial["marks"]["T0"]),
        ("T0e", &fault["effective_at"]),
        ("T1", &marks["T1"]),
        ("T2", &marks["T2"]),
        ("T3", &marks["T3"]),
        ("T4", &marks["T4"]),
        ("T5", &marks["T5"]),
        ("T7", &trial["marks"]["T7"]),
        ("T9", &marks["T9"]),
        ("T10", &marks["T10"]),
    ]);
    ascending(&[("T7", &trial["marks"]["T7"]), ("T8", &trial["marks"]["T8"])]);
    let ttr = at(&trial["marks"]["T8"]) - at(&fault["effective_at"]);
    let hang_over = at(&marks["T10"]) - at(&trial["marks"]["T7"]);
    assert_eq!(trial["ttr_ms"].as_i64(), Some(ttr));
    assert_eq!(trial["alerts"][0]["hang_over_ms"].as_i64(), Some(hang_over));
    // 60 s of hold are asked for: a fault that ended sooner would have tested less.
    assert!(
        (60_000..63_000).contains(&(at(&fault["removed_at"]) - at(&fault["ordered_at"]))),
        "{fault}"
    );
}

/// A JUnit file as others read it: Python's XML parser, and the counts that CI systems show.
#[track_caller]
fn check_junit(folder: &Path) {
    let script = "import sys, xml.etree.ElementTree as e\n\
                  r = e.parse(sys.argv[1]).getroot()\n\
                  c = list(r.iter('testcase'))\n\
                  assert r.tag == 'testsuites' and int(r.get('tests')) == len(c), r.attrib\n\
                  assert all(t.get('name') and t.get('classname') and float(t.get('time')) >= 0 for t in c)\n\
                  print(len(c), len(list(r.iter('failure'))), len(list(r.iter('error'))))";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(folder.join("junit.xml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.ends_with(" 0 0") && !said.starts_with("0 "),
        "cases, failures, errors: {said}"
    );
}

/// The page needs no network: all that it loads is in it, and links are for people to follow.
#[track_caller]
fn check_stands_alone(folder: &Path) {
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let loads = Regex::new(
        r#"(?i)\bsrc\s*=|<link\b|<script\b|<iframe\b|<object\b|<embed\b|<base\b|@import|url\(|http-equiv|xlink:href"#,
    )
    .unwrap();
    if let Some(found) = loads.find(&page) {
        let around: String = page[found.start()..].chars().take(120).collect();
        panic!("the page loads something: {around}");
    }
    let anchors = Regex::new(r"(?i)<a\b[^>]*\bhref\s*=").unwrap();
    let links = Regex::new(r"(?i)\bhref\s*=").unwrap();
    assert_eq!(
        links.find_iter(&page).count(),
        anchors.find_iter(&page).count(),
        "only <a> links"
    );
    assert!(page.contains("<svg") && page.contains("PaymentsLatencyHigh"));
}

#[track_caller]
fn check_no_token(folder: &Path) {
    for file in drill::files(folder) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("tok_"), "a token is in {}", file.display());
    }
}

/// From the journal alone, in another folder, come the same bytes.
#[track_caller]
fn check_renders_again(sandbox: &Sandbox, folder: &Path) {
    let again = sandbox.path().join("again");
    fs::create_dir(&again).unwrap();
    fs::copy(folder.join("journal.jsonl"), again.join("journal.jsonl")).unwrap();
    let ran = sandbox.run(["report".as_ref(), again.as_os_str()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for name in RENDERED {
        assert!(ran.stdout.contains(name), "{}", ran.stdout);
        let same = fs::read(folder.join(name)).unwrap() == fs::read(again.join(name)).unwrap();
        assert!(same, "{name} is not the same when it is rendered again");
    }
}

#[test]
fn drills_that_prove_nothing_good_exit_1_and_say_why() {
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
    let (ran, took) = Running::start(command, Duration::from_secs(90)).end();
    println!("{name}: {:.1} s", took.as_secs_f64());
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!said.contains(lab.password()), "the password was said: {said}");
    }
    ran
}

const SOON: &str = "PaymentsLatencyHigh = { firing = \"9s\", notified = \"10s\" }";

fn too_short_a_fault_is_pending_only(sandbox: &Sandbox, lab: &Exports) {
    // The rule holds for 5 s, so 4 s of latency cannot make it fire.
    let text = short(lab, "hold = \"4s\"", SOON);
    let ran = run(sandbox, lab, "too-short.toml", &text, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = drill::report(&drill::folder(sandbox, &ran));
    let alert = &report["trials"][0]["alerts"][0];
    assert_eq!(
        (&report["verdict"], &alert["verdict"]),
        (&"failed".into(), &"missed".into()),
        "{alert}"
    );
    assert!(
        alert["detail"]
            .as_str()
            .unwrap()
            .contains("it was pending and never fired"),
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
    check_no_secret(lab, &folder);
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
    check_no_secret(lab, &folder);
}

#[track_caller]
fn check_no_secret(lab: &Exports, folder: &Path) {
    check_no_token(folder);
    for file in drill::files(folder) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains(lab.password()),
            "the password is in {}",
            file.display()
        );
    }
}
