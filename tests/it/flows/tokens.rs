//! OAuth 2.0's client credentials through the binary: a token is fetched once, used again, renewed, dropped when it is
//! refused, and shown nowhere.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::http::{Arrival, serve};
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

const SECRET: &str = "s3cr3t+of/the=client";

/// An issuer of tokens and the service that takes them.
#[derive(Default)]
struct Gate {
    /// How many tokens there were.
    issued: AtomicUsize,
    /// Those up to this one are refused.
    revoked: AtomicUsize,
    let_in: AtomicUsize,
    refused: AtomicUsize,
    expires_in: AtomicU64,
    /// What the issuer was sent.
    asked: Mutex<Vec<(String, String)>>,
}

impl Gate {
    fn answer(&self, arrival: Arrival) -> (u16, String) {
        if arrival.path == "/token" {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            self.asked.lock().unwrap().push((arrival.head, arrival.body));
            let life = self.expires_in.load(Ordering::SeqCst);
            let body = format!(
                r#"{{"access_token": "access-{number}-token", "token_type": "bearer", "expires_in": {life}, "refresh_token": "refresh-{number}-token"}}"#
            );
            return (200, body);
        }
        let number = arrival.head.split("authorization: Bearer access-").nth(1);
        let number = number.and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
        match number.is_some_and(|number| number > self.revoked.load(Ordering::SeqCst)) {
            true => {
                let count = self.let_in.fetch_add(1, Ordering::SeqCst);
                (200, format!("{{\"count\": {count}}}"))
            }
            false => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                (401, "{\"error\": \"who are you?\"}".to_owned())
            }
        }
    }

    fn waits(&self, what: &str, count: &AtomicUsize, more: usize) {
        let least = count.load(Ordering::SeqCst) + more;
        wait_for(what, Duration::from_secs(30), || {
            (count.load(Ordering::SeqCst) >= least).then_some(())
        });
    }
}

fn gate(expires_in: u64) -> (Arc<Gate>, String) {
    let gate = Arc::new(Gate::default());
    gate.expires_in.store(expires_in, Ordering::SeqCst);
    let server = Arc::clone(&gate);
    let address = serve(move |arrival| server.answer(arrival));
    (gate, format!("http://{address}"))
}

fn flow(base: &str, step: &str) -> String {
    format!(
        r#"
every = "50ms"
timeout = "5s"
[vars]
base = "{base}"
[secrets]
client = {{ env = "CLIENT_SECRET" }}
[http.auth.client_credentials]
token_url = "{{{{base}}}}/token"
client_id = "canary"
client_secret = "{{{{secret.client}}}}"
scopes = ["read", "pay"]
params = {{ audience = "shop" }}
[[step]]
name = "orders"
get = "{{{{base}}}}/orders"
{step}
"#
    )
}

fn prober(text: &str) -> Prober {
    let sandbox = Sandbox::new();
    sandbox.write("probes/orders.toml", text);
    Prober::start_with(&["probes"], sandbox, |command| {
        command.env("CLIENT_SECRET", SECRET);
    })
}

#[test]
fn a_token_is_fetched_once_and_again_only_when_it_is_refused() {
    let (gate, base) = gate(3600);
    let prober = prober(&flow(&base, ""));
    gate.waits("looks with one token", &gate.let_in, 5);
    assert_eq!(gate.issued.load(Ordering::SeqCst), 1);
    let (head, body) = gate.asked.lock().unwrap()[0].clone();
    // RFC 6749, 2.3.1: both form-encoded, then base64.
    assert!(
        head.contains("authorization: Basic Y2FuYXJ5OnMzY3IzdCUyQm9mJTJGdGhlJTNEY2xpZW50"),
        "{head}"
    );
    assert_eq!(body, "grant_type=client_credentials&scope=read+pay&audience=shop");

    gate.revoked.store(1, Ordering::SeqCst);
    gate.waits("looks with another", &gate.let_in, 5);
    assert_eq!(gate.issued.load(Ordering::SeqCst), 2);
    assert_eq!(
        gate.refused.load(Ordering::SeqCst),
        1,
        "the refused one is not shown twice"
    );

    // The failure is kept, with both requests and without anything that lets somebody in.
    let shown = wait_for("the evidence", Duration::from_secs(30), || {
        let shown = prober
            .sandbox
            .run(["probe", "show", "orders", "--output", "json"]);
        (shown.code == Some(0)).then_some(shown.stdout)
    });
    assert!(shown.contains("/orders") && shown.contains("401"), "{shown}");
    let everything = [
        shown,
        prober.get("/metrics"),
        prober.get("/journal?from=0"),
        prober.get("/"),
        prober.log(),
    ];
    for text in everything {
        for secret in [SECRET, "access-", "refresh-", "Y2FuYXJ5OnMzY3Iz"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    // Ten seconds before its end it counts as over: this one is used for a second.
    let (gate, base) = gate(11);
    let _prober = prober(&flow(&base, ""));
    gate.waits("a third token", &gate.issued, 3);
    assert_eq!(gate.refused.load(Ordering::SeqCst), 0);
    // One a second while it looks twenty times a second; a starved machine looks less often.
    let (issued, let_in) = (
        gate.issued.load(Ordering::SeqCst),
        gate.let_in.load(Ordering::SeqCst),
    );
    assert!(let_in >= issued - 1, "{issued} tokens for {let_in} looks");
}

#[test]
fn a_poll_whose_token_was_refused_goes_on_with_a_new_one() {
    let (gate, base) = gate(3600);
    gate.revoked.store(2, Ordering::SeqCst);
    let sandbox = Sandbox::new();
    let step = "poll = { until = \"json $.count >= 0\", every = \"10ms\", within = \"4s\" }\n";
    sandbox.write("orders.toml", &flow(&base, step));
    let mut command = sandbox.gameday(["probe", "orders.toml", "--once", "--output", "json"]);
    let ran = crate::support::Ran::from(command.env("CLIENT_SECRET", SECRET).output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        (
            gate.issued.load(Ordering::SeqCst),
            gate.refused.load(Ordering::SeqCst)
        ),
        (3, 2)
    );
}

#[test]
fn an_issuer_that_gives_none_is_why() {
    let address = serve(|_| {
        (
            400,
            r#"{"error": "invalid_client", "error_description": "s3cr3t"}"#.to_owned(),
        )
    });
    let sandbox = Sandbox::new();
    sandbox.write("orders.toml", &flow(&format!("http://{address}"), ""));
    let mut command = sandbox.gameday(["probe", "orders.toml", "--once"]);
    let ran = crate::support::Ran::from(command.env("CLIENT_SECRET", SECRET).output().unwrap());
    assert_eq!(ran.code, Some(1));
    let why = "down (auth_failed)";
    assert!(
        ran.stdout.contains(why) && ran.stdout.contains("status 400, invalid_client"),
        "{}",
        ran.stdout
    );
}
