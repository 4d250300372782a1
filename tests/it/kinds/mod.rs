//! Probes of other kinds than flows, before real servers: PostgreSQL, grpcio, websockets, bind9, the kernel's echo.

mod pings;
mod postgres;
mod servers;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::panels::run;
use crate::support::Sandbox;

/// An authority (`ca.pem`) and a certificate of its for 127.0.0.1 and localhost (`good.pem`, `good.key`).
fn certificates(dir: &Path) {
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=ca -days 60"
    ));
    std::fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    openssl(&format!(
        "req {new} -keyout good.key -out good.csr -subj /CN=good"
    ));
    openssl(
        "x509 -req -in good.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile san -out good.pem",
    );
}

/// Probe files, and of each the word or reason that it must end with and words of its message.
struct Cases<'a> {
    sandbox: &'a Sandbox,
    expected: BTreeMap<String, (String, &'static str)>,
}

impl<'a> Cases<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Self {
            sandbox,
            expected: BTreeMap::new(),
        }
    }

    /// A file; `reason` is `up`, or the reason why it is down.
    fn add(&mut self, name: &str, text: &str, reason: &str, words: &'static str) {
        self.sandbox.write(&format!("probes/{name}.toml"), text);
        self.expected.insert(name.to_owned(), (reason.to_owned(), words));
    }

    /// Looks once with all of them.
    #[track_caller]
    fn hold(self) {
        let ran = self
            .sandbox
            .run(["probe", "probes", "--once", "--output", "json"]);
        let looks = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        let looks: BTreeMap<String, Value> = looks
            .map(|look: Value| (look["probe"].as_str().unwrap().to_owned(), look))
            .collect();
        assert_eq!(looks.len(), self.expected.len(), "{}", ran.stderr);
        for (name, (reason, words)) in &self.expected {
            let look = &looks[name];
            let said = look["reason"].as_str().unwrap_or("up");
            let message = look["message"].as_str().unwrap_or_default();
            assert!(
                said == reason && message.contains(words),
                "{name} is not {reason} ({words}): {look}"
            );
        }
    }
}
