//! `/probe` of both exporters against one nginx, 32 in flight, with `wrk` in Prometheus' place.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::ROUNDS;
use crate::process::{Usage, free, usage, wait_for};
use crate::table::Table;

/// How it is asked.
pub(crate) struct Load {
    title: &'static str,
    header: Option<&'static str>,
}

pub(crate) const PLAIN: Load = Load {
    title: "/probe of an http module, 32 in flight",
    header: None,
};
/// As Prometheus asks.
pub(crate) const GZIP: Load = Load {
    title: "/probe of an http module, 32 in flight, answers compressed",
    header: Some("Accept-Encoding: gzip"),
};

const SECONDS: &str = "4";
const MODULES: &str =
    "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n";

/// A process that ends with this value.
pub(crate) struct Running {
    name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Running {
    pub(crate) fn start(name: &'static str, address: SocketAddr, command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error} (just bench-probe installs what it needs)"));
        wait_for(address, name);
        Self { name, address, child }
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// proc(5): the most that it was resident with.
    pub(crate) fn peak_kb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a process that runs has it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx' workers end when their master is told to; a killed master would leave them.
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}

/// Probes a second, probes for each second of the exporter's CPU time, and how long the slowest in a hundred take.
pub(crate) fn measure(load: &Load) {
    let folder = tempfile::tempdir().expect("a folder");
    let site = nginx(folder.path(), "off");
    let file = folder.path().join("blackbox.yml");
    std::fs::write(&file, MODULES).expect("a writable folder");
    let exporters = [theirs(&file), ours(&file)];
    for exporter in &exporters {
        check(exporter, site.address);
    }
    let mut table = Table::new(load.title);
    for round in 0..=ROUNDS {
        for exporter in &exporters {
            let before = exporter.usage();
            let seen = wrk(exporter.address, site.address, load.header);
            let cpu = exporter.usage().cpu_seconds - before.cpu_seconds;
            // The first round is for caches and branch predictors.
            if round > 0 {
                table.add("probes/s", exporter.name, seen.rate);
                table.add("probes per CPU second", exporter.name, seen.requests / cpu);
                table.add("CPU us/probe", exporter.name, cpu * 1e6 / seen.requests);
                table.add("p50 ms", exporter.name, seen.p50_ms);
                table.add("p99 ms", exporter.name, seen.p99_ms);
            }
        }
    }
    for exporter in &exporters {
        table.add("peak resident kB", exporter.name, exporter.peak_kb());
    }
    table.tell();
}

/// A page at every path, and the folder's files below `/file/`; `access_log` is nginx' directive.
pub(crate) fn nginx(folder: &Path, access_log: &str) -> Running {
    let address = free();
    let file = folder.join("nginx.conf");
    let config = format!(
        "worker_processes 1;\nworker_rlimit_nofile 20000;\ndaemon off;\npid {0}/pid;\nerror_log /dev/null;\nuser root;\n\
         events {{ worker_connections 8192; }}\nhttp {{ log_format stamp $msec; access_log {access_log}; \
         server {{ listen {address} backlog=4096; location /file/ {{ alias {0}/; }} \
         location / {{ default_type text/html; return 200 '<html>hello</html>'; }} }} }}\n",
        folder.display()
    );
    std::fs::write(&file, config).expect("a writable folder");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file);
    Running::start("nginx", address, &mut command)
}

pub(crate) fn theirs(file: &Path) -> Running {
    let address = free();
    let mut command = Command::new("/usr/bin/prometheus-blackbox-exporter");
    command
        .arg("--config.file")
        .arg(file)
        .args(["--web.listen-address", &address.to_string()]);
    Running::start("blackbox_exporter", address, &mut command)
}

fn ours(file: &Path) -> Running {
    let address = free();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
    command
        .args(["probe", "--blackbox"])
        .arg(file)
        .args(["--listen", &address.to_string()]);
    Running::start("gameday", address, &mut command)
}

fn path(site: SocketAddr) -> String {
    format!("/probe?module=http_2xx&target={site}")
}

/// A probe must be a success before it is worth to be fast.
fn check(exporter: &Running, site: SocketAddr) {
    let mut stream = TcpStream::connect(exporter.address).expect("it listens");
    let request = format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n",
        path(site),
        exporter.address
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    for line in ["\nprobe_success 1\n", "\nprobe_http_status_code 200\n"] {
        assert!(said.contains(line), "{}: {said}", exporter.name);
    }
}

/// What `wrk` saw.
struct Seen {
    rate: f64,
    requests: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn wrk(exporter: SocketAddr, site: SocketAddr, header: Option<&str>) -> Seen {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c32", "--latency", "-d", SECONDS]);
    if let Some(header) = header {
        command.args(["-H", header]);
    }
    let output = command
        .arg(format!("http://{exporter}{}", path(site)))
        .output()
        .expect("wrk: just bench-probe installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        !said.contains("Non-2xx") && !said.contains("Socket errors"),
        "{said}"
    );
    let word = |begins: &str, at: usize| -> &str {
        let line = said
            .lines()
            .find(|line| line.trim_start().starts_with(begins) || at == 0 && line.contains(begins));
        let word = line.and_then(|line| line.split_whitespace().nth(at));
        word.unwrap_or_else(|| panic!("wrk said: {said}"))
    };
    let number = |text: &str| -> f64 { text.parse().unwrap_or_else(|_| panic!("wrk said: {said}")) };
    Seen {
        rate: number(word("Requests/sec:", 1)),
        requests: number(word(" requests in ", 0)),
        p50_ms: milliseconds(word("50%", 1)),
        p99_ms: milliseconds(word("99%", 1)),
    }
}

/// `wrk` says `812.00us`, `3.51ms` or `1.02s`.
fn milliseconds(text: &str) -> f64 {
    let (digits, factor) = match (text.strip_suffix("us"), text.strip_suffix("ms")) {
        (Some(digits), _) => (digits, 1e-3),
        (_, Some(digits)) => (digits, 1.0),
        _ => (text.trim_end_matches('s'), 1e3),
    };
    digits
        .parse::<f64>()
        .unwrap_or_else(|_| panic!("`{text}` is no time"))
        * factor
}
