//! A service that fails, looked at by a real prober whose windows are those of an objective of an hour: the shortest
//! is half a second. Receivers of the three kinds take down what they are told.

mod delivering;
mod drill;
mod outage;
mod silent;

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::http::{Arrival, serve};
use crate::support::prober::Prober;
use crate::support::{Ran, Sandbox, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a-token-of-the-webhook";
/// An hour of 99 % looked at ten times a second: a total outage pages after 0.7 s and is over 5 s after its end.
pub(super) const PROBE: &str = "every = \"100ms\"\ntimeout = \"2s\"\n\
    slo = { success = \"99%\", p95 = \"1s\", window = \"1h\", runbook = \"https://runbooks.example/web\" }\n";

/// What a receiver was sent.
type Inbox = Arc<Mutex<Vec<Arrival>>>;

/// A receiver that answers with a status that may be changed.
fn receiver(status: &Arc<AtomicU16>) -> (String, Inbox) {
    let (inbox, status) = (Inbox::default(), Arc::clone(status));
    let taken = Arc::clone(&inbox);
    let at = serve(move |arrival| {
        taken.lock().unwrap().push(arrival);
        (status.load(Ordering::Relaxed), "{}".to_owned())
    });
    (at.to_string(), inbox)
}

fn bodies(inbox: &Inbox) -> Vec<Value> {
    let arrivals = inbox.lock().unwrap();
    arrivals
        .iter()
        .map(|arrival| serde_json::from_str(&arrival.body).unwrap())
        .collect()
}

#[track_caller]
fn wait_for_body(inbox: &Inbox, what: &str, good: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, PATIENCE, || bodies(inbox).into_iter().find(&good))
}

/// A probe of a service that can be broken.
fn service(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let page = serve(move |_| {
        (
            if switch.load(Ordering::Relaxed) { 503 } else { 200 },
            "{}".to_owned(),
        )
    });
    let step = format!("{PROBE}[[step]]\nname = \"home\"\nget = \"http://{page}/\"\n");
    sandbox.write("probes/web.toml", &step);
    broken
}

fn secret(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn prober(sandbox: Sandbox) -> Prober {
    Prober::start(
        &[
            "probes",
            "--region",
            "eu-west",
            "--config",
            "prober.toml",
            "--quiet",
        ],
        sandbox,
    )
}

fn state(severity: &str, state: &str) -> String {
    format!(
        "gameday_slo_alert_state{{probe=\"web\",objective=\"success\",pool=\"all\",severity=\"{severity}\",state=\"{state}\"}}"
    )
}
