//! Labs: what they export works, and whatever ends them, nothing of them is left.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::support::http::{ask, get};
use crate::support::lab::{Exports, Lab};
use crate::support::{Ran, Sandbox};

const KINDS: [&str; 2] = ["real", "embedded"];
/// From a signal to the last process gone.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Both labs, started at once.
fn both(sandbox: &Sandbox) -> [Lab; 2] {
    std::thread::scope(|scope| {
        KINDS
            .map(|kind| scope.spawn(|| Lab::up(sandbox, kind)))
            .map(|lab| lab.join().unwrap())
    })
}

fn signal(lab: &Lab, signal: Signal) {
    kill(Pid::from_raw(lab.pid().cast_signed()), signal).unwrap();
}

/// Every process of the lab has gone.
#[track_caller]
fn wait_until_gone(exports: &Exports, limit: Duration) {
    let began = Instant::now();
    while !exports.alive().is_empty() {
        assert!(
            began.elapsed() < limit,
            "of the {} lab still run: {:?}",
            exports.kind,
            exports.alive()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_labs_at_once_are_complete_and_end_with_their_input() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    for mut lab in both(&sandbox) {
        check_exports(&lab.exports);
        check_api(&lab.exports);
        check_load(&lab.exports);
        check_pool(&lab.exports);
        lab.close_stdin();
        let began = Instant::now();
        assert_eq!(
            lab.wait(Duration::from_secs(10)).code(),
            Some(0),
            "the end of input is an orderly end"
        );
        wait_until_gone(&lab.exports, Duration::ZERO);
        assert!(!lab.exports.dir.exists(), "{} is left", lab.exports.dir.display());
        println!(
            "the {} lab ended {:?} after its input",
            lab.exports.kind,
            began.elapsed()
        );
    }
}

fn check_exports(exports: &Exports) {
    let own = ["api", "dns", "load", "proxy", "psp", "supervisor"];
    let (parts, version): (&[&str], &str) = match exports.kind.as_str() {
        "real" => (&["alertmanager", "postgres", "prometheus", "redis"], "2."),
        _ => (&["alerting", "cache", "ledger"], "gameday-embedded"),
    };
    let mut expected: Vec<&str> = own.iter().chain(parts).copied().collect();
    expected.sort_unstable();
    assert_eq!(
        exports.pids.keys().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(exports.alive(), expected, "every part runs");
    assert!(exports.dir.is_dir());
    assert!(
        exports.password().len() >= 32,
        "a password is long and drawn anew"
    );
    let info = get(&format!("{}/api/v1/status/buildinfo", exports.prometheus)).json();
    assert!(
        info["data"]["version"].as_str().unwrap().contains(version),
        "{info}"
    );
    assert_eq!(
        get(&format!("{}/api/v2/alerts", exports.alertmanager)).json(),
        json!([])
    );
    let proxies = get(&format!("{}/proxies", exports.proxy_api)).json();
    for name in ["payments-db", "payments-cache", "payments-psp", "payments-dns"] {
        assert_eq!(proxies[name]["enabled"], true, "{name}");
    }
    let port = exports.api.rsplit(':').next().unwrap();
    assert_eq!(exports.named_api, format!("http://api.payments.test:{port}"));
    let names = &proxies["payments-dns"]["listen"];
    assert_eq!(names.as_str(), Some(exports.resolver.as_str()));
    let webhook = exports
        .webhook
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    assert!(
        std::net::TcpStream::connect(webhook).is_err(),
        "the webhook's place is kept for the receiver"
    );
}

fn check_api(exports: &Exports) {
    let api = &exports.api;
    let login = |password: &str| {
        let body = json!({ "user": "canary", "password": password }).to_string();
        ask(
            "POST",
            &format!("{api}/login"),
            &[("Content-Type", "application/json")],
            &body,
        )
        .unwrap()
    };
    assert_eq!(login("wrong").status, 401);
    let answer = login(exports.password());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.json()["token"].as_str().unwrap().to_owned();

    let bearer = format!("Bearer {token}");
    let pay = |key: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", bearer.as_str()),
            ("Idempotency-Key", key),
        ];
        let paid = ask(
            "POST",
            &format!("{api}/payments"),
            &headers,
            r#"{"amount":100,"currency":"EUR"}"#,
        );
        let paid = paid.unwrap();
        (paid.status, paid.json()["id"].as_str().unwrap().to_owned())
    };
    let (created, id) = pay("key-1");
    assert_eq!(
        (created, pay("key-1")),
        (201, (200, id.clone())),
        "a key pays once"
    );
    let payment = get(&format!("{api}/payments/{id}")).json();
    assert_eq!(
        (&payment["state"], &payment["amount"]),
        (&json!("settled"), &json!(100))
    );
    check_cache(exports, &id);
}

/// What was looked up once comes from the cache; without it, from the database.
fn check_cache(exports: &Exports, id: &str) {
    let look_up = || {
        let answer = get(&format!("{}/payments/{id}", exports.api));
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("settled")));
    };
    let proxy = |method, path: &str, body: serde_json::Value| {
        let json = [("Content-Type", "application/json")];
        ask(
            method,
            &format!("{}{path}", exports.proxy_api),
            &json,
            &body.to_string(),
        )
        .unwrap()
        .status
    };
    let (hits, errors) = (metric(exports, "hit"), metric(exports, "error"));
    look_up();
    assert!(metric(exports, "hit") > hits);
    assert_eq!(metric(exports, "error"), errors);
    let refused =
        json!({ "type": "redis", "name": "refuses", "attributes": { "command": "GET", "error": "OOM" } });
    assert_eq!(proxy("POST", "/proxies/payments-cache/toxics", refused), 200);
    look_up();
    assert!(metric(exports, "error") > errors);
    assert_eq!(
        proxy("DELETE", "/proxies/payments-cache/toxics/refuses", json!(null)),
        204
    );
    let metrics = get(&format!("{}/metrics", exports.api)).body;
    for name in [
        "db_pool_max 64",
        "db_pool_waiting ",
        "db_pool_wait_seconds_count ",
        "http_requests_in_flight ",
    ] {
        assert!(metrics.contains(name), "{name}");
    }
}

