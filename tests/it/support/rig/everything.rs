//! Something for every kind of fault to break, and eyes of the tests' own that see whether it is broken.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::unistd::Uid;

use super::node::{Node, helpers};
use super::server::Server;
use super::systemd::{Systemd, UNIT};
use super::{Rig, Scenario};

/// A kind of fault, by the name of its entry in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A toxic.
    Slow,
    /// A process is stopped.
    Frozen,
    /// A process is ended.
    Killed,
    /// A process gets a hundredth of a CPU.
    Starved,
    /// The host's CPUs are kept busy.
    Busy,
    /// The host's memory is taken.
    Full,
    /// A pair of commands.
    Flagged,
    /// An HTTP hook.
    Hooked,
    /// A unit of systemd is stopped.
    Stopped,
    /// Packets are lost by kernel rules.
    Cut,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Slow,
        Self::Frozen,
        Self::Killed,
        Self::Starved,
        Self::Busy,
        Self::Full,
        Self::Flagged,
        Self::Hooked,
        Self::Stopped,
        Self::Cut,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Frozen => "frozen",
            Self::Killed => "killed",
            Self::Starved => "starved",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Flagged => "flagged",
            Self::Hooked => "hooked",
            Self::Stopped => "stopped",
            Self::Cut => "cut",
        }
    }

    /// Whether it outlives its helper until somebody undoes it.
    pub(crate) fn outlives_its_helper(self) -> bool {
        !matches!(self, Self::Slow | Self::Busy | Self::Full | Self::Cut)
    }
}

/// All of it.
pub(crate) struct Everything {
    pub(crate) rig: Rig,
    pub(crate) node: Node,
    spinner: Node,
    flags: Flags,
    systemd: Option<Systemd>,
    /// Who is cut off: connects again and again.
    _caller: Caller,
    lost_port: u16,
}

/// A server with one feature flag, as a service for them has.
struct Flags {
    on: Arc<AtomicBool>,
    /// So many of the next requests to switch it off fail.
    failing: Arc<AtomicUsize>,
    server: Server,
}

/// What the hook's token is; it must be in no file of a drill.
pub(crate) const TOKEN: &str = "a-token-that-nobody-may-see";

impl Flags {
    fn start() -> Self {
        let (on, failing) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (state, fail) = (on.clone(), failing.clone());
        let server = Server::start_reading(move |asked, headers| {
            if !headers.contains(&format!("authorization: bearer {TOKEN}")) {
                return (401, "{}".to_owned());
            }
            let refuses = |left: usize| left.checked_sub(1);
            match asked {
                "PUT /flags/broken" => state.store(true, Ordering::SeqCst),
                "DELETE /flags/broken"
                    if fail
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuses)
                        .is_ok() =>
                {
                    return (503, "{}".to_owned());
                }
                "DELETE /flags/broken" => state.store(false, Ordering::SeqCst),
                "GET /flags/broken" => {}
                _ => return (404, "{}".to_owned()),
            }
            (200, format!("{{\"broken\":{}}}", state.load(Ordering::SeqCst)))
        });
        Self { on, failing, server }
    }
}

impl Everything {
    pub(crate) fn new() -> Self {
        let rig = Rig::new();
        let folder = rig.sandbox.path();
        // A third of a CPU or so: enough to be held back, little enough for a busy machine.
        let spin = "while :; do i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; sleep 0.05; done";
        let (node, spinner) = (Node::start(folder), Node::named(folder, "spinner", spin));
        let systemd = Systemd::start(folder);
        let (lost_port, caller) = Caller::start();
        rig.sandbox.write("undo-flag", "rm -f flag\n");
        Self {
            node,
            spinner,
            flags: Flags::start(),
            systemd,
            _caller: caller,
            lost_port,
            rig,
        }
    }

