//! Panels against real servers that are wrong in one way each: bind9, unbound, nginx, `openssl s_server`.

mod caches;
mod cdn;
mod chains;
pub(crate) mod dns;
mod tls;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Killed, Sandbox};

/// Runs a program to its end; what it said is shown when it failed.
#[track_caller]
pub(crate) fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).current_dir(dir).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error} (tests/install.sh installs it)"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Starts a server that ends with its test.
pub(crate) fn start(dir: &Path, program: &str, args: &[&str]) -> Killed {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Killed(
        command
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error} (tests/install.sh installs it)")),
    )
}

/// What a probe's file says: its word, its reason, its message and the words of its findings.
struct Said {
    reason: String,
    message: String,
}

impl Said {
    /// Looks once; the file's text is all that is needed.
    #[track_caller]
    fn of(sandbox: &Sandbox, text: &str) -> Self {
        sandbox.write("p.toml", text);
        let ran = sandbox.run(["probe", "p.toml", "--once", "--output", "json"]);
        let line = ran
            .stdout
            .lines()
            .next()
            .unwrap_or_else(|| panic!("{}", ran.stderr));
        let seen: Value = serde_json::from_str(line).unwrap();
        Self {
            reason: seen["reason"].as_str().unwrap_or("up").to_owned(),
            message: seen["message"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// It says this reason, and these words.
    #[track_caller]
    fn is(&self, reason: &str, words: &str) {
        assert_eq!(self.reason, reason, "{}", self.message);
        assert!(
            self.message.contains(words),
            "`{words}` is not in `{}`",
            self.message
        );
    }
}
