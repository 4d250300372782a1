//! Something real to break: a small web server behind a `gameday proxy` that no drill has started.
//!
//! ```text
//!   traffic, probe ──► proxy `web` ──► server         node: a process with a pid file
//! ```

pub(crate) mod drill;
pub(crate) mod everything;
pub(crate) mod node;
pub(crate) mod server;
pub(crate) mod systemd;
pub(crate) mod traffic;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::http::get;
use super::{Killed, Ran, Sandbox, wait_for};
use drill::Drill;
use node::Node;
use server::Server;
use traffic::Traffic;

/// Every fault of these drills ends this long after its last renewal.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// A toxic that is held until the test has seen enough.
pub(crate) const SLOW: &str =
    r#"slow = { hold = "{{hold}}", on = "web", fault.latency = { delay = "150ms" } }"#;
/// A pause that is held until the test has seen enough.
pub(crate) const FROZEN: &str = r#"frozen = { hold = "{{hold}}", on = "node", fault.pause = {} }"#;

/// The server, its proxy and a folder for drills.
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    /// What the server answers with.
    pub(crate) status: Arc<AtomicU16>,
    /// Where the proxy's API is, a URL.
    pub(crate) api: String,
    /// Where the proxy listens, `host:port`.
    pub(crate) listen: String,
    server: Server,
    proxy: Killed,
}

/// What of a scenario a test cares about; the rest is always the same.
#[derive(Default)]
pub(crate) struct Scenario<'a> {
    /// The entries of `[timeline]`.
    pub(crate) timeline: &'a str,
    /// The conditions of `abort_if`, quoted.
    pub(crate) abort_if: &'a str,
    /// More keys of the target `web`, each after a comma.
    pub(crate) web: &'a str,
    /// More lines of `[targets]`.
    pub(crate) targets: &'a str,
    /// More tables.
    pub(crate) more: &'a str,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let answer = Arc::clone(&status);
        let server = Server::start(move |asked| {
            // Prometheus may scrape it, through the proxy.
            let body = if asked == "GET /metrics" {
                "web_up 1\n"
            } else {
                r#"{"ok":true}"#
            };
            (answer.load(Ordering::SeqCst), body.to_owned())
        });
        let sandbox = Sandbox::new();
        let (proxy, api) = start_proxy(&sandbox, "127.0.0.1:0", "127.0.0.1:0", &server);
        let listen = get(&format!("{api}/proxies/web")).json()["listen"]
            .as_str()
            .unwrap()
            .to_owned();
        sandbox.write("web.toml", PROBE);
        Self {
            sandbox,
            status,
            api,
            listen,
            server,
            proxy,
        }
    }

    /// Writes `NAME.toml`.
    pub(crate) fn scenario(&self, name: &str, scenario: &Scenario<'_>) {
        let Scenario {
            timeline,
            abort_if,
            web,
            targets: more_targets,
            more,
        } = scenario;
        let (api, listen, folder) = (&self.api, &self.listen, self.sandbox.path().display());
        let used = |target: &str| timeline.contains(&format!("on = \"{target}\""));
        let mut targets = String::new();
        if used("web") {
            targets += &format!("web = {{ proxy = \"web\", api = \"{api}\"{web} }}\n");
        }
        if used("node") {
            targets += &format!(
                "node = {{ process = {{ pid_file = \"{folder}/node.pid\", start = [\"sh\", \"{folder}/start-node\"] }} }}\n"
            );
        }
        targets += more_targets;
        let vars = if timeline.contains("{{hold}}") {
            "[vars]\nhold = \"30s\"\n"
        } else {
            ""
        };
        let text = format!(
            "title = \"{name}\"\n{vars}[targets]\n{targets}\
             [probes]\nweb = {{ file = \"web.toml\", regions = [\"here\"], vars = {{ base = \"http://{listen}\" }} }}\n\
             [steady]\nworks = {{ probe = \"web\", success = \"95%\", for = \"2s\" }}\n\
             [timeline]\n{timeline}\n[guard]\nabort_if = [{abort_if}]\nmax_duration = \"2m\"\nlease = \"3s\"\n{more}\n"
        );
        self.sandbox.write(&format!("{name}.toml"), &text);
    }

    /// A run of `NAME.toml` that is not started yet.
    pub(crate) fn command(&self, name: &str, more: &[&str]) -> Command {
        let file = format!("{name}.toml");
        self.sandbox.gameday(["run", &file, "--yes"].iter().chain(more))
    }

    /// Starts a run of `NAME.toml`.
    pub(crate) fn start(&self, name: &str, more: &[&str]) -> Drill {
        Drill::start(self.command(name, more), self.sandbox.path())
    }

    /// Starts a drill and waits until its faults are in place.
    #[track_caller]
    pub(crate) fn start_until_injected(&self, name: &str, faults: &[&str]) -> Drill {
        let drill = self.start(name, &[]);
        faults.iter().for_each(|fault| drill.wait_until_injected(fault));
        drill
    }

    pub(crate) fn heal(&self) -> Ran {
        self.sandbox.run(["heal"])
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic::start(&self.listen)
    }

    pub(crate) fn node(&self) -> Node {
        Node::start(self.sandbox.path())
    }

    /// The names of the toxics of the proxy.
    pub(crate) fn toxics(&self) -> Vec<String> {
        let toxics = get(&format!("{}/proxies/web/toxics", self.api)).json();
        toxics
            .as_array()
            .unwrap()
            .iter()
            .map(|toxic| toxic["name"].to_string())
            .collect()
    }

    /// The faults that are in place under any lease.
    pub(crate) fn active_faults(&self) -> Vec<String> {
        let list = get(&format!("{}/v1/leases", self.api)).json();
        let leases = list["leases"].as_array().unwrap().iter();
        let faults = leases.flat_map(|lease| lease["faults"].as_array().unwrap());
        faults
            .filter(|fault| fault["state"] == "active")
            .map(|fault| fault["name"].to_string())
            .collect()
    }

    /// Waits until the proxy has no toxic, at most a lease and the second that all of this may take.
    #[track_caller]
    pub(crate) fn wait_until_toxics_are_gone(&self) {
        let limit = LEASE + Duration::from_secs(1);
        wait_for("the lease to end the toxic", limit, || {
            self.toxics().is_empty().then_some(())
        });
        assert_eq!(
            self.active_faults(),
            Vec::<String>::new(),
            "the proxy says that a fault is in place"
        );
    }

    /// Nothing of a drill is left: no toxic, no fault, no helper, and bytes flow.
    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        assert_eq!(self.toxics(), Vec::<String>::new(), "toxics are left");
        assert_eq!(self.active_faults(), Vec::<String>::new(), "faults are left");
        assert_eq!(
            node::helpers(self.sandbox.path()),
            Vec::<String>::new(),
            "helpers are left"
        );
        let answer = get(&format!("http://{}/", self.listen));
        assert_eq!(answer.status, 200, "the server answers through the proxy");
    }

    pub(crate) fn signal_proxy(&self, signal: Signal) {
        signal_child(&self.proxy.0, signal);
    }

    /// Ends the proxy and starts another at the same addresses.
    pub(crate) fn restart_proxy(&mut self) {
        self.proxy.0.kill().unwrap();
        self.proxy.0.wait().unwrap();
        (self.proxy, _) = start_proxy(
            &self.sandbox,
            self.api.trim_start_matches("http://"),
            &self.listen,
            &self.server,
        );
    }

    pub(crate) fn upstream(&self) -> String {
        self.server.address()
    }
}