/// A ledger that is slow keeps more connections busy: 15 payments a second of three round trips are some 18.
fn check_pool(exports: &Exports) {
    let toxics = format!("{}/proxies/payments-db/toxics", exports.proxy_api);
    let slow = json!({ "name": "slow", "type": "latency", "attributes": { "latency": 400 } }).to_string();
    let json = [("Content-Type", "application/json")];
    assert_eq!(ask("POST", &toxics, &json, &slow).unwrap().status, 200);
    let gauge = |text: &str, start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.expect("it is told").trim().parse::<u32>().unwrap()
    };
    let began = Instant::now();
    loop {
        let text = get(&format!("{}/metrics", exports.api)).body;
        let busy = gauge(&text, "db_pool_connections{state=\"in_use\"}");
        // A healthy ledger needs one or two.
        if busy >= 10 && gauge(&text, "http_requests_in_flight") >= 10 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        ask("DELETE", &format!("{toxics}/slow"), &[], "").unwrap().status,
        204
    );
}

/// The load tells what it sends: a fifth of 75 requests a second are payments.
fn check_load(exports: &Exports) {
    let text = get(&format!("{}/metrics", exports.load)).body;
    assert!(text.contains("payments_load_rps 75\n"), "{text}");
    assert!(
        text.contains("payments_load_payments_total{outcome=\"missed\"} "),
        "{text}"
    );
    let paid = text
        .lines()
        .find_map(|line| line.strip_prefix("payments_load_payments_total{outcome=\"paid\"} "));
    assert!(paid.unwrap().parse::<u64>().unwrap() >= 30, "{text}");
}

/// How many looks into the cache had this result; the lab's load makes some as well.
fn metric(exports: &Exports, result: &str) -> u64 {
    let metrics = get(&format!("{}/metrics", exports.api)).body;
    let start = format!("cache_requests_total{{result=\"{result}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.expect("it is counted").parse().unwrap()
}

#[test]
fn nothing_outlives_a_supervisor_that_was_killed() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let labs = both(&sandbox);
    let began = Instant::now();
    labs.iter().for_each(|lab| signal(lab, Signal::SIGKILL));
    for mut lab in labs {
        wait_until_gone(&lab.exports, END_LIMIT);
        println!(
            "the {} lab had gone {:?} after SIGKILL",
            lab.exports.kind,
            began.elapsed()
        );
        lab.wait(END_LIMIT);
        assert!(lab.exports.dir.exists(), "nobody was there to remove it");
    }
    let ran = sandbox.run(["lab", "down"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.stdout.matches("was dead; its folder is gone now").count(),
        2,
        "{}",
        ran.stdout
    );
}

#[test]
fn a_signal_ends_a_lab_although_its_input_is_open() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    for mut lab in both(&sandbox) {
        let began = Instant::now();
        signal(&lab, Signal::SIGTERM);
        assert_eq!(lab.wait(END_LIMIT).code(), Some(0));
        println!(
            "the {} lab ended {:?} after SIGTERM",
            lab.exports.kind,
            began.elapsed()
        );
        wait_until_gone(&lab.exports, Duration::ZERO);
        assert!(!lab.exports.dir.exists());
    }
}

#[test]
fn lab_down_stops_a_lab_and_says_so() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(["lab", "down"]).stdout, "no lab is up\n");
    let mut lab = Lab::up(&sandbox, "embedded");
    let ran = sandbox.run(["lab", "down"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        format!("embedded lab of process {}: stopped\n", lab.pid())
    );
    wait_until_gone(&lab.exports, Duration::ZERO);
    assert_eq!(lab.wait(END_LIMIT).code(), Some(0));
    assert!(!lab.exports.dir.exists());
    assert_eq!(sandbox.run(["lab", "down"]).stdout, "no lab is up\n");
}

#[test]
fn a_part_that_dies_ends_the_lab_and_is_named() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let mut lab = Lab::up(&sandbox, "embedded");
    kill(
        Pid::from_raw(lab.exports.pids["psp"].cast_signed()),
        Signal::SIGKILL,
    )
    .unwrap();
    assert_eq!(lab.wait(Duration::from_secs(10)).code(), Some(1));
    wait_until_gone(&lab.exports, Duration::ZERO);
    let said = lab.stderr();
    assert!(said.contains("`psp` of the lab ended (signal: 9"), "{said}");
}

#[test]
fn the_real_lab_names_the_programs_that_are_missing() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("bin");
    fs::create_dir(&folder).unwrap();
    // Prometheus is there, Alertmanager is not; whether PostgreSQL is found depends on the machine.
    symlink("/bin/true", folder.join("prometheus")).unwrap();
    let mut command = sandbox.gameday(["lab", "up", "--lab", "real"]);
    let ran = Ran::from(command.env("PATH", &folder).output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr.starts_with("error: the real lab needs "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("`prometheus-alertmanager`"), "{}", ran.stderr);
    assert!(
        !ran.stderr.contains("`prometheus`"),
        "what is there is not missed: {}",
        ran.stderr
    );
}
