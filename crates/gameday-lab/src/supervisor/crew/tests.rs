//! A crew of shell scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;

/// A crew whose every part does what `script` says; its arguments are `lab child ROLE JSON`.
fn crew(script: &str) -> (Crew, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("gameday");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (Crew::new(&program).unwrap(), folder)
}

fn part(name: &'static str) -> Part {
    Part {
        name,
        role: "load",
        settings: json!({ "parent": 1 }),
        stop: Signal::SIGTERM,
    }
}

#[tokio::test]
async fn a_part_that_ends_is_told_with_its_status_and_last_words() {
    let (mut crew, _folder) = crew("echo \"started as $1 $2 $3 $4\"; echo 'no more' >&2; exit 3");
    crew.start(part("load")).await.unwrap();
    let told = crew.first_death(None).await.to_string();
    assert!(
        told.starts_with("`load` of the lab ended (exit status: 3)"),
        "{told}"
    );
    assert!(
        told.ends_with("started as lab child load {\"parent\":1}\nno more"),
        "{told}"
    );
}

#[tokio::test]
async fn a_part_that_may_end_can_be_started_again() {
    let (mut crew, _folder) = crew("sleep 0.1; exit 3");
    crew.start(part("ledger")).await.unwrap();
    let pid_file = crew.dir().join("db.pid");
    let first = fs::read_to_string(&pid_file).unwrap();
    assert!(crew.has("ledger"));
    let waited = timeout(Duration::from_millis(600), crew.first_death(Some("ledger"))).await;
    assert!(waited.is_err(), "its death is none of the lab's");
    assert!(!crew.has("ledger"));
    crew.start(part("ledger")).await.unwrap();
    assert_ne!(fs::read_to_string(&pid_file).unwrap(), first);
    crew.start(part("load")).await.unwrap();
    let told = crew.first_death(Some("ledger")).await.to_string();
    assert!(told.starts_with("`load` of the lab ended"), "{told}");
}

#[tokio::test]
async fn a_death_ends_the_wait_for_readiness() {
    let (mut crew, _folder) = crew("exit 1");
    crew.start(part("api")).await.unwrap();
    let error = crew
        .until_ready("api", async || Err("not yet".into()))
        .await
        .unwrap_err();
    assert!(matches!(error, LabError::ChildDied { .. }), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_told_apart() {
    let (mut crew, _folder) = crew("echo 'bind: Address already in use'; exit 1");
    crew.start(part("api")).await.unwrap();
    assert!(crew.first_death(None).await.is_port_clash());
}

#[tokio::test]
async fn work_that_is_done_is_no_death() {
    let (mut crew, _folder) = crew("exit 0");
    crew.finish(part("initdb")).await.unwrap();
    assert_eq!(crew.pids().count(), 0);
}

#[tokio::test]
async fn stopping_ends_every_process_and_removes_the_folder() {
    let (mut crew, _folder) = crew("trap 'exit 0' TERM; while :; do sleep 0.05; done");
    crew.start(part("api")).await.unwrap();
    crew.start(part("load")).await.unwrap();
    let dir = crew.dir().to_owned();
    let pids: Vec<u32> = crew.pids().map(|(_, pid)| pid).collect();
    crew.stop().await;
    assert!(!dir.exists());
    assert!(
        pids.iter()
            .all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    );
}

#[tokio::test]
async fn a_dropped_crew_leaves_nothing() {
    let (mut crew, _folder) = crew("exec sleep 60");
    crew.start(part("api")).await.unwrap();
    let (_, pid) = crew.pids().next().unwrap();
    let dir = crew.dir().to_owned();
    drop(crew);
    // The runtime reaps what was killed.
    for _ in 0..100 {
        if !Path::new(&format!("/proc/{pid}")).exists() && !dir.exists() {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("process {pid} goes on");
}
