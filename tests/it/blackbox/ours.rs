//! What is ours alone: a file that went bad changes nothing, problems have their places, a body of any size fits.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::http::{ask, get, serve};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

const GOOD: &str =
    "modules:\n  http_2xx:\n    prober: http\n    http:\n      fail_if_body_matches_regexp: [needle]\n";
const BAD: &str = "modules:\n  http_2xx:\n    prober: http\n    http:\n      methd: GET\n      basic_auth: {usename: u, password: hunter2}\n";

struct Exporter {
    sandbox: Sandbox,
    url: String,
    child: Killed,
}

impl Exporter {
    fn start() -> Self {
        let sandbox = Sandbox::new();
        let file = sandbox.write("blackbox.yml", GOOD);
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command: Command = sandbox.gameday(["probe", "--listen", &listen, "--blackbox"]);
        let child = Killed(command.arg(file).stderr(Stdio::null()).spawn().unwrap());
        let url = format!("http://{listen}");
        wait_for("the exporter", Duration::from_secs(10), || {
            ask("GET", &format!("{url}/-/healthy"), &[], "").ok()
        });
        Self { sandbox, url, child }
    }

    fn says(&self, line: &str) {
        wait_for(line, Duration::from_secs(10), || {
            let metrics = get(&format!("{}/metrics", self.url)).body;
            metrics.lines().any(|said| said == line).then_some(())
        });
    }

    /// The most that it was resident with (proc(5)).
    fn peak_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        peak.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn hang_up(&self) {
        let pid = i32::try_from(self.child.0.id()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
    }
}

#[test]
fn a_file_that_went_bad_changes_nothing_and_is_told_with_its_place() {
    let exporter = Exporter::start();
    let before = get(&format!("{}/config", exporter.url)).body;
    exporter.sandbox.write("blackbox.yml", BAD);
    let reload = format!("{}/-/reload", exporter.url);
    let refused = ask("POST", &reload, &[], "").unwrap();
    assert_eq!(refused.status, 500);
    for part in [
        "failed to reload config: error: unknown key `methd` in `http`",
        "blackbox.yml:5:7\n  5 |       methd: GET\n    |       ^^^^^\nhint: did you mean `method`?",
        "error: unknown key `usename` in `basic_auth`",
        "6 | (not shown: it holds what may be secret)",
    ] {
        assert!(refused.body.contains(part), "{part} is not in\n{}", refused.body);
    }
    exporter.says("blackbox_exporter_config_last_reload_successful 0");
    assert_eq!(get(&format!("{}/config", exporter.url)).body, before);
    // A signal does the same as the request.
    exporter
        .sandbox
        .write("blackbox.yml", &GOOD.replace("needle", "thimble"));
    exporter.hang_up();
    exporter.says("blackbox_exporter_config_last_reload_successful 1");
    assert!(
        get(&format!("{}/config", exporter.url))
            .body
            .contains("- thimble\n")
    );
    exporter.sandbox.write("blackbox.yml", BAD);
    exporter.hang_up();
    exporter.says("blackbox_exporter_config_last_reload_successful 0");
    assert!(
        get(&format!("{}/config", exporter.url))
            .body
            .contains("- thimble\n")
    );
    let checked = exporter.sandbox.run(["check", "blackbox.yml"]);
    assert_eq!(checked.code, Some(2));
    assert!(
        checked.stderr.contains("2 problems") && !checked.stderr.contains("hunter2"),
        "{}",
        checked.stderr
    );
    let started = exporter.sandbox.run(["probe", "--blackbox", "blackbox.yml"]);
    assert_eq!(started.code, Some(2));
}

/// Theirs takes 944 MB for it.
#[test]
fn a_large_body_and_a_pattern_need_little_memory() {
    let exporter = Exporter::start();
    let line = "nothing to see here, move along\n".repeat(2048);
    let body = line.repeat(24_000_000 / line.len());
    let size = body.len();
    let server = serve(move |_| (200, body.clone()));
    let before = exporter.peak_kb();
    let path = format!("{}/probe?target={server}", exporter.url);
    let seen = ask("GET", &path, &[("X-Prometheus-Scrape-Timeout-Seconds", "60")], "")
        .unwrap()
        .body;
    let length = format!("probe_http_content_length {}", go(size));
    assert!(
        seen.contains(&length) && seen.contains("\nprobe_success 1\n"),
        "{length} in\n{seen}"
    );
    let grown = exporter.peak_kb() - before;
    println!("24 MB with a pattern: the peak grew by {grown} kB");
    // Its beginning is kept, 4 MiB of it; one copy of all would be twice this.
    assert!(grown < 12_000, "{grown} kB");
}

/// As Go writes a whole number of eight or nine digits.
fn go(number: usize) -> String {
    let digits = number.to_string();
    let rest = digits[1..].trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{}{point}{rest}e+{:02}", &digits[..1], digits.len() - 1)
}
