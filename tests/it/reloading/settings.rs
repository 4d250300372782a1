//! `prober.toml` read again: receivers, control target, peers, quorum; what is bad changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::http::serve;
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);

/// An hour of 99 % looked at ten times a second: a total outage pages after 0.7 s.
const PROBE: &str = "every = \"100ms\"\ntimeout = \"2s\"\nslo = { success = \"99%\", window = \"1h\" }\n";

/// A service that can be broken, and its probe.
fn service(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let at = serve(move |_| {
        let status = if switch.load(Ordering::Relaxed) { 503 } else { 200 };
        (status, "{}".to_owned())
    });
    let step = format!("{PROBE}[[step]]\nname = \"home\"\nget = \"http://{at}/\"\n");
    sandbox.write("probes/web.toml", &step);
    broken
}

/// A receiver, and the statuses that it was told, in order.
fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&told);
    let at = serve(move |arrival| {
        let body: Value = serde_json::from_str(&arrival.body).unwrap();
        if body["commonLabels"]["severity"] == "page" {
            log.lock()
                .unwrap()
                .push(body["status"].as_str().unwrap().to_owned());
        }
        (200, String::new())
    });
    (format!("http://{at}/"), told)
}

#[track_caller]
fn is_told(told: &Arc<Mutex<Vec<String>>>, expected: &[&str]) {
    wait_for("the receiver to be told", PATIENCE, || {
        (*told.lock().unwrap() == expected).then_some(())
    });
}

fn hook(name: &str, url: &str) -> String {
    format!("[notify.{name}]\nwebhook = {{ url = \"{url}\" }}\n")
}

fn start(sandbox: Sandbox, more: &[&str]) -> Prober {
    let args = [
        &[
            "probes",
            "--region",
            "eu-west",
            "--config",
            "prober.toml",
            "--quiet",
        ],
        more,
    ]
    .concat();
    Prober::start(&args, sandbox)
}

#[test]
fn receivers_are_changed_while_an_alert_fires_and_a_bad_file_changes_nothing() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let ((first, to_first), (second, to_second)) = (receiver(), receiver());
    sandbox.write("prober.toml", &hook("first", &first));
    let prober = start(sandbox, &[]);
    broken.store(true, Ordering::Relaxed);
    is_told(&to_first, &["firing"]);

    // On disk alone: nobody says that it has changed. Who is new hears what fires, who stays hears it no second time.
    let both = hook("first", &first) + &hook("second", &second);
    prober.sandbox.write("prober.toml", &both);
    is_told(&to_second, &["firing"]);
    assert!(
        prober
            .log()
            .contains("1 probe is loaded, and prober.toml has changed"),
        "{}",
        prober.log()
    );

    // Both files are wrong: all of it is told, and nothing is changed.
    prober.sandbox.write(
        "prober.toml",
        &(both.clone() + "[quiet]\ntickets = \"whenever\"\n"),
    );
    prober.sandbox.write("probes/other.toml", "every = \"1s\"\n");
    prober.signal(Signal::SIGHUP);
    let said = prober.says("everything stays as it is");
    for words in [
        "--> prober.toml:6:11",
        "`whenever` is not a time of the day",
        "probes/other.toml",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    assert!(prober.get("/").contains("prober.toml"), "the page tells it");
    std::fs::remove_file(prober.sandbox.path().join("probes/other.toml")).unwrap();
    prober.sandbox.write(
        "prober.toml",
        &(both.clone() + "[notify.third]\npagerduty = { routing_key = { env = \"NO_SUCH_KEY\" } }\n"),
    );
    let refused = prober.ask("POST", "/-/reload", &[]);
    assert_eq!(refused.status, 422);
    for words in [
        "[notify.third]: the environment variable `NO_SUCH_KEY` is not set",
        "prober.toml:5",
    ] {
        assert!(
            refused.body.contains(words),
            "{words} is not in: {}",
            refused.body
        );
    }
    broken.store(false, Ordering::Relaxed);
    is_told(&to_first, &["firing", "resolved"]);
    is_told(&to_second, &["firing", "resolved"]);

    // One that is gone is told nothing more.
    prober.sandbox.write("prober.toml", &hook("second", &second));
    let answer = prober.ask("POST", "/-/reload", &[]);
    assert_eq!(answer.body, "1 probe is loaded, and prober.toml has changed\n");
    broken.store(true, Ordering::Relaxed);
    is_told(&to_second, &["firing", "resolved", "firing"]);
    is_told(&to_first, &["firing", "resolved"]);
    assert!(!prober.get("/metrics").contains("receiver=\"first\""));
}

#[test]
fn a_receiver_that_refused_is_told_at_its_new_address() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let wrong = serve(|_| (404, "no such path".to_owned()));
    let (right, told) = receiver();
    sandbox.write("prober.toml", &hook("oncall", &format!("http://{wrong}/")));
    let prober = start(sandbox, &[]);
    broken.store(true, Ordering::Relaxed);
    prober.says("given up");
    prober.sandbox.write("prober.toml", &hook("oncall", &right));
    prober.signal(Signal::SIGHUP);
    is_told(&told, &["firing"]);
}

