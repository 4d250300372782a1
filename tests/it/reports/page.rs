//! `report.html` in a real browser: it loads nothing, runs nothing of others, and shows what `report.json` says.

use std::process::Command;
use std::time::Duration;

use super::drill;
use crate::clients::installed;
use crate::support::{Killed, root, wait_for};

/// No browser takes longer than this, on however slow a machine.
const LIMIT: Duration = Duration::from_secs(240);

/// What strangers may call things: mark-up that would run, text that turns around, a word without an end.
pub(crate) fn hostile() -> String {
    let long = "w".repeat(10_000);
    format!(
        "</script><script>window.owned=1</script><img src=x onerror=\"window.owned=1\">\u{202e}gnp.exe \u{5d0}\u{5d1} `x` |\"'&amp;<a href=javascript:window.owned=1>a</a> {long}"
    )
}

/// Writes the report of a drill and lets a script look at it in Chromium.
#[track_caller]
fn look(text: &str) {
    let sandbox = drill(text);
    let ran = sandbox.run(["report", "drill"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let log = sandbox.path().join("said");
    let said = std::fs::File::create(&log).unwrap();
    let child = Command::new("node")
        .arg(root().join("tests/clients/report_page.cjs"))
        .arg(installed("node/node_modules/playwright-core"))
        .arg(sandbox.path().join("drill"))
        .env("HOME", sandbox.path())
        .stdin(std::process::Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn();
    let mut child = Killed(child.expect("node is installed"));
    let status = wait_for("the browser", LIMIT, || child.0.try_wait().unwrap());
    assert!(status.success(), "{}", std::fs::read_to_string(&log).unwrap());
}

#[test]
fn the_page_shows_the_numbers_of_the_report_and_zooms_by_keys() {
    look("payments");
}

#[test]
pub(crate) fn hostile_text_is_shown_and_never_run() {
    look(&hostile());
}
