//! Drills of which one part is killed at a random moment: nothing is left broken, and nothing passes that was not seen.
//!
//! ```text
//!   runner ── helper ── node      shop ─► proxy ─► service      Prometheus ─► Alertmanager ─► gameday and the test
//! ```
//!
//! `GAMEDAY_CHAOS_DRILLS` says how many (default 7, each part once), `GAMEDAY_CHAOS_SEED` which moments.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gameday_core::EventKind;
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::chaos::{chosen, mix};
use crate::support::alerting::{Alerting, Setup, Told, receiver};
use crate::support::drill::at;
use crate::support::ports::free_address;
use crate::support::rig::drill::{Drill, Ended};
use crate::support::rig::node::{Node, signal_helpers};
use crate::support::rig::{FROZEN, LEASE, Rig, Scenario};
use crate::support::shop::Shop;

const END: Duration = Duration::from_secs(90);
/// Two seconds of steady state, some of faults and alerts, and looking back; not all of them get that far.
const LONGEST_MS: u64 = 12_000;
/// Side by side; they mostly wait.
const LANES: u64 = 3;
/// Two receivers are told by two requests of one Alertmanager, on a busy machine.
const TOLD_TOGETHER_MS: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Runner,
    Helper,
    Proxy,
    Service,
    Node,
    Prometheus,
    Alertmanager,
}

const PARTS: [Part; 7] = [
    Part::Runner,
    Part::Helper,
    Part::Proxy,
    Part::Service,
    Part::Node,
    Part::Prometheus,
    Part::Alertmanager,
];

/// A drill and what is killed in it, all from the seed.
#[derive(Debug, Clone, Copy)]
struct Case {
    part: Part,
    after: Duration,
}

impl Case {
    fn new(seed: u64, index: u64) -> Self {
        let part = PARTS[usize::try_from(index).unwrap() % PARTS.len()];
        let after = Duration::from_millis(mix(seed ^ mix(index + 1)) % LONGEST_MS);
        Self { part, after }
    }
}

#[test]
fn a_part_that_is_killed_at_a_random_moment_leaves_nothing_broken_and_no_false_pass() {
    let _turn = crate::support::turn();
    let (drills, seed) = chosen(7);
    std::thread::scope(|scope| {
        for lane in 0..LANES.min(drills) {
            scope.spawn(move || {
                for index in (lane..drills).step_by(usize::try_from(LANES).unwrap()) {
                    let case = Case::new(seed, index);
                    println!("seed {seed}, drill {index}: {case:?}");
                    println!("seed {seed}, drill {index}: {case:?}: {}", one(case));
                }
            });
        }
    });
}

/// Everything that a drill needs, each part a process or a server of its own.
struct System {
    rig: Rig,
    node: Node,
    alerting: Alerting,
    /// A receiver of the test's own, at the same route as gameday's.
    told: Told,
    _shop: Shop,
}

const RULES: &str = "- {name: shop, rules: [{alert: ShopFailing, expr: 'shop_failing == 1', for: 1s, labels: {severity: page}}]}";

impl System {
    fn new() -> Self {
        let rig = Rig::new();
        let node = rig.node();
        let shop = Shop::open(&rig.listen);
        let webhook = free_address();
        let (theirs, told) = receiver();
        let routes = routes(webhook, theirs);
        let alerting = Alerting::start(
            rig.sandbox.path(),
            &Setup {
                global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s",
                groups: RULES,
                jobs: &[("shop", shop.metrics, "")],
                routes: &routes,
                peers: 1,
                resend: "1m",
                newer: false,
            },
        );
        let timeline =
            format!("down = {{ hold = \"{{{{hold}}}}\", on = \"web\", fault.down = {{}} }}\n{FROZEN}");
        let more = format!(
            "[expect]\nShopFailing = {{ firing = \"15s\", notified = \"20s\" }}\n[recover]\nwithin = \"20s\"\n{}",
            alerting.observe(Some(webhook))
        );
        let scenario = Scenario {
            timeline: &timeline,
            more: &more,
            ..Scenario::default()
        };
        rig.scenario("shop", &scenario);
        Self {
            rig,
            node,
            alerting,
            told,
            _shop: shop,
        }
    }

    fn kill(&self, part: Part, drill: &Drill) {
        match part {
            Part::Runner => drill.signal(Signal::SIGKILL),
            Part::Helper => signal_helpers(self.rig.sandbox.path(), Signal::SIGKILL),
            Part::Proxy => self.rig.signal_proxy(Signal::SIGKILL),
            // Who asks it is told that it is not well, which is the worst that it can say.
            Part::Service => self.rig.status.store(503, Ordering::SeqCst),
            Part::Node => self.node.kill(),
            Part::Prometheus => kill_listener(self.alerting.prometheus_at),
            Part::Alertmanager => kill_listener(self.alerting.alertmanagers[0].1),
        }
    }
}