/// Runs cases, each named by its function, side by side: they mostly wait, and two cores would sit idle.
macro_rules! at_once {
    ($($case:ident),+ $(,)?) => {
        $crate::support::rig::side_by_side(&[$((stringify!($case), $case as fn())),+])
    };
}
pub(crate) use at_once;

#[track_caller]
pub(crate) fn side_by_side(cases: &[(&str, fn())]) {
    thread::scope(|scope| {
        let start = |(name, case): &(&str, fn())| {
            let thread = thread::Builder::new().name((*name).to_owned());
            thread.spawn_scoped(scope, *case).unwrap()
        };
        let running: Vec<_> = cases.iter().map(start).collect();
        let failed = running
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .filter(Result::is_err)
            .count();
        assert_eq!(failed, 0, "cases failed; each has told why above");
    });
}

pub(crate) fn signal_child(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn start_proxy(sandbox: &Sandbox, api: &str, listen: &str, server: &Server) -> (Killed, String) {
    let upstream = server.address();
    let config = format!("[proxy.web]\nlisten = \"{listen}\"\nupstream = \"{upstream}\"\n");
    sandbox.write("proxy.toml", &config);
    let mut command = sandbox.gameday(["proxy", "--config", "proxy.toml", "--api", api]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = lines.next().expect("the proxy says where its API is").unwrap();
    let api = ready
        .strip_prefix("API on ")
        .unwrap_or_else(|| panic!("no address: {ready}"))
        .to_owned();
    // A full pipe would stop the proxy, so somebody has to read on.
    thread::spawn(move || lines.for_each(drop));
    (Killed(child), api)
}

const PROBE: &str = r#"
every = "200ms"
timeout = "1s"
[vars]
base = "http://127.0.0.1:1"
[[step]]
name = "get"
get = "{{base}}/"
expect = ["status == 200"]
"#;
