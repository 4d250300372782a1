//! Regions that follow one another: what they say together, and whose word counts.

mod council;
mod drill;
mod fake;
mod hostile;
mod secrets;
mod two;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::http::serve;
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

/// Longer than a region that is silent is still believed to be there.
const LIMIT: Duration = Duration::from_secs(40);

/// Several probers on this machine, each a region, all looking at one service.
struct Regions {
    probers: BTreeMap<&'static str, Prober>,
    service: Arc<AtomicBool>,
    /// What each region must reach before its own word counts.
    controls: BTreeMap<&'static str, Arc<AtomicBool>>,
}

/// A page that may be broken.
pub(crate) fn page() -> (String, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let at = serve(move |_| match switch.load(Ordering::Relaxed) {
        true => (503, "{}".to_owned()),
        false => (200, "{}".to_owned()),
    });
    (format!("http://{at}/"), broken)
}

/// Ports that are free now, from below those that the kernel gives to whoever asks for any.
fn ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id() * 61;
    let candidates =
        std::iter::repeat_with(|| 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000);
    let ports = candidates.map(|port| u16::try_from(port).unwrap());
    ports
        .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .take(count)
        .collect()
}

impl Regions {
    fn start(names: &[&'static str], quorum: &str, probe: &str, every: &str) -> Self {
        let (url, service) = page();
        let ports: BTreeMap<_, _> = names.iter().copied().zip(ports(names.len())).collect();
        let mut controls = BTreeMap::new();
        let probers = names.iter().map(|name| {
            let (control, broken) = page();
            controls.insert(*name, broken);
            let sandbox = Sandbox::new();
            write_probe(&sandbox, probe, &url, every);
            let peers = ports.iter().filter(|(other, _)| *other != name);
            let peers: String = peers
                .map(|(other, port)| format!("{other} = {{ url = \"http://127.0.0.1:{port}\" }}\n"))
                .collect();
            sandbox.write(
                "prober.toml",
                &format!(
                    "[control]\nhttp = \"{control}\"\nevery = \"500ms\"\n[quorum]\n{quorum}\n[peers]\n{peers}"
                ),
            );
            let listen = format!("127.0.0.1:{}", ports[name]);
            let args = [
                "probes",
                "--region",
                name,
                "--listen",
                &listen,
                "--config",
                "prober.toml",
                "--quiet",
            ];
            (*name, Prober::start(&args, sandbox))
        });
        let probers = probers.collect();
        Self {
            probers,
            service,
            controls,
        }
    }

    /// Waits until a region gives this verdict, and returns all that it says.
    #[track_caller]
    fn until(&self, region: &str, what: &str, is: impl Fn(&Verdict) -> bool) -> Verdict {
        until(&self.probers[region], what, is)
    }
}

fn write_probe(sandbox: &Sandbox, name: &str, url: &str, every: &str) {
    let text = format!(
        "every = \"{every}\"\ntimeout = \"2s\"\n[[step]]\nname = \"home\"\nget = \"{url}\"\nexpect = [\"status == 200\"]\n"
    );
    sandbox.write(&format!("probes/{name}.toml"), &text);
}

#[track_caller]
fn until(prober: &Prober, what: &str, is: impl Fn(&Verdict) -> bool) -> Verdict {
    let mut last = Value::Null;
    let path: &Path = prober.sandbox.path();
    let found = wait_for_or(LIMIT, || {
        let verdict = Verdict(serde_json::from_str(&prober.get("/v1/verdict")).unwrap());
        last = verdict.0.clone();
        is(&verdict).then_some(verdict)
    });
    found.unwrap_or_else(|| panic!("{}: waited for {what}, but: {last:#}", path.display()))
}

fn wait_for_or<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = std::time::Instant::now() + limit;
    while std::time::Instant::now() < deadline {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// What `/v1/verdict` says.
struct Verdict(Value);

impl Verdict {
    fn probe(&self) -> &Value {
        &self.0["probes"][0]
    }

    /// The verdict's word, and whether it is advisory.
    fn word(&self) -> (&str, bool) {
        (
            self.probe()["verdict"].as_str().unwrap_or_default(),
            self.probe()["advisory"] == true,
        )
    }

    /// Why a region's word does not count, as a word of metrics; none if it counts.
    fn excluded(&self, region: &str) -> Option<&str> {
        self.region(region)["excluded"].as_str()
    }

    fn why(&self, region: &str) -> &str {
        self.region(region)["why"].as_str().unwrap_or_default()
    }

    fn region(&self, region: &str) -> &Value {
        let regions = self.0["regions"].as_array().unwrap();
        regions
            .iter()
            .find(|row| row["region"] == region)
            .unwrap_or(&Value::Null)
    }

    /// What a region says of the probe.
    fn vote(&self, region: &str) -> &Value {
        let votes = self.probe()["regions"].as_array().unwrap();
        votes
            .iter()
            .find(|vote| vote["region"] == region)
            .unwrap_or(&Value::Null)
    }

    fn all_count(&self) -> bool {
        let votes = self.probe()["regions"].as_array();
        votes.is_some_and(|votes| votes.iter().all(|vote| vote["counts"] == true))
    }
}

/// Waits for something that has no words of its own.
#[track_caller]
fn soon<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_for(what, LIMIT, look)
}