#[test]
fn a_control_target_comes_changes_and_goes() {
    let sandbox = Sandbox::new();
    service(&sandbox);
    let there = serve(|_| (200, String::new()));
    sandbox.write("prober.toml", "");
    let prober = start(sandbox, &[]);
    assert_eq!(prober.ask("GET", "/v1/verdict", &[]).status, 404);
    let excluded = "gameday_region_excluded{region=\"eu-west\",reason=\"control\"}";
    let control = |url: &str| format!("[control]\nhttp = \"{url}\"\nevery = \"200ms\"\n");
    prober
        .sandbox
        .write("prober.toml", &control(&format!("http://{there}/")));
    prober.signal(Signal::SIGHUP);
    wait_for("the region to count", PATIENCE, || {
        (prober.metric(excluded) == Some(0.0)).then_some(())
    });
    wait_for("a verdict", PATIENCE, || {
        let verdict: Value = serde_json::from_str(&prober.get("/v1/verdict")).unwrap();
        (verdict["probes"][0]["verdict"] == "up" && verdict["counting"] == 1).then_some(())
    });
    prober
        .sandbox
        .write("prober.toml", &control("http://127.0.0.1:1/"));
    prober.signal(Signal::SIGHUP);
    prober.reaches(excluded, 1.0);
    prober.sandbox.write("prober.toml", "");
    prober.signal(Signal::SIGHUP);
    wait_for("the end of the council", PATIENCE, || {
        (prober.ask("GET", "/v1/verdict", &[]).status == 404).then_some(())
    });
    assert_eq!(prober.metric(excluded), None);
}

#[test]
fn a_peer_comes_its_token_changes_and_it_goes() {
    let secret = |sandbox: &Sandbox, name: &str, text: &str| {
        let path = sandbox.write(name, text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let (right, wrong) = ("a-token-of-the-peer-0123456789", "another-token-0123456789");
    let there = Sandbox::new();
    service(&there);
    secret(&there, "own.token", right);
    let probe = std::fs::read_to_string(there.path().join("probes/web.toml")).unwrap();
    let there = Prober::start(
        &[
            "probes",
            "--region",
            "us-east",
            "--token-file",
            "own.token",
            "--quiet",
        ],
        there,
    );

    let here = Sandbox::new();
    here.write("probes/web.toml", &probe);
    here.write("prober.toml", "");
    secret(&here, "peer.token", wrong);
    let here = start(here, &[]);
    let peers = format!(
        "[peers]\nus-east = {{ url = \"{}\", token = {{ file = \"peer.token\" }} }}\n",
        there.url
    );
    here.sandbox.write("prober.toml", &peers);
    here.signal(Signal::SIGHUP);
    let verdict =
        || -> Value { serde_json::from_str(&here.ask("GET", "/v1/verdict", &[]).body).unwrap_or_default() };
    let region = |name: &str| {
        let verdict = verdict();
        let regions = verdict["regions"].as_array().cloned().unwrap_or_default();
        regions
            .into_iter()
            .find(|row| row["region"] == name)
            .unwrap_or_default()
    };
    wait_for("the peer to refuse", PATIENCE, || {
        let why = region("us-east")["why"].as_str()?.to_owned();
        why.contains("it refuses us").then_some(())
    });
    // The token's file alone changes.
    secret(&here.sandbox, "peer.token", right);
    wait_for("two regions that count", PATIENCE, || {
        let verdict = verdict();
        (verdict["counting"] == 2 && verdict["probes"][0]["verdict"] == "up").then_some(())
    });
    assert_eq!(verdict()["quorum"]["of"], 2);
    // What stays is not begun anew: it counts all the while.
    here.sandbox
        .write("prober.toml", &format!("{peers}[quorum]\ndown = \"1 of 2\"\n"));
    here.signal(Signal::SIGHUP);
    wait_for("the new rule", PATIENCE, || {
        let verdict = verdict();
        assert_eq!(verdict["counting"], 2, "{verdict}");
        (verdict["quorum"]["down"] == 1).then_some(())
    });
    here.sandbox.write("prober.toml", "");
    here.signal(Signal::SIGHUP);
    wait_for("nobody to be followed", PATIENCE, || {
        (here.ask("GET", "/v1/verdict", &[]).status == 404).then_some(())
    });
    // What was read at the start is the only token until a restart, which is said.
    secret(&there.sandbox, "own.token", wrong);
    there.says("--token-file own.token: what it holds now is used after a restart");
    assert_eq!(
        there
            .ask(
                "GET",
                "/v1/region",
                &[("Authorization", &format!("Bearer {right}"))]
            )
            .status,
        200
    );
    assert_eq!(
        there
            .ask(
                "GET",
                "/v1/region",
                &[("Authorization", &format!("Bearer {wrong}"))]
            )
            .status,
        401
    );
}
