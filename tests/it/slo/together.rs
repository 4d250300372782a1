//! Three real probers that follow one another and tell one receiver of one outage.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::burning::PROBE;
use crate::regions::page;
use crate::support::http::serve;
use crate::support::ports::free_port;
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than it takes any other prober to tell as well.
const LONG: Duration = Duration::from_secs(10);
const NAMES: [&str; 3] = ["ap-south", "eu-west", "us-east"];

/// A way from one prober to another that can be cut.
struct Way {
    port: u16,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Self {
            port: listener.local_addr().unwrap().port(),
            is_cut: Arc::default(),
        };
        let is_cut = Arc::clone(&way.is_cut);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                if !is_cut.load(Ordering::Relaxed) {
                    carry(&client, &server);
                    carry(&server, &client);
                }
            }
        });
        way
    }
}

fn carry(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// A message as the receiver took it: who sent it, and what it says.
#[derive(Debug, Clone, PartialEq)]
struct Message {
    from: String,
    status: String,
    regions: String,
}

struct Together {
    probers: BTreeMap<&'static str, Prober>,
    /// From one region to another.
    ways: BTreeMap<(&'static str, &'static str), Way>,
    broken: Arc<AtomicBool>,
    pages: Arc<Mutex<Vec<Message>>>,
    /// Whoever begins to tell while this is set waits for an answer that never comes.
    is_deaf: Arc<AtomicBool>,
    /// Who began to tell while nobody was heard.
    unheard: Arc<Mutex<Vec<String>>>,
}

impl Together {
    fn start() -> Self {
        let (url, broken) = page();
        let (pages, is_deaf, unheard): (Arc<Mutex<Vec<_>>>, Arc<AtomicBool>, Arc<Mutex<Vec<_>>>) =
            Default::default();
        let (log, deaf, lost) = (Arc::clone(&pages), Arc::clone(&is_deaf), Arc::clone(&unheard));
        let hook = serve(move |arrival| {
            let body: Value = serde_json::from_str(&arrival.body).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if body["commonLabels"]["severity"] != "page" {
                return (200, String::new());
            }
            let from = text(&body["externalURL"]);
            if deaf.load(Ordering::Relaxed) {
                lost.lock().unwrap().push(from);
                thread::sleep(PATIENCE);
                return (200, String::new());
            }
            log.lock().unwrap().push(Message {
                from,
                status: text(&body["status"]),
                regions: text(&body["commonLabels"]["regions"]),
            });
            (200, String::new())
        });
        let ports: BTreeMap<_, _> = NAMES.into_iter().map(|name| (name, free_port())).collect();
        let pairs = NAMES
            .iter()
            .flat_map(|from| NAMES.iter().map(move |to| (*from, *to)));
        let pairs = pairs.filter(|(from, to)| from != to);
        let ways: BTreeMap<_, _> = pairs.map(|pair| (pair, Way::to(ports[pair.1]))).collect();
        let probers = NAMES.map(|name| {
            let sandbox = Sandbox::new();
            let step = format!("{PROBE}[[step]]\nname = \"home\"\nget = \"{url}\"\n");
            sandbox.write("probes/web.toml", &step);
            let peers = NAMES.iter().filter(|other| **other != name).map(|other| {
                let port = ways[&(name, *other)].port;
                format!("{other} = {{ url = \"http://127.0.0.1:{port}\" }}\n")
            });
            let peers: String = peers.collect();
            let text = format!(
                "[quorum]\nunseen_after = \"4s\"\n[notify.oncall]\nwebhook = {{ url = \"http://{hook}/\" }}\n[peers]\n{peers}"
            );
            sandbox.write("prober.toml", &text);
            let listen = format!("127.0.0.1:{}", ports[name]);
            let args = [
                "probes", "--region", name, "--listen", &listen, "--config", "prober.toml", "--quiet",
            ];
            (name, Prober::start(&args, sandbox))
        });
        let together = Self {
            probers: probers.into(),
            ways,
            broken,
            pages,
            is_deaf,
            unheard,
        };
        for name in NAMES {
            wait_for("all regions to count", PATIENCE, || {
                let verdict: Value =
                    serde_json::from_str(&together.probers[name].get("/v1/verdict")).unwrap();
                (verdict["counting"] == 3).then_some(())
            });
        }
        together
    }

    fn name_of(&self, url: &str) -> &'static str {
        let found = self.probers.iter().find(|(_, prober)| prober.url == url);
        found
            .map(|(name, _)| *name)
            .unwrap_or_else(|| panic!("{url} is none of ours"))
    }

    fn taken(&self, status: &str) -> Vec<Message> {
        let pages = self.pages.lock().unwrap();
        pages
            .iter()
            .filter(|page| page.status == status)
            .cloned()
            .collect()
    }

    /// Waits until so many were taken, and for as long as others would need.
    #[track_caller]
    fn settles(&self, status: &str, count: usize) -> Vec<Message> {
        wait_for(status, PATIENCE, || {
            (self.taken(status).len() >= count).then_some(())
        });
        thread::sleep(LONG);
        let taken = self.taken(status);
        assert_eq!(taken.len(), count, "{taken:#?}\n{}", self.logs());
        taken
    }

    fn logs(&self) -> String {
        let logs = self
            .probers
            .iter()
            .map(|(name, prober)| format!("{name}:\n{}", prober.log()));
        logs.collect()
    }

    fn cut(&self, apart: &str, is_cut: bool) {
        for ((from, to), way) in &self.ways {
            if *from == apart || *to == apart {
                way.is_cut.store(is_cut, Ordering::Relaxed);
            }
        }
    }

    fn all_fire(&self) {
        for prober in self.probers.values() {
            let state = "gameday_slo_alert_state{probe=\"web\",objective=\"success\",pool=\"all\",severity=\"page\",state=\"firing\"}";
            prober.reaches(state, 1.0);
        }
    }
}