    /// The kinds that this machine allows.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let root = Uid::effective().is_root();
        let allowed = |kind: &Kind| match kind {
            Kind::Starved => root && fs::exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").unwrap_or_default(),
            Kind::Cut => root,
            Kind::Stopped => self.systemd.is_some(),
            _ => true,
        };
        let (allowed, missing): (Vec<Kind>, Vec<Kind>) = Kind::ALL.into_iter().partition(allowed);
        if !missing.is_empty() {
            println!("this machine does not allow: {missing:?}");
        }
        allowed
    }

    /// Writes the scenario `NAME.toml` with an entry of each kind, all at once.
    pub(crate) fn scenario(&self, name: &str, kinds: &[Kind]) {
        let timeline: Vec<String> = kinds.iter().map(|kind| self.entry(*kind)).collect();
        let folder = self.rig.sandbox.path().display();
        let port = self.lost_port;
        let targets = [
            (
                Kind::Starved,
                format!(
                    "spinner = {{ process = {{ pid_file = \"{folder}/spinner.pid\", start = [\"sh\", \"{folder}/start-spinner\"] }} }}\n"
                ),
            ),
            (Kind::Busy, "host = { host = \"local\" }\n".to_owned()),
            (Kind::Full, "host = { host = \"local\" }\n".to_owned()),
            (
                Kind::Flagged,
                "flag = { service = \"a file that is a flag\" }\n".to_owned(),
            ),
            (
                Kind::Hooked,
                "flags = { service = \"the flag `broken`\" }\n".to_owned(),
            ),
            (
                Kind::Stopped,
                format!("unit = {{ unit = \"{UNIT}\", user = true }}\n"),
            ),
            (Kind::Cut, format!("far = {{ network = \"127.0.0.1:{port}\" }}\n")),
        ];
        let mut lines: Vec<String> = Vec::new();
        for (_, line) in targets.into_iter().filter(|(kind, _)| kinds.contains(kind)) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        self.rig.scenario(
            name,
            &Scenario {
                timeline: &timeline.join("\n"),
                targets: &lines.concat(),
                ..Scenario::default()
            },
        );
    }

    fn entry(&self, kind: Kind) -> String {
        let (name, flags) = (kind.name(), self.flags.server.address());
        let url = format!("http://{flags}/flags/broken");
        let token = "token = { env = \"FLAGS_TOKEN\" }";
        let (on, fault) = match kind {
            Kind::Slow => ("web", "latency = { delay = \"150ms\" }".to_owned()),
            Kind::Frozen => ("node", "pause = {}".to_owned()),
            Kind::Killed => ("node", "kill = { signal = \"TERM\" }".to_owned()),
            Kind::Starved => ("spinner", "cpu_pressure = { cpus = 0.01 }".to_owned()),
            Kind::Busy => ("host", "cpu_pressure = { share = \"10%\" }".to_owned()),
            Kind::Full => ("host", "memory_pressure = { take = \"100MiB\" }".to_owned()),
            Kind::Flagged => (
                "flag",
                "command = { do = [\"touch\", \"flag\"], undo = [\"sh\", \"undo-flag\"], verify = [\"test\", \"!\", \"-e\", \"flag\"] }".to_owned(),
            ),
            Kind::Hooked => (
                "flags",
                format!("http_hook = {{ start = {{ put = \"{url}\", {token}, json = {{ drill = \"{{{{drill.name}}}}\" }} }}, undo = {{ delete = \"{url}\", {token} }}, verify = {{ get = \"{url}\", {token}, contains = \"false\" }} }}"),
            ),
            Kind::Stopped => ("unit", "stop = {}".to_owned()),
            Kind::Cut => ("far", "partition = {}".to_owned()),
        };
        format!("{name} = {{ hold = \"{{{{hold}}}}\", on = \"{on}\", fault.{fault} }}")
    }

    /// A run of `NAME.toml` that finds the token and systemd.
    pub(crate) fn command(&self, name: &str, more: &[&str]) -> Command {
        let mut command = self.rig.command(name, more);
        self.equip(&mut command);
        command
    }

    pub(crate) fn heal(&self) -> crate::support::Ran {
        let mut command = self.rig.sandbox.gameday(["heal"]);
        self.equip(&mut command);
        // From anywhere: what commands need stands in the journal.
        command.current_dir("/");
        crate::support::Ran::from(command.output().unwrap())
    }

    fn equip(&self, command: &mut Command) {
        command.env("FLAGS_TOKEN", TOKEN);
        if let Some(systemd) = &self.systemd {
            command.env("XDG_RUNTIME_DIR", systemd.runtime());
        }
    }

    /// The next requests to switch the flag off fail.
    pub(crate) fn refuse_to_undo(&self, times: usize) {
        self.flags.failing.store(times, Ordering::SeqCst);
    }

    pub(crate) fn is_broken(&self, kind: Kind) -> bool {
        let folder = self.rig.sandbox.path();
        let helps = |what: &str| helpers(folder).iter().any(|line| line.contains(what));
        match kind {
            Kind::Slow => !self.rig.toxics().is_empty(),
            Kind::Frozen => self.node.state() == Some('T'),
            Kind::Killed => self.node.state().is_none(),
            Kind::Starved => {
                let file = format!("/proc/{}/cgroup", self.spinner.pid().unwrap());
                fs::read_to_string(file).unwrap().contains("/gameday-")
            }
            Kind::Busy => helps("\"burn\""),
            Kind::Full => helps("\"fill\""),
            Kind::Flagged => folder.join("flag").exists(),
            Kind::Hooked => self.flags.on.load(Ordering::SeqCst),
            Kind::Stopped => self.systemd.as_ref().is_some_and(|systemd| !systemd.is_active()),
            Kind::Cut => {
                let tables = Command::new("nft").args(["list", "tables"]).output().unwrap();
                // The table of a drill of this scenario; others of this machine have theirs.
                let name = format!("_{}", Kind::Cut.name());
                String::from_utf8_lossy(&tables.stdout)
                    .lines()
                    .any(|line| line.ends_with(&name) && self.owns(line))
            }
        }
    }

    /// Whether a table was made by a drill of this sandbox.
    fn owns(&self, line: &str) -> bool {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let drills = fs::read_dir(self.rig.sandbox.path()).unwrap().flatten();
        let drills = drills.filter(|entry| entry.file_name().to_str().unwrap().starts_with("drills-"));
        let mut names = drills.flat_map(|entry| fs::read_dir(entry.path()).into_iter().flatten().flatten());
        names.any(|entry| line.contains(&plain(entry.file_name().to_str().unwrap())))
    }

    /// What is broken now.
    pub(crate) fn broken(&self) -> Vec<Kind> {
        Kind::ALL
            .into_iter()
            .filter(|kind| self.is_broken(*kind))
            .collect()
    }

    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        assert_eq!(self.broken(), Vec::<Kind>::new(), "left broken");
        self.node.assert_running();
        self.spinner.assert_running();
        self.rig.assert_whole();
    }
}

/// Somebody who calls a port of this machine all the time.
struct Caller {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    fn start() -> (u16, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let ended = Arc::<AtomicBool>::default();
        let stop = ended.clone();
        let thread = thread::spawn(move || {
            listener.set_nonblocking(true).unwrap();
            while !stop.load(Ordering::SeqCst) {
                let _ = TcpStream::connect_timeout(&address, Duration::from_millis(100));
                while listener.accept().is_ok() {}
                thread::sleep(Duration::from_millis(50));
            }
        });
        let thread = Some(thread);
        (address.port(), Self { ended, thread })
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
