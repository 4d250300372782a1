//! The prober's own schedule: what it costs with how many targets, how punctual it is, and how it begins.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::exporter::{Running, nginx};
use crate::say;

/// Every target is looked at once in this time.
const EVERY: Duration = Duration::from_secs(10);
/// A start's own costs (files, caches) are not counted.
const WARM_UP: Duration = Duration::from_secs(12);
const MEASURED: Duration = Duration::from_secs(30);
/// A burst would show in looks per this time.
const SLICE: Duration = Duration::from_millis(100);

/// CPU, memory, missed ticks and lag with 100, 1,000 and 10,000 HTTP targets every 10 s.
pub(crate) fn measure() {
    say("\nHTTP targets on the prober's own schedule, each every 10 s");
    for targets in [100, 1_000, 10_000] {
        measure_with(targets);
    }
}

fn measure_with(targets: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("looks.log");
    let site = nginx(
        folder.path(),
        &format!("{} stamp buffer=64k flush=1s", log.display()),
    );
    let probes = folder.path().join("probes");
    write_probes(&probes, site.address, targets);
    let prober = prober(folder.path(), &probes);
    std::thread::sleep(WARM_UP);
    let before = prober.usage();
    std::thread::sleep(MEASURED);
    let cpu = prober.usage().cpu_seconds - before.cpu_seconds;
    let metrics = scrape(prober.address);
    let looks = MEASURED.as_secs_f64() / EVERY.as_secs_f64() * targets as f64;
    let unlike =
        |line: &&str| line.starts_with("gameday_probe_runs_total") && !line.contains("outcome=\"up\"");
    say(&format!(
        "  {targets:>6} targets: {:5.1} % of a core, {:4.0} us a look; {:.0} MB peak, a scrape of its metrics included; \
         {} missed, {} not up; start lag p50 {:.2} p99 {:.2} max {:.2} ms; most begun in {} ms: {:.1} x their share",
        cpu / MEASURED.as_secs_f64() * 100.0,
        cpu / looks * 1e6,
        prober.peak_kb() / 1e3,
        sum(metrics
            .lines()
            .filter(|line| line.starts_with("gameday_probe_missed_total"))),
        sum(metrics.lines().filter(unlike)),
        lag_ms(&metrics, "0.5"),
        lag_ms(&metrics, "0.99"),
        lag_ms(&metrics, "1"),
        SLICE.as_millis(),
        burst(&log, targets),
    ));
}

fn write_probes(folder: &Path, site: SocketAddr, targets: usize) {
    std::fs::create_dir(folder).expect("a writable folder");
    for number in 0..targets {
        let text = format!(
            "every = \"10s\"\ntimeout = \"5s\"\n[[step]]\nname = \"home\"\nget = \"http://{site}/{number}\"\n\
             expect = [\"status == 200\"]\n"
        );
        std::fs::write(folder.join(format!("target-{number}.toml")), text).expect("a writable folder");
    }
}

fn prober(folder: &Path, probes: &Path) -> Running {
    let address = crate::process::free();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
    command
        .arg("probe")
        .arg(probes)
        .args([
            "--quiet",
            "--region",
            "bench",
            "--listen",
            &address.to_string(),
            "--evidence",
        ])
        .arg(folder.join("evidence"));
    Running::start("gameday", address, &mut command)
}

/// Whole, uncompressed: the dearest way to ask.
fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("it answers");
    String::from_utf8_lossy(&said).into_owned()
}

fn value(line: &str) -> f64 {
    line.rsplit_once(' ')
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0.0)
}

fn sum<'m>(lines: impl Iterator<Item = &'m str>) -> f64 {
    lines.map(value).sum()
}

fn lag_ms(metrics: &str, quantile: &str) -> f64 {
    let begins = format!("gameday_prober_start_lag_seconds{{quantile=\"{quantile}\"}}");
    sum(metrics.lines().filter(|line| line.starts_with(&begins))) * 1e3
}

/// The fullest slice of the first round, beside a slice's even share.
fn burst(log: &Path, targets: usize) -> f64 {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let stamps: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let first = stamps.iter().copied().fold(f64::INFINITY, f64::min);
    let mut slices = std::collections::BTreeMap::<u64, usize>::new();
    for stamp in stamps
        .iter()
        .filter(|stamp| **stamp < first + EVERY.as_secs_f64())
    {
        let slice = ((stamp - first) / SLICE.as_secs_f64()).floor();
        *slices.entry(slice.to_bits()).or_default() += 1;
    }
    let most = slices.values().max().copied().unwrap_or(0);
    most as f64 / (targets as f64 * SLICE.as_secs_f64() / EVERY.as_secs_f64())
}
