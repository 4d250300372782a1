//! A lab that a test starts for itself, as a person would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Deserialize;

use super::{Sandbox, root, wait_for};

/// What a test needs that wants the real lab and has none.
const INSTALL: &str = "the tests need the programs of the real lab; install them as README.md says: \
                       `apt-get install postgresql prometheus prometheus-alertmanager`";
/// A debug build on a busy machine has this long to start a lab.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What `lab up --output json` prints, read by the test's own eyes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exports {
    pub(crate) kind: String,
    pub(crate) api: String,
    pub(crate) load: String,
    pub(crate) proxy_api: String,
    pub(crate) prometheus: String,
    pub(crate) alertmanager: String,
    pub(crate) webhook: String,
    pub(crate) named_api: String,
    pub(crate) resolver: String,
    pub(crate) dir: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) pids: BTreeMap<String, u32>,
}

impl Exports {
    pub(crate) fn password(&self) -> &str {
        &self.env["CHECKOUT_PASSWORD"]
    }

    /// The shipped scenario with this lab's addresses instead of `lab = "payments"`, and with `edits`.
    pub(crate) fn scenario(&self, edits: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(root().join("scenarios/db-latency.toml")).unwrap();
        let probe = root().join("probes/checkout.toml").display().to_string();
        let addresses = [
            ("lab = \"payments\"", ""),
            // What a lab of the drill's own would be started with.
            ("load = { rps = \"{{rps}}\" }", ""),
            ("rps = \"75\"", ""),
            ("../probes/checkout.toml", probe.as_str()),
            ("{{lab.api}}", &self.api),
            ("{{lab.proxy_api}}", &self.proxy_api),
            ("{{lab.prometheus}}", &self.prometheus),
            ("{{lab.alertmanager}}", &self.alertmanager),
            ("{{lab.webhook}}", &self.webhook),
        ];
        for (from, to) in addresses.iter().chain(edits) {
            assert!(
                text.contains(from),
                "`{from}` is no longer in the shipped scenario"
            );
            text = text.replace(from, to);
        }
        text
    }

    /// Names of parts whose processes are still there.
    pub(crate) fn alive(&self) -> Vec<&str> {
        self.pids
            .iter()
            .filter(|(_, pid)| is_alive(**pid))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// What to do about it, if it was said that programs are missing.
pub(crate) fn install_hint(said: &str) -> &'static str {
    if said.contains("the real lab needs") {
        INSTALL
    } else {
        ""
    }
}

/// Whether a process runs; one that is dead and only waits to be collected does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A running `gameday lab up`. It ends with the test: its standard input is a pipe that the test holds.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) exports: Exports,
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: Option<JoinHandle<String>>,
}

impl Lab {
    /// Starts `real` or `embedded` and waits until it is ready.
    #[track_caller]
    pub(crate) fn up(sandbox: &Sandbox, kind: &str) -> Self {
        let mut child = sandbox
            .gameday(["lab", "up", "--lab", kind, "--output", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let (out, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = out.send(line);
        });
        let line = first_line.recv_timeout(START_LIMIT).unwrap_or_default();
        match serde_json::from_str(&line) {
            Ok(exports) => Self {
                exports,
                child,
                stdin,
                stderr: Some(errors),
            },
            Err(error) => {
                drop(stdin);
                let _ = child.kill();
                let said = errors.join().unwrap();
                panic!("no {kind} lab: {error}: `{line}`\n{said}{}", install_hint(&said));
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said, once it has ended.
    pub(crate) fn stderr(&mut self) -> String {
        self.stderr
            .take()
            .map(|said| said.join().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn close_stdin(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits for the supervisor's own end.
    #[track_caller]
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        wait_for("the lab's supervisor to end", limit, || {
            self.child.try_wait().unwrap()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.close_stdin();
        let ended = (0..500).any(|_| {
            thread::sleep(Duration::from_millis(20));
            self.child.try_wait().is_ok_and(|status| status.is_some())
        });
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
