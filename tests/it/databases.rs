//! A lab's database that is killed in the middle of its work: what was answered is there when it is back.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::support::http::ask;
use crate::support::lab::{Exports, Lab, is_alive};
use crate::support::{Sandbox, wait_for};

/// Payments that are answered before the database is killed, each time.
const ENOUGH: usize = 60;
/// It is killed so often.
const KILLS: usize = 3;
const PAYERS: usize = 4;

#[test]
fn a_killed_database_loses_no_payment_that_was_answered() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    thread::scope(|scope| {
        for kind in ["embedded", "real"] {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let lab = Lab::up(sandbox, kind);
                let mut paid = BTreeMap::new();
                for round in 0..KILLS {
                    paid.extend(pay_and_kill(&lab.exports, round));
                }
                check_all_are_there(&lab.exports, &paid);
                println!(
                    "{kind}: {} payments, {KILLS} times SIGKILL, none lost",
                    paid.len()
                );
            });
        }
    });
}

/// Pays from several sides, kills the database meanwhile and has it started again; returns what was answered with 201.
fn pay_and_kill(exports: &Exports, round: usize) -> BTreeMap<String, String> {
    let token = login(exports);
    let over = AtomicBool::new(false);
    let paid = std::sync::Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for payer in 0..PAYERS {
            let (over, paid, token) = (&over, &paid, &token);
            scope.spawn(move || {
                for n in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let key = format!("r{round}-p{payer}-{n}");
                    if let Some((201, id)) = pay(exports, token, &key) {
                        paid.lock().unwrap().insert(key, id);
                    }
                }
            });
        }
        wait_for("payments", Duration::from_secs(30), || {
            (paid.lock().unwrap().len() >= ENOUGH).then_some(())
        });
        let pid = pid(exports);
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
        wait_for("the database to be dead", Duration::from_secs(5), || {
            (!is_alive(pid)).then_some(())
        });
        over.store(true, Ordering::SeqCst);
    });
    let started = Command::new(exports.dir.join("start-db")).output().unwrap();
    assert!(
        started.status.success(),
        "{}: {}",
        exports.kind,
        String::from_utf8_lossy(&started.stderr)
    );
    assert!(is_alive(pid(exports)), "the file names the new process");
    wait_for("the API's connections", Duration::from_secs(20), || {
        pay(exports, &token, &format!("r{round}-again")).filter(|(status, _)| *status < 300)
    });
    paid.into_inner().unwrap()
}

/// The same key again finds the payment in the database itself, and never makes a second one.
fn check_all_are_there(exports: &Exports, paid: &BTreeMap<String, String>) {
    let token = login(exports);
    let lost: Vec<_> = paid
        .iter()
        .filter(|(key, id)| pay(exports, &token, key) != Some((200, (*id).clone())))
        .collect();
    assert!(
        lost.is_empty(),
        "{}: lost {} of {}: {lost:?}",
        exports.kind,
        lost.len(),
        paid.len()
    );
}

fn pid(exports: &Exports) -> u32 {
    let text = fs::read_to_string(exports.dir.join("db.pid")).unwrap();
    text.trim().parse().unwrap()
}

fn login(exports: &Exports) -> String {
    let body = json!({ "user": "canary", "password": exports.password() }).to_string();
    let url = format!("{}/login", exports.api);
    let answer = ask("POST", &url, &[("Content-Type", "application/json")], &body).unwrap();
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn pay(exports: &Exports, token: &str, key: &str) -> Option<(u16, String)> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", bearer.as_str()),
        ("Idempotency-Key", key),
    ];
    let body = r#"{"amount":100,"currency":"EUR"}"#;
    let answer = ask("POST", &format!("{}/payments", exports.api), &headers, body).ok()?;
    let id = serde_json::from_str::<serde_json::Value>(&answer.body).ok()?["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Some((answer.status, id))
}
