//! The truth: what a report says of a drill on the real stack is what the stack says of itself.
//!
//! ```text
//!   Prometheus ──► Alertmanager ─┬─► gameday's receiver ──► report.json ─┐
//!       │                        └─► the test's receiver ───────────────┤ equal?
//!       └─ raw ALERTS and up, asked by the test itself ─────────────────┘
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::drill::{self, Running, at};
use crate::support::http::{ask, get, serve};
use crate::support::lab::{Exports, Lab};
use crate::support::{Ran, Sandbox};

/// Samples are stamped by Prometheus itself.
const SAMPLE_TOLERANCE_MS: i64 = 5;
/// Two receivers are told by two requests that Alertmanager sends at once.
const ARRIVAL_TOLERANCE_MS: i64 = 20;
/// How often the lab's Prometheus evaluates its rules.
const EVALUATION_MS: i64 = 1000;

/// When the test's own receiver was told, and in which state.
type Told = Arc<Mutex<Vec<(Timestamp, String)>>>;

#[test]
fn a_report_of_a_real_drill_is_true() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "real");
    let told = listen_as_well(&lab.exports);
    sandbox.write(
        "db-latency.toml",
        &lab.exports.scenario(&[("hold = \"60s\"", "hold = \"30s\"")]),
    );

    let (ran, cost) = run_measured(&sandbox, lab.exports.password());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let folder = drill::folder(&sandbox, &ran);
    let report = drill::report(&folder);

    let samples = alert_samples(&lab.exports);
    let alert = &report["trials"][0]["alerts"][0];
    let mark = |name: &str| at(&alert["marks"][name]);
    check("T2", mark("T2"), samples.first_pending, SAMPLE_TOLERANCE_MS);
    check("T3", mark("T3"), samples.first_firing, SAMPLE_TOLERANCE_MS);
    check(
        "T9",
        mark("T9"),
        samples.last_firing + EVALUATION_MS,
        SAMPLE_TOLERANCE_MS,
    );
    let effective = at(&report["trials"][0]["faults"][0]["effective_at"]);
    check("T1", mark("T1"), first_scrape_from(&lab.exports, effective), 0);

    let told = told.lock().unwrap();
    let arrival = |status: &str| {
        let mut of = told.iter().filter(|(_, theirs)| theirs == status);
        let (time, _) = of
            .next()
            .unwrap_or_else(|| panic!("nobody was told `{status}`: {told:?}"));
        assert!(of.next().is_none(), "told once: {told:?}");
        time.as_millisecond()
    };
    check("T5", mark("T5"), arrival("firing"), ARRIVAL_TOLERANCE_MS);
    check("T10", mark("T10"), arrival("resolved"), ARRIVAL_TOLERANCE_MS);
    drill::check_sums(&report);
    drill::check_no_secret(&folder, &[lab.exports.password()]);
    cost.check();
}

/// Adds the test's own receiver beside gameday's, as a team's Alertmanager would have it.
fn listen_as_well(lab: &Exports) -> Told {
    let told = Told::default();
    let book = Arc::clone(&told);
    let address = serve(move |arrival| {
        let body: Value = serde_json::from_str(&arrival.body).unwrap();
        book.lock()
            .unwrap()
            .push((arrival.at, body["status"].as_str().unwrap().to_owned()));
        (200, String::new())
    });
    let path = lab.dir.join("alertmanager.yml");
    let config = std::fs::read_to_string(&path).unwrap();
    let ours = format!("    max_alerts: 0\n  - send_resolved: true\n    url: http://{address}/\n");
    assert_eq!(
        config.matches("    max_alerts: 0\n").count(),
        1,
        "one receiver is there:\n{config}"
    );
    std::fs::write(&path, config.replace("    max_alerts: 0\n", &ours)).unwrap();
    let reload = ask("POST", &format!("{}/-/reload", lab.alertmanager), &[], "").unwrap();
    assert_eq!(reload.status, 200, "{}", reload.body);
    told
}

