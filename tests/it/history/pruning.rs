//! `gameday prune`: what is old goes, what something needs stays, and a kill leaves no half drill.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use gameday_core::Timestamp;
use serde_json::{Value, json};

use super::past::Past;
use super::{each, index, read, satisfies};
use crate::support::{Killed, Ran, Sandbox};

const DAY_US: i64 = 86_400_000_000;

/// A drill that was held so many days ago.
fn ago(scenario: &str, days: i64) -> Past {
    Past::new(
        scenario,
        Timestamp::from_micros(Timestamp::now().as_micros() - days * DAY_US),
    )
}

fn prune(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.run([&["prune", "drills", "--keep", "90d"], more].concat())
}

/// What is said of each folder: whether it goes, and why.
#[track_caller]
fn said(sandbox: &Sandbox, more: &[&str]) -> (BTreeSet<String>, Vec<(String, String)>) {
    let ran = prune(sandbox, &[&["--output", "json"], more].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |one: &Value| one.as_str().unwrap().to_owned();
    let gone = each(&said["removed"], "folder").into_iter().map(text).collect();
    let kept = said["kept"].as_array().unwrap().iter();
    (
        gone,
        kept.map(|one| (text(&one["folder"]), text(&one["why"])))
            .collect(),
    )
}

fn standing(sandbox: &Sandbox) -> BTreeSet<String> {
    let entries = fs::read_dir(sandbox.path().join("drills")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("index."))
        .collect()
}

fn names(drills: &[&Past]) -> BTreeSet<String> {
    drills.iter().map(|drill| drill.name()).collect()
}

#[track_caller]
fn stays(kept: &[(String, String)], folder: &str, why: &str) {
    let found = kept.iter().find(|(name, _)| name == folder);
    assert!(
        found.is_some_and(|(_, told)| told.contains(why)),
        "{folder}: {why}: {kept:#?}"
    );
}

#[test]
fn what_is_old_goes_and_the_newest_and_every_proof_stay() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    let write = |past: Past| {
        past.write(&drills);
        past
    };
    let old = [write(ago("db-latency", 300)), write(ago("db-latency", 200))];
    let proof = write(ago("db-latency", 150));
    let failed = write(ago("db-latency", 120).missed());
    let young = write(ago("psp-timeout", 10).alert("PspSlow"));
    let superseded = write(ago("psp-timeout", 100).alert("PspSlow"));
    let lone = write(ago("dns-outage", 400).alert("DnsDown"));
    index(&sandbox);

    let all = standing(&sandbox);
    let (gone, kept) = said(&sandbox, &["--dry-run"]);
    assert_eq!(gone, names(&[&old[0], &old[1], &superseded]));
    stays(&kept, &proof.name(), "it is the proof of the alert Slow");
    stays(&kept, &failed.name(), "it is the newest of db-latency");
    stays(&kept, &young.name(), "younger than what is kept");
    stays(&kept, &lone.name(), "it is the newest of dns-outage");
    assert_eq!(standing(&sandbox), all, "a dry run removes nothing");
    let text = prune(&sandbox, &["--dry-run"]).stdout;
    assert!(text.contains(" kB"), "sizes are told: {text}");
    assert!(
        text.contains("3 go (") && text.ends_with("4 stay; nothing was removed\n"),
        "{text}"
    );

    let (removed, _) = said(&sandbox, &["--yes"]);
    assert_eq!(removed, gone);
    assert_eq!(standing(&sandbox), names(&[&proof, &failed, &young, &lone]));
    let index = read(&sandbox);
    assert_eq!(
        index["drills"].as_array().unwrap().len(),
        4,
        "the index was made again"
    );
    assert_eq!(index["alerts"][0]["proved_by"]["drill"], json!(proof.name()));
    let (removed, _) = said(&sandbox, &["--yes"]);
    assert!(removed.is_empty(), "there is nothing more to remove");
}

