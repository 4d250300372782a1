//! One journal, every format: on stdout, and each what its readers expect.

use std::process::Command;

use serde_json::Value;

use super::drill;
use crate::clients::installed;
use crate::support::{Ran, root};

#[test]
fn each_format_goes_to_stdout_and_says_the_same_numbers() {
    let sandbox = drill("payments");
    let print = |format: &str| {
        let ran = sandbox.run(["report", "drill", "--format", format]);
        assert_eq!(ran.code, Some(0), "{format}: {}", ran.stderr);
        ran.stdout
    };
    let json: Value = serde_json::from_str(&print("json")).unwrap();
    let ttn = json["trials"][0]["alerts"][0]["ttn_ms"].as_i64().unwrap();
    assert_eq!(
        ttn, 8_970,
        "the notification 9 s after the order, which took effect after 30 ms"
    );
    let seconds = format!("{}.{:03} s", ttn / 1000, ttn % 1000);
    for format in ["html", "md", "summary", "junit"] {
        assert!(print(format).contains(&seconds), "{format}");
    }
    assert!(print("csv").contains(&format!(",Slow,T5,2026-11-22T10:00:27.000Z,9000,{ttn},")));
    // Nothing but the journal is in the folder: what goes to stdout is written nowhere.
    assert_eq!(
        std::fs::read_dir(sandbox.path().join("drill")).unwrap().count(),
        1
    );
}

#[test]
fn without_a_format_every_file_is_written_and_twice_the_same() {
    let sandbox = drill("payments");
    let render = || {
        let ran = sandbox.run(["report", "drill"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let read = |name: &str| (name.to_owned(), std::fs::read(sandbox.path().join(name)).unwrap());
        ran.stdout.lines().map(read).collect::<Vec<_>>()
    };
    let first = render();
    let names: Vec<&str> = first
        .iter()
        .map(|(name, _)| name.trim_start_matches("drill/"))
        .collect();
    assert_eq!(
        names,
        [
            "report.html",
            "report.md",
            "report.json",
            "junit.xml",
            "runbook-patch.md"
        ]
    );
    assert!(
        first == render(),
        "the same journal and build render the same bytes"
    );
}

#[test]
fn the_summary_of_a_step_is_appended_where_ci_asks_for_it() {
    let sandbox = drill("payments");
    let path = sandbox.write("summary.md", "before\n");
    let run = || {
        let mut command = sandbox.gameday(["report", "drill", "--format", "summary"]);
        let ran = Ran::from(command.env("GITHUB_STEP_SUMMARY", &path).output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let (first, second) = (run(), run());
    let appended = std::fs::read_to_string(&path).unwrap();
    assert_eq!(appended, format!("before\n{first}{second}"));
    assert!(
        first.contains("### ") && first.contains("| expectation |"),
        "{first}"
    );
}

/// What turns letters around, forges a line or moves a cursor is shown, and does nothing.
#[test]
fn no_mark_of_a_title_or_a_label_steers_who_reads_it() {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\r' || "\u{202e}\u{2066}\u{200f}".contains(c);
    let text = "gnp\u{202e}txt\u{2066}\u{200f}\u{9b}31m";
    let sandbox = drill(text);
    for format in ["html", "md", "summary", "junit", "csv"] {
        let ran = sandbox.run(["report", "drill", "--format", format]);
        assert_eq!(ran.code, Some(0), "{format}: {}", ran.stderr);
        assert!(!ran.stdout.contains(steers), "{format}");
        // The marks say what the scenario calls things, which may be no more than a name.
        if format == "csv" {
            continue;
        }
        let shown = ran.stdout.replace("\\\\", "\\");
        assert!(shown.contains("gnp\\u{202e}txt\\u{2066}"), "{format}: {shown}");
    }
    let scenario = format!(
        r#"
title = "{text}"
[targets]
db = {{ proxy = "db", api = "http://127.0.0.1:9", listen = "127.0.0.1:1", upstream = "127.0.0.1:2" }}
[timeline]
slow = {{ at = "0s", hold = "10s", on = "db", fault.latency = {{ delay = "1s" }} }}
[guard]
abort_if = []
max_duration = "1m"
lease = "15s"
"#
    );
    let scenario = sandbox.write("made.toml", &scenario.replace('\u{9b}', "\\u009b"));
    let ran = sandbox.run(["run", "--yes", scenario.to_str().unwrap()]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        told.contains("gnp\\u{202e}txt") && !told.contains(steers),
        "{told:?}"
    );
}

/// `gameday schema report` describes what `report.json` is.
#[test]
fn the_schema_of_the_report_holds_for_a_report_and_for_no_other() {
    let sandbox = drill("payments");
    let save = |name: &str, args: &[&str]| {
        let ran = sandbox.run(args);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        sandbox.write(name, &ran.stdout)
    };
    let schema = save("schema.json", &["schema", "report"]);
    let report = save("report.json", &["report", "drill", "--format", "json"]);
    let ran = Command::new(installed("python/bin/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("tests/clients/report_schema.py"))
        .args([schema, report])
        .output();
    let ran = Ran::from(ran.unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

/// A drill that is refused at once has the first event that every drill has.
#[test]
fn a_new_drill_names_the_last_of_its_scenario() {
    let sandbox = drill("payments");
    let past = sandbox.path().join("drills/made-20261122T100000.000Z-0001");
    std::fs::create_dir_all(&past).unwrap();
    std::fs::copy(
        sandbox.path().join("drill/journal.jsonl"),
        past.join("journal.jsonl"),
    )
    .unwrap();
    // Of another scenario, and one that broke off: neither is compared with.
    for other in [
        "made-up-20261123T100000.000Z-0001",
        "made-20261124T100000.000Z-0001",
    ] {
        sandbox.write(&format!("drills/{other}/journal.jsonl"), "");
    }
    let scenario = sandbox.write(
        "made.toml",
        r#"
title = "nothing answers"
[targets]
db = { proxy = "db", api = "http://127.0.0.1:9", listen = "127.0.0.1:1", upstream = "127.0.0.1:2" }
[timeline]
slow = { at = "0s", hold = "10s", on = "db", fault.latency = { delay = "1s" } }
[guard]
abort_if = []
max_duration = "1m"
lease = "15s"
"#,
    );
    let ran = sandbox.run(["run", "--yes", "--output", "json", scenario.to_str().unwrap()]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        report["difference"]["drill"], "made-20261122T100000Z",
        "{report:#}"
    );
    assert_eq!(report["verdict"], "refused");
}
