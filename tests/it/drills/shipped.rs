//! `scenarios/db-latency.toml`, as it is shipped.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::shape::check_shape;
use crate::support::drill::{self, Running, at};
use crate::support::lab::install_hint;
use crate::support::{Sandbox, root};

const RENDERED: [&str; 4] = ["junit.xml", "report.html", "report.json", "report.md"];

#[test]
fn the_shipped_drill_passes_on_both_labs() {
    let _turn = crate::support::turn();
    let sandboxes = [Sandbox::new(), Sandbox::new()];
    // Each by itself takes a minute and a half, most of it waiting: both run at once.
    let runs = [("embedded", 150), ("real", 240)].map(|(lab, limit_s)| {
        let sandbox = &sandboxes[usize::from(lab == "real")];
        (
            lab,
            sandbox,
            Running::start(&mut shipped(sandbox, lab), Duration::from_secs(limit_s)),
        )
    });
    for (lab, sandbox, running) in runs {
        let (ran, took) = running.end();
        assert_eq!(
            ran.code,
            Some(0),
            "{lab}: {}{}{}",
            ran.stdout,
            ran.stderr,
            install_hint(&ran.stderr)
        );
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
        drill::check_no_secret(&folder, &[]);
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
        r"(?i)\bsrc\s*=|<link\b|<script\s|<iframe\b|<object\b|<embed\b|<base\b|@import|url\([^#]|http-equiv=.?refresh|xlink:href",
    )
    .unwrap();
    if let Some(found) = loads.find(&page) {
        let around: String = page[found.start()..].chars().take(120).collect();
        panic!("the page loads something: {around}");
    }
    // And the browser is told to load nothing, whatever a label of an alert may hold.
    assert!(page.contains("default-src 'none'"));
    let anchors = Regex::new(r"(?i)<a\b[^>]*\bhref\s*=").unwrap();
    let links = Regex::new(r"(?i)\bhref\s*=").unwrap();
    assert_eq!(
        links.find_iter(&page).count(),
        anchors.find_iter(&page).count(),
        "only <a> links"
    );
    assert!(page.contains("<svg") && page.contains("PaymentsLatencyHigh"));
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
