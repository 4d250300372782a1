//! A team's own alerting: Debian's Prometheus and Alertmanager with whatever intervals, rules and routes a test
//! gives them.
//!
//! ```text
//!   client ──► proxy `web` (of a rig) ──► server        client's /metrics ◄── Prometheus ──► Alertmanager ──► receivers
//! ```

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::http::{ask, get, serve};
use super::ports::free_address;
use super::{Killed, wait_for};

/// A program on a busy machine has this long to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Prometheus and its Alertmanagers.
pub(crate) struct Alerting {
    prometheus: Option<Killed>,
    pub(crate) prometheus_at: SocketAddr,
    pub(crate) alertmanagers: Vec<(Option<Killed>, SocketAddr)>,
    peers: Vec<Peer>,
    folder: PathBuf,
    resend: String,
    newer: bool,
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
    /// Prometheus 3 and an Alertmanager that records its events, instead of Debian's.
    pub(crate) newer: bool,
}

impl Alerting {
    pub(crate) fn start(folder: &Path, setup: &Setup<'_>) -> Self {
        let folder = folder.join("alerting");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("alertmanager.yml"), setup.routes).unwrap();
        let clusters: Vec<SocketAddr> = (0..setup.peers).map(|_| free_address()).collect();
        let peer = |index| Peer {
            index,
            address: free_address(),
            clusters: clusters.clone(),
            newer: setup.newer,
        };
        let peers: Vec<Peer> = (0..setup.peers).map(peer).collect();
        let start = |peer: &Peer| (Some(start_alertmanager(&folder, peer)), peer.address);
        let alertmanagers: Vec<_> = peers.iter().map(start).collect();
        peers.iter().for_each(|peer| wait_until_ready(peer.address));
        let addresses: Vec<SocketAddr> = peers.iter().map(|peer| peer.address).collect();
        std::fs::write(folder.join("rules.yml"), format!("groups:\n{}", setup.groups)).unwrap();
        std::fs::write(folder.join("prometheus.yml"), prometheus_yaml(setup, &addresses)).unwrap();
        let prometheus_at = free_address();
        let prometheus = start_prometheus(&folder, prometheus_at, setup.resend, setup.newer);
        let alerting = Self {
            prometheus: Some(prometheus),
            prometheus_at,
            alertmanagers,
            peers,
            folder,
            resend: setup.resend.to_owned(),
            newer: setup.newer,
        };
        alerting.wait_until_scraped(setup.jobs.len());
        alerting
    }

    /// Kills Prometheus as a machine that fails does, and starts it again with what it had stored.
    pub(crate) fn restart_prometheus(&mut self) {
        self.prometheus = None;
        self.prometheus = Some(start_prometheus(
            &self.folder,
            self.prometheus_at,
            &self.resend,
            self.newer,
        ));
    }

    /// Kills an Alertmanager.
    pub(crate) fn kill_alertmanager(&mut self, index: usize) {
        self.alertmanagers[index].0 = None;
    }

    /// Kills an Alertmanager and starts it again.
    pub(crate) fn restart_alertmanager(&mut self, index: usize) {
        self.kill_alertmanager(index);
        self.alertmanagers[index].0 = Some(start_alertmanager(&self.folder, &self.peers[index]));
    }

    /// Sends a signal to Prometheus.
    pub(crate) fn signal_prometheus(&self, signal: Signal) {
        send(self.prometheus.as_ref().unwrap(), signal);
    }

    /// Sends a signal to an Alertmanager.
    pub(crate) fn signal_alertmanager(&self, index: usize, signal: Signal) {
        send(self.alertmanagers[index].0.as_ref().unwrap(), signal);
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

    /// Ends a silence.
    pub(crate) fn end_silence(&self, silence: &str) {
        let url = format!("http://{}/api/v2/silence/{silence}", self.alertmanagers[0].1);
        assert_eq!(ask("DELETE", &url, &[], "").unwrap().status, 200);
    }

    /// Sends an alert to the first Alertmanager, as any client may; it is over after so many seconds.
    pub(crate) fn send_alert(&self, labels: &Value, seconds: u64) {
        let (now, end) = (Timestamp::now(), Timestamp::now() + Duration::from_secs(seconds));
        let body = format!(r#"[{{"labels":{labels},"startsAt":"{now}","endsAt":"{end}"}}]"#);
        let url = format!("http://{}/api/v2/alerts", self.alertmanagers[0].1);
        let answer = ask("POST", &url, &[("Content-Type", "application/json")], &body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
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

fn send(process: &Killed, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(process.0.id()).unwrap()), signal).unwrap();
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
    // The tests' own servers do not say what they send; Prometheus 3 wants to be told.
    let form = match setup.newer {
        true => ", fallback_scrape_protocol: PrometheusText0.0.4",
        false => "",
    };
    for (job, address, more) in setup.jobs {
        writeln!(
            yaml,
            "- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]{form}{more}}}"
        )
        .unwrap();
    }
    yaml
}

/// The command of a program: Debian's, or the newer one that tests/install.sh unpacks.
pub(crate) fn program(name: &str, newer: bool) -> Command {
    let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/newer/usr/bin");
    Command::new(match newer {
        true => Path::new(unpacked).join(name),
        false => PathBuf::from(name),
    })
}

fn start_prometheus(folder: &Path, address: SocketAddr, resend: &str, newer: bool) -> Killed {
    let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
    let mut command = program("prometheus", newer);
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

/// What one Alertmanager is started with, so that it can be started again.
struct Peer {
    index: usize,
    address: SocketAddr,
    /// Where each talks to its peers; alone without a cluster.
    clusters: Vec<SocketAddr>,
    newer: bool,
}

fn start_alertmanager(folder: &Path, peer: &Peer) -> Killed {
    let mut command = program("prometheus-alertmanager", peer.newer);
    if peer.newer {
        command.arg("--enable-feature=event-recorder");
    }
    let index = peer.index;
    command
        .arg(format!(
            "--config.file={}",
            folder.join("alertmanager.yml").display()
        ))
        .arg(format!(
            "--storage.path={}",
            folder.join(format!("am{index}")).display()
        ))
        .arg(format!("--web.listen-address={}", peer.address));
    if peer.clusters.len() > 1 {
        let own = peer.clusters[index];
        command.arg(format!("--cluster.listen-address={own}"));
        command.arg("--cluster.settle-timeout=1s");
        for other in peer.clusters.iter().filter(|other| **other != own) {
            command.arg(format!("--cluster.peer={other}"));
        }
    } else {
        command.arg("--cluster.listen-address=");
    }
    let log = std::fs::File::create(folder.join(format!("am{index}.log"))).unwrap();
    command.stdout(Stdio::null()).stderr(log);
    Killed(
        command
            .spawn()
            .expect("tests/install.sh installs prometheus-alertmanager"),
    )
}

fn wait_until_ready(address: SocketAddr) {
    wait_for("Alertmanager to be ready", START_LIMIT, || {
        let url = format!("http://{address}/-/ready");
        ask("GET", &url, &[], "")
            .ok()
            .filter(|answer| answer.status == 200)
    });
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