#[test]
fn what_may_have_a_fault_in_place_and_what_is_not_ours_stays() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    // Newer ones of the scenario, so that nothing but what is tested here keeps the others.
    ago("db-latency", 100).write(&drills);
    let running = ago("db-latency", 201);
    let open = ago("db-latency", 202);
    let unverified = ago("db-latency", 203).cut();
    let noted = ago("db-latency", 204);
    let linked = ago("db-latency", 205);
    let old = ago("db-latency", 206);
    for drill in [&running, &open, &unverified, &noted, &old] {
        drill.write(&drills);
    }
    let held = fs::File::open(drills.join(running.name()).join("journal.jsonl")).unwrap();
    held.lock().unwrap();
    let entry = json!({ "drill": open.name(), "journal": drills.join(open.name()).join("journal.jsonl"), "targets": ["proxy db"] });
    sandbox.write(
        &format!("state/gameday/open/{}.json", open.name()),
        &entry.to_string(),
    );
    sandbox.write(&format!("drills/{}/what-we-learned.txt", noted.name()), "much");
    let elsewhere = linked.write(&sandbox.path().join("elsewhere"));
    symlink(&elsewhere, drills.join(linked.name())).unwrap();
    sandbox.write("drills/photos/team.jpg", "");
    sandbox.write("drills/torn/journal.jsonl", "{");

    let before = standing(&sandbox);
    let (gone, kept) = said(&sandbox, &["--yes"]);
    assert_eq!(gone, names(&[&old]));
    stays(&kept, &running.name(), "running");
    stays(&kept, &open.name(), "run gameday heal");
    stays(&kept, &unverified.name(), "rollback was never verified");
    stays(
        &kept,
        &noted.name(),
        "gameday did not write what-we-learned.txt in it",
    );
    stays(&kept, &linked.name(), "links are not followed");
    stays(&kept, "photos", "no journal.jsonl");
    stays(&kept, "torn", "broken");
    let mut left = before;
    left.remove(&old.name());
    assert_eq!(standing(&sandbox), left);
    assert!(elsewhere.join("journal.jsonl").is_file());

    // Of an entry that nobody can read nobody knows which drill it means.
    sandbox.write("state/gameday/open/x.json", "{");
    let ran = prune(&sandbox, &["--yes"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("look what it is and delete it"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_sweep_goes_whole_or_stays_whole() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    ago("db-latency", 1).write(&drills);
    for (sweep, days) in [("old-sweep", [300, 301]), ("new-sweep", [300, 20])] {
        let folder = drills.join(sweep);
        for (point, days) in days.into_iter().enumerate() {
            ago("db-latency", days + i64::try_from(point).unwrap()).write(&folder);
        }
        sandbox.write(&format!("drills/{sweep}/sweep-state.json"), "{}");
        sandbox.write(&format!("drills/{sweep}/sweep.html"), "");
    }
    let (gone, kept) = said(&sandbox, &["--yes"]);
    assert_eq!(gone, BTreeSet::from(["old-sweep".to_owned()]));
    stays(&kept, "new-sweep", "younger than what is kept");
    assert!(!drills.join("old-sweep").exists());
    assert_eq!(fs::read_dir(drills.join("new-sweep")).unwrap().count(), 4);
}

#[test]
fn without_a_terminal_nothing_is_removed_unless_it_was_said_before() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    for days in [200, 1] {
        ago("db-latency", days).write(&drills);
    }
    let before = standing(&sandbox);
    let ran = prune(&sandbox, &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("pass --yes, or --dry-run"), "{}", ran.stderr);
    assert_eq!(standing(&sandbox), before);
    // Asked at a terminal, no is the answer unless it is yes.
    let asked = |answer: &str| {
        let line =
            format!("printf '{answer}\\n' | script -qec \"$GAMEDAY prune drills --keep 90d\" /dev/null");
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &line])
            .env("GAMEDAY", env!("CARGO_BIN_EXE_gameday"))
            .env("XDG_STATE_HOME", sandbox.path().join("state"))
            .current_dir(sandbox.path());
        let ran = Ran::from(command.output().unwrap());
        assert!(
            ran.stdout.contains("Remove them? [y/N]"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
        ran.code
    };
    assert_eq!(asked("n"), Some(4));
    assert_eq!(standing(&sandbox), before);
    assert_eq!(asked("y"), Some(0));
    assert_eq!(standing(&sandbox).len(), 1);
}

/// Killed at any moment, it leaves whole drills and what no reader takes for one; the next removal ends it.
#[test]
fn a_kill_in_the_middle_leaves_no_half_drill() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    ago("db-latency", 1).write(&drills);
    let mut interrupted = 0;
    for round in 0..12_u64 {
        for days in 100..130 {
            ago("db-latency", days).write(&drills);
        }
        let mut command = sandbox.gameday(["prune", "drills", "--keep", "90d", "--yes"]);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = Killed(command.spawn().unwrap());
        // Seen at work, it is killed a moment later, each time another.
        while standing(&sandbox).len() > 30 && child.0.try_wait().unwrap().is_none() {}
        std::thread::sleep(Duration::from_micros(700 * round));
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        let left = standing(&sandbox);
        interrupted += usize::from(left.len() > 1);
        for name in left {
            let journal = drills.join(&name).join("journal.jsonl");
            assert!(
                name.starts_with(".gameday-pruned-") || is_whole(&journal),
                "{name}"
            );
        }
        let ran = sandbox.run(["report", "drills", "--format", "json"]);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        let reasons = each(&told["left_out"], "reason");
        assert!(
            reasons.iter().all(|reason| *reason == "foreign"),
            "{}",
            told["left_out"]
        );
        let ran = prune(&sandbox, &["--yes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(standing(&sandbox).len(), 1, "what was interrupted is ended");
    }
    println!("{interrupted} of 12 removals were interrupted");
    assert!(interrupted > 0, "none was killed in the middle");
}

fn is_whole(journal: &Path) -> bool {
    let text = fs::read_to_string(journal).unwrap_or_default();
    text.lines()
        .last()
        .is_some_and(|line| line.contains("drill_ended"))
}

/// `gameday schema prune` describes what is said of what goes, what stays and what is broken.
#[test]
fn the_schema_holds_for_what_is_said_and_for_nothing_else() {
    let sandbox = Sandbox::new();
    let drills = sandbox.path().join("drills");
    for days in [300, 200, 10] {
        ago("db-latency", days).write(&drills);
    }
    sandbox.write("drills/torn/journal.jsonl", "{");
    for how in ["--dry-run", "--yes"] {
        let ran = prune(&sandbox, &["--output", "json", how]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let said: Value = serde_json::from_str(&ran.stdout).unwrap();
        let count = |key: &str| said[key].as_array().unwrap().len();
        assert!(count("removed") > 0 && count("kept") > 1, "{said:#}");
        satisfies(&sandbox, "prune", &sandbox.write("said.json", &ran.stdout), "4");
    }
}
