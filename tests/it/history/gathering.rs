//! `gameday report DIR`: what the index says, and what it makes of folders that are none of its.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::past::Past;
use super::{day, each, index, satisfies, several};
use crate::support::Sandbox;

#[test]
fn every_drill_is_told_with_its_times_and_the_newest_beside_the_one_before() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    let index = index(&sandbox);
    let scenarios = each(&index["drills"], "scenario");
    assert_eq!(
        scenarios,
        [
            "db-latency",
            "psp-timeout",
            "db-latency",
            "psp-timeout",
            "db-latency"
        ],
        "the newest first"
    );
    let ttn: Vec<Option<i64>> = index["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drill| drill["ttn"]["median_ms"].as_i64())
        .collect();
    assert_eq!(ttn, [Some(8_970), Some(13_970), None, Some(8_970), Some(8_970)]);
    let missed = &index["drills"][2];
    assert_eq!(
        (
            &missed["verdict"],
            &missed["ttn"]["never"],
            &missed["ttn"]["came"]
        ),
        (&json!("failed"), &json!(1), &json!(0)),
        "what never came is counted, and is no number"
    );
    // The trend has the same drills, the oldest first.
    let trend = &index["trends"][0];
    assert_eq!(trend["scenario"], "db-latency");
    let points: Vec<&Value> = trend["points"].as_array().unwrap().iter().collect();
    assert_eq!(
        points
            .iter()
            .map(|point| &point["ttn"]["median_ms"])
            .collect::<Vec<_>>(),
        [&json!(8_970), &Value::Null, &json!(8_970)]
    );
    // It came again: nothing of db-latency is worse; psp-timeout is slower by five seconds.
    let changes = &index["changes"];
    assert_eq!(each(changes, "worse"), [&json!(false), &json!(true)]);
    assert_eq!(changes[1]["comparison"]["judgement"], "slower");
    let times = &changes[1]["comparison"]["alerts"][0]["times"][0];
    assert_eq!(
        (&times["old"]["median_ms"], &times["new"]["median_ms"]),
        (&json!(8_970.0), &json!(13_970.0))
    );
    assert_eq!(each(&index["alerts"], "alert"), ["PspSlow", "Slow"]);
    assert_eq!(each(&index["alerts"], "state"), ["proved", "proved"]);
    assert_eq!(index["alerts"][0]["last"]["ttn_ms"], 13_970);
    assert_eq!(index["drills"][0]["report"], Value::Null, "none was rendered");
}

#[test]
fn an_alert_that_failed_last_is_not_proved_and_its_last_proof_is_told() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("drills");
    Past::new("db-latency", day(0)).write(&dir);
    Past::new("db-latency", day(3)).missed().write(&dir);
    let index = index(&sandbox);
    let alert = &index["alerts"][0];
    assert_eq!(alert["state"], "failed", "{alert:#}");
    assert_eq!(alert["proved_by"]["ttn_ms"], 8_970);
    assert_eq!(index["changes"][0]["worse"], true);
    assert_eq!(index["changes"][0]["comparison"]["judgement"], "lost");
}

