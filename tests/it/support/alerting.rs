//! A team's own alerting: Debian's Prometheus and Alertmanager with whatever intervals, rules and routes a test
//! gives them, and a shop whose clients are scraped.
//!
//! ```text
//!   client ──► proxy `web` (of a rig) ──► server        client's /metrics ◄── Prometheus ──► Alertmanager ──► receivers
//! ```

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::http::{ask, get, serve};
use super::{Killed, wait_for};

/// A program on a busy machine has this long to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Prometheus and its Alertmanagers.
pub(crate) struct Alerting {
    _prometheus: Killed,
    pub(crate) prometheus_at: SocketAddr,
    pub(crate) alertmanagers: Vec<(Killed, SocketAddr)>,
}

/// How an alerting is set up.
pub(crate) struct Setup<'a> {
    /// Of `global` of Prometheus.
    pub(crate) global: &'a str,
    /// The groups of its rule file.
    pub(crate) groups: &'a str,
    /// What is scraped: jobs with their address and settings of their own.
    pub(crate) jobs: &'a [(&'a str, SocketAddr, &'a str)],
    /// Alertmanager's configuration.
    pub(crate) routes: &'a str,
    /// How many Alertmanagers; more than one are a cluster.
    pub(crate) peers: usize,
    /// How long Prometheus waits until it sends an alert again; a minute if it is not told.
    pub(crate) resend: &'a str,
}

/// A port that nobody listens on.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Alerting {
    pub(crate) fn start(folder: &Path, setup: &Setup<'_>) -> Self {
        let folder = folder.join("alerting");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("alertmanager.yml"), setup.routes).unwrap();
        let alertmanagers = start_alertmanagers(&folder, setup.peers);
        let addresses: Vec<SocketAddr> = alertmanagers.iter().map(|(_, address)| *address).collect();
        std::fs::write(folder.join("rules.yml"), format!("groups:\n{}", setup.groups)).unwrap();
        std::fs::write(folder.join("prometheus.yml"), prometheus_yaml(setup, &addresses)).unwrap();
        let prometheus_at = free();
        let prometheus = start_prometheus(&folder, prometheus_at, setup.resend);
        let alerting = Self {
            _prometheus: prometheus,
            prometheus_at,
            alertmanagers,
        };
        alerting.wait_until_scraped(setup.jobs.len());
        alerting
    }

    /// `[observe]` of a scenario, with gameday's receiver at an address.
    pub(crate) fn observe(&self, webhook: Option<SocketAddr>) -> String {
        let alertmanagers: Vec<String> = self
            .alertmanagers
            .iter()
            .map(|(_, address)| format!("\"http://{address}\""))
            .collect();
        let mut text = format!(
            "[observe]\nprometheus = \"http://{}\"\nalertmanager = [{}]\n",
            self.prometheus_at,
            alertmanagers.join(", ")
        );
        if let Some(webhook) = webhook {
            writeln!(text, "webhook = \"http://{webhook}/webhook\"").unwrap();
        }
        text
    }

    /// What a query yields now.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let escaped: String = query
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let answer = get(&format!(
            "http://{}/api/v1/query?query={escaped}",
            self.prometheus_at
        ))
        .json();
        answer["data"]["result"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone()
    }

    /// The times of raw samples that a range selector yields, in milliseconds since 1970.
    pub(crate) fn samples(&self, selector: &str) -> Vec<i64> {
        let series = self.query(selector);
        let values = series.iter().flat_map(|one| one["values"].as_array().unwrap());
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
        let mut times: Vec<i64> = values
            .map(|value| (value[0].as_f64().unwrap() * 1000.0).round() as i64)
            .collect();
        times.sort_unstable();
        times
    }

    /// Waits until each job was scraped and each group evaluated twice.
    fn wait_until_scraped(&self, jobs: usize) {
        wait_for("Prometheus to scrape", START_LIMIT, || {
            let url = format!("http://{}/-/ready", self.prometheus_at);
            ask("GET", &url, &[], "")
                .ok()
                .filter(|answer| answer.status == 200)?;
            let scraped = self.query("count(count by (job) (up))");
            let count: usize = scraped.first()?["value"][1].as_str()?.parse().ok()?;
            (count == jobs).then_some(())
        });
        wait_for("Prometheus to evaluate its rules", START_LIMIT, || {
            let rules = get(&format!("http://{}/api/v1/rules", self.prometheus_at)).json();
            let groups = rules["data"]["groups"].as_array()?.clone();
            let known = |group: &Value| {
                !group["lastEvaluation"]
                    .as_str()
                    .unwrap_or("0001")
                    .starts_with("0001")
            };
            groups.iter().all(known).then_some(())
        });
    }

    /// Waits until windows of so many seconds are full: shorter ones are crossed sooner.
    pub(crate) fn wait_for_history(&self, seconds: i64) {
        wait_for("windows to be full", START_LIMIT, || {
            let samples = self.samples("up[5m]");
            let span = samples.last()? - samples.first()?;
            (span > seconds * 1000).then_some(())
        });
    }

    /// Silences an alert; says the silence's name.
    pub(crate) fn silence(&self, alert: &str) -> String {
        let (now, end) = (Timestamp::now(), Timestamp::now() + Duration::from_secs(600));
        let body = format!(
            r#"{{"matchers":[{{"name":"alertname","value":"{alert}","isRegex":false}}],"startsAt":"{now}",
                "endsAt":"{end}","createdBy":"test","comment":"test"}}"#
        );
        let url = format!("http://{}/api/v2/silences", self.alertmanagers[0].1);
        let answer = ask("POST", &url, &[("Content-Type", "application/json")], &body).unwrap();
        answer.json()["silenceID"].as_str().unwrap().to_owned()
    }
}

