//! `index.html` in a real browser: it loads nothing, runs nothing of others, and shows what `index.json` says.

use super::{index, several};
use crate::reports::page::hostile;
use crate::support::{Sandbox, browser};

/// Lets a script look at the index in Chromium.
#[track_caller]
fn look(sandbox: &Sandbox) {
    index(sandbox);
    browser::look(sandbox, "index_page.cjs", "drills");
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
