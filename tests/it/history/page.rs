//! `index.html` in a real browser: it loads nothing, runs nothing of others, and shows what `index.json` says.

use std::process::Command;
use std::time::Duration;

use super::{index, several};
use crate::clients::installed;
use crate::reports::page::hostile;
use crate::support::{Killed, Sandbox, root, wait_for};

/// No browser takes longer than this, on however slow a machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Lets a script look at the index in Chromium.
#[track_caller]
fn look(sandbox: &Sandbox) {
    index(sandbox);
    let log = sandbox.path().join("said");
    let said = std::fs::File::create(&log).unwrap();
    let child = Command::new("node")
        .arg(root().join("tests/clients/index_page.cjs"))
        .arg(installed("node/node_modules/playwright-core"))
        .arg(sandbox.path().join("drills"))
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
fn the_page_shows_the_numbers_of_the_index_and_leads_to_the_reports() {
    let sandbox = Sandbox::new();
    several(&sandbox, "payments");
    for folder in std::fs::read_dir(sandbox.path().join("drills")).unwrap() {
        let ran = sandbox.run(["report".as_ref(), folder.unwrap().path().as_os_str()]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    look(&sandbox);
}

#[test]
fn hostile_names_are_shown_and_never_run() {
    let sandbox = Sandbox::new();
    let text = hostile();
    several(&sandbox, &text);
    let dir = sandbox.path().join("drills");
    for days in [40, 41] {
        let folder = super::Past::new("made", super::day(days))
            .alert(&text)
            .called(&text)
            .write(&dir);
        // A scenario and a folder are called what a file system allows.
        let name = "<img src=x onerror=alert(1)> \"'&";
        let journal = folder.join("journal.jsonl");
        let lines = std::fs::read_to_string(&journal).unwrap();
        let named = serde_json::Value::from(format!("{name}{text}")).to_string();
        let lines = lines.replace("\"scenario\":\"made\"", &format!("\"scenario\":{named}"));
        std::fs::write(&journal, lines).unwrap();
        let hostile = dir.join(format!("{name}{days}"));
        std::fs::rename(&folder, &hostile).unwrap();
        std::fs::write(hostile.join("report.html"), "").unwrap();
    }
    std::fs::create_dir(dir.join("<script>window.owned=1<%2fscript>")).unwrap();
    look(&sandbox);
}