fn prometheus_yaml(setup: &Setup<'_>, alertmanagers: &[SocketAddr]) -> String {
    let targets: Vec<String> = alertmanagers
        .iter()
        .map(|address| format!("'{address}'"))
        .collect();
    let mut yaml = format!(
        "global: {{{}}}\nrule_files: [rules.yml]\nalerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n\
         scrape_configs:\n",
        setup.global,
        targets.join(", ")
    );
    for (job, address, more) in setup.jobs {
        writeln!(
            yaml,
            "- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]{more}}}"
        )
        .unwrap();
    }
    yaml
}

fn start_prometheus(folder: &Path, address: SocketAddr, resend: &str) -> Killed {
    let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--web.enable-lifecycle")
        .arg(format!("--rules.alert.resend-delay={resend}"))
        .stdout(Stdio::null())
        .stderr(log);
    Killed(command.spawn().expect("tests/install.sh installs prometheus"))
}

fn start_alertmanagers(folder: &Path, peers: usize) -> Vec<(Killed, SocketAddr)> {
    let clusters: Vec<SocketAddr> = (0..peers).map(|_| free()).collect();
    let start = |peer: usize| {
        let address = free();
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!(
                "--config.file={}",
                folder.join("alertmanager.yml").display()
            ))
            .arg(format!(
                "--storage.path={}",
                folder.join(format!("am{peer}")).display()
            ))
            .arg(format!("--web.listen-address={address}"));
        if peers > 1 {
            command.arg(format!("--cluster.listen-address={}", clusters[peer]));
            command.arg("--cluster.settle-timeout=1s");
            for other in clusters.iter().filter(|other| **other != clusters[peer]) {
                command.arg(format!("--cluster.peer={other}"));
            }
        } else {
            command.arg("--cluster.listen-address=");
        }
        let log = std::fs::File::create(folder.join(format!("am{peer}.log"))).unwrap();
        command.stdout(Stdio::null()).stderr(log);
        let process = Killed(
            command
                .spawn()
                .expect("tests/install.sh installs prometheus-alertmanager"),
        );
        (process, address)
    };
    let started: Vec<(Killed, SocketAddr)> = (0..peers).map(start).collect();
    for (_, address) in &started {
        wait_for("Alertmanager to be ready", START_LIMIT, || {
            let url = format!("http://{address}/-/ready");
            ask("GET", &url, &[], "")
                .ok()
                .filter(|answer| answer.status == 200)
        });
    }
    started
}

/// When a receiver of the test's own was told, in which state, of which alerts.
pub(crate) type Told = Arc<Mutex<Vec<(Timestamp, String)>>>;

/// A receiver of the test's own: what it is told does not come from gameday.
pub(crate) fn receiver() -> (SocketAddr, Told) {
    let told = Told::default();
    let book = Arc::clone(&told);
    let address = serve(move |arrival| {
        let body: Value = serde_json::from_str(&arrival.body).unwrap();
        book.lock()
            .unwrap()
            .push((arrival.at, body["status"].as_str().unwrap().to_owned()));
        (200, String::new())
    });
    (address, told)
}

/// A shop with as many customers each second whatever happens: each is served or not, as the last look through the
/// proxy was. Customers who waited for answers would come more often while they are refused.
pub(crate) struct Shop {
    pub(crate) metrics: SocketAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Between two looks through the proxy, and from one customer to the next.
const PACE: Duration = Duration::from_millis(20);

impl Shop {
    pub(crate) fn open(proxy: &str) -> Self {
        let (all, bad) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let failing = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        let shown = (Arc::clone(&all), Arc::clone(&bad), Arc::clone(&failing));
        let metrics = serve(move |_| {
            let (all, bad, failing) = &shown;
            let body = format!(
                "shop_requests_total {}\nshop_errors_total {}\nshop_failing {}\n",
                all.load(Ordering::SeqCst),
                bad.load(Ordering::SeqCst),
                u8::from(failing.load(Ordering::SeqCst))
            );
            (200, body)
        });
        let (stop, url, seen) = (
            Arc::clone(&ended),
            format!("http://{proxy}/"),
            Arc::clone(&failing),
        );
        let looks = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let good = ask("GET", &url, &[], "").is_ok_and(|answer| answer.status == 200);
                seen.store(!good, Ordering::SeqCst);
                thread::sleep(PACE);
            }
        });
        let stop = Arc::clone(&ended);
        let customers = thread::spawn(move || {
            let mut next = Instant::now();
            while !stop.load(Ordering::SeqCst) {
                all.fetch_add(1, Ordering::SeqCst);
                bad.fetch_add(u64::from(failing.load(Ordering::SeqCst)), Ordering::SeqCst);
                next += PACE;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Self {
            metrics,
            ended,
            threads: vec![looks, customers],
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