#[test]
fn three_probers_that_see_one_outage_page_once_and_resolve_it_once() {
    let together = Together::start();
    together.broken.store(true, Ordering::Relaxed);
    let told = together.settles("firing", 1);
    together.all_fire();
    // It is the incident of all three, whichever of them tells it.
    assert_eq!(told[0].regions, "ap-south+eu-west+us-east");
    // The teller is begun anew, and finds what it told; the others are no wiser.
    let teller = together.name_of(&told[0].from);
    let mut together = together;
    let restarted = together.probers.remove(teller).unwrap().restart();
    together.probers.insert(teller, restarted);
    together.settles("firing", 1);
    together.broken.store(false, Ordering::Relaxed);
    let resolved = together.settles("resolved", 1);
    assert_eq!(resolved[0].regions, "ap-south+eu-west+us-east");
    assert_eq!(together.taken("firing").len(), 1);
}

#[test]
fn a_teller_that_is_killed_before_it_has_told_is_followed_by_another() {
    let mut together = Together::start();
    together.is_deaf.store(true, Ordering::Relaxed);
    together.broken.store(true, Ordering::Relaxed);
    let first = wait_for("somebody to begin to tell", PATIENCE, || {
        together.unheard.lock().unwrap().first().cloned()
    });
    let first = together.name_of(&first);
    drop(together.probers.remove(first));
    together.is_deaf.store(false, Ordering::Relaxed);
    let told = together.settles("firing", 1);
    assert_ne!(together.name_of(&told[0].from), first);
    // And one that has told and is gone leaves the end to another.
    let second = together.name_of(&told[0].from);
    drop(together.probers.remove(second));
    together.settles("firing", 1);
    together.broken.store(false, Ordering::Relaxed);
    together.settles("resolved", 1);
}

#[test]
fn on_both_sides_of_a_split_network_somebody_is_told() {
    let together = Together::start();
    together.cut("us-east", true);
    wait_for("the split to be seen", PATIENCE, || {
        let verdict: Value = serde_json::from_str(&together.probers["us-east"].get("/v1/verdict")).unwrap();
        (verdict["counting"] == 1).then_some(())
    });
    together.broken.store(true, Ordering::Relaxed);
    let told = together.settles("firing", 2);
    let from: Vec<&str> = told.iter().map(|page| together.name_of(&page.from)).collect();
    assert_eq!(
        from.iter().filter(|name| **name == "us-east").count(),
        1,
        "{from:?}"
    );
    // Together again, nobody pages anew.
    together.cut("us-east", false);
    together.settles("firing", 2);
}
