//! Runs drills and reads what they leave, with the tests' own eyes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::{Ran, Sandbox, wait_for};

/// A drill that is under way. If its test fails it is killed; its leases and its lab end by themselves.
pub(crate) struct Running {
    child: Option<Child>,
    began: Instant,
    limit: Duration,
}

impl Running {
    /// Starts a drill that may take so long.
    pub(crate) fn start(command: &mut Command, limit: Duration) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = Instant::now();
        Self {
            child: Some(child),
            began,
            limit,
        }
    }

    /// Waits for its end; says how long it took as well.
    #[track_caller]
    pub(crate) fn end(self) -> (Ran, Duration) {
        self.end_watched(|_| {})
    }

    /// The same, with a look at the process now and then.
    #[track_caller]
    pub(crate) fn end_watched(mut self, mut look: impl FnMut(u32)) -> (Ran, Duration) {
        // Its output is some kilobytes: the pipes hold it until it has ended.
        let child = self.child.as_mut().unwrap();
        let left = self.limit.saturating_sub(self.began.elapsed());
        wait_for("the drill to end", left, || {
            look(child.id());
            child.try_wait().unwrap()
        });
        let took = self.began.elapsed();
        (
            Ran::from(self.child.take().unwrap().wait_with_output().unwrap()),
            took,
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

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
fn files(folder: &Path) -> Vec<PathBuf> {
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

/// All files of a drill are there, and none holds a secret; the lab's bearer tokens begin with `tok_`.
#[track_caller]
pub(crate) fn check_no_secret(folder: &Path, secrets: &[&str]) {
    let files = files(folder);
    assert_eq!(files.len(), 6, "a journal and five renderings: {files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for secret in secrets.iter().chain(&["tok_"]) {
            assert!(!text.contains(secret), "a secret is in {}", file.display());
        }
    }
}
