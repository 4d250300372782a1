//! What a probe adds to the latency it reports: its own total beside curl's, of the same request at the same time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exporter::nginx;
use crate::table::Table;

const LOOKS: usize = 400;
const PACE: Duration = Duration::from_millis(50);

/// Medians of a request's whole time; also that the phases of each look add up.
pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = nginx(folder.path(), "off");
    let url = format!("http://{}/", site.address);
    let probe = folder.path().join("page.toml");
    let text = format!(
        "every = \"{}ms\"\ntimeout = \"5s\"\n[[step]]\nname = \"home\"\nget = \"{url}\"\nexpect = [\"status == 200\"]\n",
        PACE.as_millis()
    );
    std::fs::write(&probe, text).expect("a writable folder");
    let looks = prober(&probe);
    let mut table = Table::new("a request's whole time as it is reported, us");
    let mut curls = Vec::new();
    let began = Instant::now();
    for round in 0..LOOKS {
        curls.push(curl_us(&url));
        let next = PACE * u32::try_from(round + 1).expect("few rounds");
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    let looks = looks.stop();
    for us in curls {
        table.add("total", "curl", us);
    }
    let mut worst = 0.0_f64;
    for look in &looks {
        let step = &look["steps"][0];
        let total = step["total_us"].as_f64().expect("a look has a total");
        let phases = step["phases"].as_object().expect("a look has phases");
        let sum: f64 = phases.values().filter_map(Value::as_f64).sum();
        worst = worst.max((total - sum).abs() / total);
        table.add("total", "gameday", total);
    }
    table.tell();
    crate::say(&format!(
        "  phases and total of {} looks differ by at most {:.2} %",
        looks.len(),
        worst * 100.0
    ));
}

/// A prober that writes a line of JSON for each look.
struct Looks {
    child: std::process::Child,
}

fn prober(probe: &Path) -> Looks {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
    command.arg("probe").arg(probe).args(["--output", "json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("gameday was built");
    Looks { child }
}

impl Looks {
    fn stop(mut self) -> Vec<Value> {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let mut said = String::new();
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
        let mut out = self.child.stdout.take().expect("piped");
        std::io::Read::read_to_string(&mut out, &mut said).expect("text");
        self.child.wait().expect("it ends");
        let looks: Vec<Value> = said
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|look: &Value| look["verdict"] == "up")
            .collect();
        assert!(looks.len() > LOOKS / 2, "only {} looks", looks.len());
        looks
    }
}

fn curl_us(url: &str) -> f64 {
    let output = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{time_total}", url])
        .output()
        .expect("curl");
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .parse::<f64>()
        .unwrap_or_else(|_| panic!("curl said {said}"))
        * 1e6
}