fn routes(ours: SocketAddr, theirs: SocketAddr) -> String {
    format!(
        "route: {{receiver: oncall, group_by: [alertname], group_wait: 1s, group_interval: 5s}}\n\
         receivers:\n- {{name: oncall, webhook_configs: [{{url: 'http://{ours}/webhook'}}, {{url: 'http://{theirs}/'}}]}}\n"
    )
}

/// Kills the one program that was started to listen there.
fn kill_listener(address: SocketAddr) {
    let listens = format!("--web.listen-address={address}");
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok());
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if let Some(pid) = pid.filter(|_| {
            line.split(|byte| *byte == 0)
                .any(|word| word == listens.as_bytes())
        }) {
            // It may have ended meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn one(case: Case) -> String {
    let mut system = System::new();
    let mut drill = system.rig.start("shop", &["--set", "hold=6s"]);
    std::thread::sleep(case.after);
    let was_over = drill.has_ended();
    // One that was not paused is none of the drill's: whoever kills it then must start it again.
    let not_the_drills = case.part == Part::Node && system.node.state() != Some('T');
    if !was_over {
        system.kill(case.part, &drill);
    }
    let ended = drill.finish(END);
    // Time is the point: whatever is in place now must end by itself.
    std::thread::sleep(LEASE + Duration::from_secs(1));
    let seen = judge(case, was_over, &ended, &system.told);
    system.rig.status.store(200, Ordering::SeqCst);
    if case.part == Part::Proxy && !was_over {
        // One that is not there can say nothing; it is asked once it is.
        system.rig.restart_proxy();
    }
    // A runner that was killed may not be gone yet.
    let mut healed = system.rig.heal();
    for _ in 0..10 {
        if healed.code == Some(0) {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        healed = system.rig.heal();
    }
    assert_eq!(healed.code, Some(0), "{case:?}: {}", healed.stdout);
    assert!(
        !healed.stdout.contains("could not"),
        "{case:?}: {}",
        healed.stdout
    );
    assert_eq!(system.rig.active_faults(), Vec::<String>::new(), "{case:?}");
    if was_over || !not_the_drills {
        system.node.assert_running();
    }
    let open = system.rig.sandbox.path().join("state/gameday/open");
    let names = std::fs::read_dir(open).into_iter().flatten().flatten();
    let left: Vec<_> = names
        .map(|entry| entry.file_name())
        .filter(|name| name != "lock")
        .collect();
    assert!(left.is_empty(), "{case:?}: still open after heal: {left:?}");
    system.rig.assert_whole();
    seen
}

/// The end that was seen, in a word, if it may be so.
fn judge(case: Case, was_over: bool, ended: &Ended, told: &Told) -> String {
    let events = ended.events();
    let verdict = ended.verdict();
    let seen = format!(
        "code {:?}, verdict {verdict:?}, {} events",
        ended.code,
        events.len()
    );
    let context = format!("{case:?}, over before: {was_over}: {seen}\n{}", ended.stderr);
    if verdict.as_deref() != Some("passed") {
        return seen;
    }
    let lost = |kind: &EventKind| matches!(kind, EventKind::SourceLost { .. } | EventKind::Stopped(_));
    assert!(!events.iter().any(|event| lost(&event.kind)), "{context}");
    assert!(
        was_over || case.part != Part::Runner,
        "who is dead has not seen the end: {context}"
    );
    // A pass is a page that was sent: the marks are whole, and what the test itself was told.
    let report = ended.report().unwrap();
    let marks = &report["trials"][0]["alerts"][0]["marks"];
    for mark in ["T2", "T3", "T5"] {
        assert!(
            marks[mark].is_string(),
            "{mark} of a pass is not known: {context}"
        );
    }
    let first = told
        .lock()
        .unwrap()
        .iter()
        .find(|(_, status)| status == "firing")
        .map(|(at, _)| *at);
    let first: Timestamp = first.unwrap_or_else(|| panic!("nobody was told: {context}"));
    let apart = (at(&marks["T5"]) - first.as_millisecond()).abs();
    assert!(apart < TOLD_TOGETHER_MS, "T5 is {apart} ms off: {context}");
    for fault in report["trials"][0]["faults"].as_array().unwrap() {
        assert_eq!(fault["ended"], "removed", "{context}");
    }
    seen
}
