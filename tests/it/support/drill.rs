//! Reads what a drill has left, with the tests' own eyes.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::{Ran, Sandbox};

/// The drill's folder, from the report's path on stdout.
#[track_caller]
pub(crate) fn folder(sandbox: &Sandbox, ran: &Ran) -> PathBuf {
    let path = sandbox.path().join(ran.stdout.trim_end_matches('\n'));
    assert!(
        path.ends_with("report.html"),
        "stdout is the report's path alone: {:?}",
        ran.stdout
    );
    path.parent().unwrap().to_owned()
}

/// Its `report.json`.
pub(crate) fn report(folder: &Path) -> Value {
    let path = folder.join("report.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Its files.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// A time of a report, in milliseconds since 1970.
#[track_caller]
pub(crate) fn at(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert_eq!(
        text.len(),
        "2026-01-01T00:00:00.000Z".len(),
        "UTC with milliseconds: {text}"
    );
    text.parse::<Timestamp>()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .as_millisecond()
}

/// Of each expected alert that was notified, the stages add up to the time to the notification, exactly.
#[track_caller]
pub(crate) fn check_sums(report: &Value) {
    for trial in report["trials"].as_array().unwrap() {
        let effective = at(&trial["faults"][0]["effective_at"]);
        for alert in trial["alerts"].as_array().unwrap() {
            let stages = alert["stages_ms"].as_object().unwrap();
            let sum: i64 = stages.values().filter_map(Value::as_i64).sum();
            let ttn = at(&alert["marks"]["T5"]) - effective;
            assert_eq!((sum, alert["ttn_ms"].as_i64()), (ttn, Some(ttn)), "{alert}");
        }
    }
}
