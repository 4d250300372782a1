//! Drills over time: the index of a folder of them, and what is removed from it.

mod gathering;
mod page;
mod past;
mod pruning;

use std::path::Path;
use std::process::Command;

use gameday_core::Timestamp;
use serde_json::Value;

use past::Past;

use crate::clients::installed;
use crate::support::{Ran, Sandbox, root};

/// When the first of several drills was held.
fn first() -> Timestamp {
    Timestamp::parse("2026-09-01T10:00:00Z").unwrap()
}

/// So many days later.
fn day(days: i64) -> Timestamp {
    Timestamp::from_micros(first().as_micros() + days * 86_400_000_000)
}

/// Three drills of a scenario, the middle one missed; one of another, whose notice came later than before.
fn several(sandbox: &Sandbox, text: &str) {
    let dir = sandbox.path().join("drills");
    let slow = |days| Past::new("db-latency", day(days)).called(text);
    slow(0).write(&dir);
    slow(7).missed().write(&dir);
    slow(14).write(&dir);
    let late = |days| Past::new("psp-timeout", day(days)).called(text).alert("PspSlow");
    late(1).write(&dir);
    late(8).late(5).write(&dir);
}

/// The index of a folder, after it was made.
#[track_caller]
fn index(sandbox: &Sandbox) -> Value {
    let ran = sandbox.run(["report", "drills"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, "drills/index.html\ndrills/index.json\n");
    read(sandbox)
}

fn read(sandbox: &Sandbox) -> Value {
    let text = std::fs::read_to_string(sandbox.path().join("drills/index.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What stands under a key in each of several.
fn each<'a>(all: &'a Value, key: &str) -> Vec<&'a Value> {
    all.as_array().unwrap().iter().map(|one| &one[key]).collect()
}

/// Panics unless `gameday schema` describes all of a document, which holds so many objects at least, and no other.
#[track_caller]
fn satisfies(sandbox: &Sandbox, kind: &str, document: &Path, objects: &str) {
    let ran = sandbox.run(["schema", kind]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let schema = sandbox.write("schema.json", &ran.stdout);
    let ran = Command::new(installed("python/bin/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("tests/clients/report_schema.py"))
        .args([schema.as_path(), document, Path::new(objects)])
        .output();
    let ran = Ran::from(ran.unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}
