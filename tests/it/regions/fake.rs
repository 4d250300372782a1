//! A peer of the tests' own: it says what a prober would, or what it would not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::http::serve;

/// A prober of `us-east` that is none.
pub(super) struct Fake {
    pub(super) at: SocketAddr,
    said: Arc<Mutex<Said>>,
}

/// What the peer says.
pub(super) struct Said {
    pub(super) version: String,
    pub(super) region: &'static str,
    /// Its clock less ours.
    pub(super) offset: SignedDuration,
    pub(super) definition: String,
    /// What it says of the service.
    pub(super) down: bool,
    lines: Vec<String>,
}

impl Said {
    fn region(&self) -> Value {
        json!({
            "regions": [self.region], "version": self.version, "started": "2026-11-22T10:00:00Z", "time": self.now(),
            "first": 0, "next": self.lines.len(), "control": null, "probes": format!("{}{}", self.definition, self.region),
        })
    }

    fn now(&self) -> String {
        format!("{:.6}", Timestamp::now() + self.offset)
    }

    /// Its journal from a line on, grown by one look that ends now.
    fn journal(&mut self, from: usize) -> String {
        let outcome = if self.down {
            json!({ "down": "timeout" })
        } else {
            json!({ "up": { "slow": [] } })
        };
        let phases = json!({ "resolve_us": 0, "connect_us": 0, "tls_us": 0, "send_us": 0, "wait_us": 0, "transfer_us": 0 });
        let line = json!({
            "seq": self.lines.len(), "at_us": 9_000_000, "time": self.now(), "region": self.region,
            "kind": { "probe_done": {
                "probe": "web", "intended_us": 8_990_000, "outcome": outcome, "total_us": 10_000, "phases": phases,
                "steps": [], "message": null,
            } },
        });
        self.lines.push(line.to_string());
        self.lines[from..].join("\n") + "\n"
    }
}

impl Fake {
    /// One that has the probe `web` and sees it up each time it is asked.
    pub(super) fn start() -> Self {
        let said = Arc::new(Mutex::new(Said {
            version: env!("GAMEDAY_BUILD").to_owned(),
            region: "us-east",
            offset: SignedDuration::ZERO,
            definition: String::new(),
            down: false,
            lines: Vec::new(),
        }));
        let answers = Arc::clone(&said);
        let at = serve(move |asked| {
            let mut said = answers.lock().unwrap();
            let answer = match asked.path.split_once("from=") {
                Some((_, rest)) => {
                    let from = rest.split('&').next().and_then(|from| from.parse().ok()).unwrap_or(0);
                    said.journal(from)
                }
                None if asked.path == "/v1/region" => said.region().to_string(),
                None => json!([{ "name": "web", "every_ms": 500, "timeout_ms": 2000, "definition": said.definition }]).to_string(),
            };
            (200, answer)
        });
        Self { at, said }
    }

    pub(super) fn say(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap());
    }
}