/// A report that was written is read instead of its journal, if it is of that journal; both say the same.
#[test]
fn a_report_is_read_where_it_belongs_to_the_journal_and_else_the_journal() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    let from_journals = index(&sandbox);
    let folders: Vec<String> = each(&from_journals["drills"], "folder")
        .iter()
        .map(|folder| folder.as_str().unwrap().to_owned())
        .collect();
    for folder in &folders {
        let ran = sandbox.run(["report", &format!("drills/{folder}")]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let mut from_reports = index(&sandbox);
    for drill in from_reports["drills"].as_array_mut().unwrap() {
        let link = format!("./{}/report.html", drill["folder"].as_str().unwrap());
        assert_eq!(drill["report"], link.as_str());
        drill["report"] = Value::Null;
    }
    assert_eq!(from_reports, from_journals);

    let report = sandbox
        .path()
        .join("drills")
        .join(&folders[0])
        .join("report.json");
    let text = fs::read_to_string(&report).unwrap();
    let told = |text: String| {
        fs::write(&report, text).unwrap();
        index(&sandbox)["drills"][0]["ttn"]["median_ms"].clone()
    };
    // It is read: a number that stands in it alone is told.
    assert_eq!(
        told(text.replace("\"median_ms\": 8970", "\"median_ms\": 8971")),
        8_971
    );
    // Of another version, another drill, another end, or no JSON at all it is not.
    for (of_ours, of_others) in [
        ("\"schema\": 1", "\"schema\": 2"),
        ("\"drill\": \"db-latency-", "\"drill\": \"db-lateness-"),
        (
            "\"ended_at\": \"2026-09-15T10:01",
            "\"ended_at\": \"2026-09-15T10:02",
        ),
        ("\"schema\"", "schema"),
    ] {
        assert!(text.contains(of_ours), "{of_ours}");
        let other = text
            .replace("\"median_ms\": 8970", "\"median_ms\": 8971")
            .replace(of_ours, of_others);
        assert_eq!(told(other), 8_970, "{of_others}");
    }
}

#[test]
fn what_is_no_drill_that_is_over_is_listed_with_its_reason_and_stops_nothing() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    let drills = sandbox.path().join("drills");
    sandbox.write("drills/notes/todo.txt", "buy milk");
    sandbox.write("drills/torn/journal.jsonl", "{\"seq\":0");
    sandbox.write("drills/other/journal.jsonl", "{\"a\":1}\n");
    sandbox.write("elsewhere/journal.jsonl", "");
    symlink(sandbox.path().join("elsewhere"), drills.join("link")).unwrap();
    let copy = drills.join("copy");
    fs::create_dir(&copy).unwrap();
    let first = Past::new("db-latency", day(0));
    fs::copy(
        drills.join(first.name()).join("journal.jsonl"),
        copy.join("journal.jsonl"),
    )
    .unwrap();
    let running = Past::new("db-kill", day(20)).cut().write(&drills);
    let held = fs::File::open(running.join("journal.jsonl")).unwrap();
    held.lock().unwrap();

    let found = index(&sandbox);
    assert_eq!(found["drills"].as_array().unwrap().len(), 5);
    let mut left_out: Vec<(String, String)> = found["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["folder"].as_str().unwrap().to_owned(),
                one["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    left_out.sort();
    let told = |folder: &str, reason: &str| (folder.to_owned(), reason.to_owned());
    let mut wanted = vec![
        told("notes", "foreign"),
        told("torn", "broken"),
        told("other", "unreadable"),
        told("link", "foreign"),
        told(&Past::new("db-kill", day(20)).name(), "running"),
    ];
    // Of two folders of one drill the first by name is told.
    wanted.push(told(&first.name(), "duplicate"));
    wanted.sort();
    assert_eq!(left_out, wanted);
    assert!(found["left_out"].to_string().contains("links are not followed"));
    drop(held);

    // Its runner is dead: now it is told, as what it is.
    let found = index(&sandbox);
    let dead = &found["drills"][0];
    assert_eq!(
        (&dead["scenario"], &dead["ended"]["how"]),
        (&json!("db-kill"), &json!("died"))
    );
    assert_eq!(dead["verdict"], "rollback_unverified");
}

#[test]
fn a_folder_that_cannot_be_read_is_left_out() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    let closed = sandbox.path().join("drills/closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    // Whoever may read everything reads it: then it is an empty folder.
    let may = fs::read_dir(&closed).is_ok();
    let found = index(&sandbox);
    let reason = if may { "foreign" } else { "unreadable" };
    assert_eq!(found["left_out"][0]["reason"], reason);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_folder_without_a_drill_and_a_format_for_one_drill_are_refused_with_a_remedy() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path().join("drills")).unwrap();
    let ran = sandbox.run(["report", "drills"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("drills holds no drill: no journal.jsonl"),
        "{}",
        ran.stderr
    );
    assert!(!sandbox.path().join("drills/index.html").exists());
    several(&sandbox, "payments");
    let ran = sandbox.run(["report", "drills", "--format", "junit"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("rendered as html or json"), "{}", ran.stderr);
    let printed = sandbox.run(["report", "drills", "--output", "json"]);
    let written = fs::read_to_string(sandbox.path().join("drills/index.json")).unwrap();
    assert_eq!((printed.code, printed.stdout), (Some(0), written.clone()));
    let format = sandbox.run(["report", "drills", "--format", "json"]);
    assert_eq!(format.stdout, written);
}

/// `gameday schema index` describes what `index.json` is.
#[test]
fn the_schema_of_the_index_holds_for_an_index_and_for_no_other() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    Past::new("db-latency", day(30))
        .missed()
        .write(&sandbox.path().join("drills"));
    sandbox.write("drills/notes/todo.txt", "buy milk");
    index(&sandbox);
    satisfies(&sandbox, "index", &sandbox.path().join("drills/index.json"), "30");
}

/// Two hundred drills, half of them with their reports, which are read instead of the journals.
#[test]
fn two_hundred_drills_are_put_together_quickly() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("drills");
    for number in 0..200 {
        Past::new(&format!("scenario-{}", number % 10), day(number)).write(&dir);
    }
    let began = Instant::now();
    let found = index(&sandbox);
    let took = began.elapsed();
    println!("200 drills of 90 s from their journals: {took:.2?}");
    assert_eq!(found["drills"].as_array().unwrap().len(), 200);
    assert_eq!(found["changes"].as_array().unwrap().len(), 10);
    // Unoptimised and beside other tests: an order of magnitude above what it takes.
    assert!(took < Duration::from_secs(60), "{took:?}");
}