/// What Prometheus stored of the alert, in milliseconds since 1970.
#[derive(Debug)]
struct AlertSamples {
    first_pending: i64,
    first_firing: i64,
    last_firing: i64,
}

fn alert_samples(lab: &Exports) -> AlertSamples {
    let series = query(lab, "ALERTS%7Balertname%3D%22PaymentsLatencyHigh%22%7D%5B10m%5D");
    let times = |state: &str| {
        let mut of = series.iter().filter(|one| one["metric"]["alertstate"] == state);
        let one = of
            .next()
            .unwrap_or_else(|| panic!("no series is {state}: {series:?}"));
        assert!(of.next().is_none(), "one series is {state}: {series:?}");
        sample_times(one)
    };
    let (pending, firing) = (times("pending"), times("firing"));
    AlertSamples {
        first_pending: pending[0],
        first_firing: firing[0],
        last_firing: firing[firing.len() - 1],
    }
}

fn first_scrape_from(lab: &Exports, from: i64) -> i64 {
    let series = query(lab, "up%7Bjob%3D%22payments-api%22%7D%5B10m%5D");
    let times = series.iter().flat_map(sample_times);
    times
        .filter(|time| *time >= from)
        .min()
        .expect("it was scraped after the fault")
}

fn query(lab: &Exports, escaped: &str) -> Vec<Value> {
    let answer = get(&format!("{}/api/v1/query?query={escaped}", lab.prometheus)).json();
    answer["data"]["result"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"))
        .clone()
}

/// Prometheus writes the time of a sample as seconds with three decimals.
fn sample_times(series: &Value) -> Vec<i64> {
    let time = |sample: &Value| {
        (sample[0].as_f64().unwrap() * 1000.0)
            .round()
            .to_string()
            .parse()
            .unwrap()
    };
    series["values"].as_array().unwrap().iter().map(time).collect()
}

#[track_caller]
fn check(name: &str, reported: i64, truth: i64, tolerance: i64) {
    let difference = reported - truth;
    println!("{name}: reported minus true {difference} ms");
    assert!(
        difference.abs() <= tolerance,
        "{name} is {difference} ms off, more than {tolerance}"
    );
}

/// Runs the drill and looks on what it costs.
fn run_measured(sandbox: &Sandbox, password: &str) -> (Ran, Cost) {
    let mut command = sandbox.gameday(["run", "db-latency.toml", "--yes"]);
    command.env("CHECKOUT_PASSWORD", password);
    let mut cost = Cost::default();
    let running = Running::start(&mut command, Duration::from_secs(150));
    let (ran, wall) = running.end_watched(|pid| cost.look(pid));
    (ran, Cost { wall, ..cost })
}

/// What the runner itself used, the lab not counted.
#[derive(Debug, Default)]
struct Cost {
    cpu: Duration,
    peak_kib: u64,
    wall: Duration,
}

impl Cost {
    fn look(&mut self, pid: u32) {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        // After the name in parentheses: utime and stime are the 12th and 13th field, in 1/100 s.
        let stat = read("stat");
        let fields = stat
            .rsplit_once(')')
            .map_or("", |(_, rest)| rest)
            .split_ascii_whitespace();
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        self.cpu = self.cpu.max(Duration::from_millis(ticks * 10));
        let status = read("status");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        self.peak_kib = self
            .peak_kib
            .max(peak.and_then(|kib| kib.parse().ok()).unwrap_or(0));
    }

    /// Loose, since this is a debug build on a machine that does other things as well.
    fn check(&self) {
        let share = self.cpu.as_secs_f64() / self.wall.as_secs_f64();
        let mib = self.peak_kib / 1024;
        println!(
            "the runner: {:.1} % of a core, {mib} MiB, {:.1} s",
            share * 100.0,
            self.wall.as_secs_f64()
        );
        assert!(self.peak_kib > 0 && share > 0.0, "it was looked at: {self:?}");
        assert!(
            share < 0.15 && mib < 120,
            "{:.1} % of a core, {mib} MiB",
            share * 100.0
        );
    }
}
