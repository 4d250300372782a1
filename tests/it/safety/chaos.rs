//! Drills whose runner is killed, stopped or interrupted at a random moment: nothing is left broken.
//!
//! `GAMEDAY_CHAOS_DRILLS` says how many (default 6), `GAMEDAY_CHAOS_SEED` which moments.

use std::time::Duration;

use gameday_core::{Event, EventKind, FaultName};
use nix::sys::signal::Signal;

use crate::support::rig::drill::{Drill, Ended};
use crate::support::rig::node::Node;
use crate::support::rig::{FROZEN, LEASE, Rig, SLOW, Scenario};

const END: Duration = Duration::from_secs(60);
/// A whole drill: two seconds of steady state, three of faults, two of looking back, and its start.
const LONGEST_MS: u64 = 7_500;
/// Side by side; they mostly wait.
const LANES: u64 = 6;

#[derive(Debug, Clone, Copy)]
enum Harm {
    Kill,
    Stop,
    Interrupt,
}

/// A drill and what is done to it, all from the seed.
#[derive(Debug, Clone, Copy)]
struct Case {
    harm: Harm,
    after: Duration,
}

impl Case {
    fn new(seed: u64, index: u64) -> Self {
        let harm = [Harm::Kill, Harm::Stop, Harm::Interrupt][usize::try_from(index % 3).unwrap()];
        let after = Duration::from_millis(mix(seed ^ mix(index)) % LONGEST_MS);
        Self { harm, after }
    }
}

/// SplitMix64's finalizer: every bit of the input moves every bit of the output.
pub(super) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// How many drills, so many if nobody says, and the seed of their moments.
pub(super) fn chosen(usual: u64) -> (u64, u64) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let drills = number("GAMEDAY_CHAOS_DRILLS").unwrap_or(usual);
    // Other moments each time; the seed is printed with what failed, so they can be had again.
    let random = || u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs());
    let seed = number("GAMEDAY_CHAOS_SEED").unwrap_or_else(random);
    println!("GAMEDAY_CHAOS_SEED={seed}, {drills} drills");
    (drills, seed)
}

#[test]
fn a_runner_that_is_harmed_at_a_random_moment_leaves_nothing_broken() {
    let (drills, seed) = chosen(6);
    std::thread::scope(|scope| {
        for lane in 0..LANES.min(drills) {
            scope.spawn(move || {
                let rig = Rig::new();
                let both = format!("{SLOW}\n{FROZEN}");
                rig.scenario(
                    "both",
                    &Scenario {
                        timeline: &both,
                        ..Scenario::default()
                    },
                );
                let node = rig.node();
                for index in (lane..drills).step_by(usize::try_from(LANES).unwrap()) {
                    let case = Case::new(seed, index);
                    println!("seed {seed}: {case:?}: {}", one(case, &rig, &node));
                }
            });
        }
    });
}

fn one(case: Case, rig: &Rig, node: &Node) -> String {
    let traffic = rig.traffic();
    let mut drill = rig.start("both", &["--set", "hold=3s"]);
    std::thread::sleep(case.after);
    let was_over = drill.has_ended();
    if !was_over {
        harm(case.harm, &drill);
    }
    // Time is the point: whatever is in place now must end by itself.
    std::thread::sleep(LEASE + Duration::from_secs(2));
    assert_eq!(
        rig.active_faults(),
        Vec::<String>::new(),
        "{case:?}: faults are in place after a lease"
    );
    if !was_over && matches!(case.harm, Harm::Stop) {
        node.assert_running();
        drill.signal(Signal::SIGCONT);
    }
    let ended = drill.finish(END);
    let seen = judge(case, was_over, &ended);
    let healed = rig.heal();
    assert_eq!(healed.code, Some(0), "{case:?}: {}", healed.stdout);
    node.assert_running();
    assert_eq!(node.starts(), 1, "{case:?}: the node was never gone");
    rig.assert_whole();
    traffic.assert_never_failed();
    seen
}

fn harm(harm: Harm, drill: &Drill) {
    match harm {
        Harm::Kill => drill.signal(Signal::SIGKILL),
        Harm::Stop => drill.signal(Signal::SIGSTOP),
        Harm::Interrupt => drill.signal_group(Signal::SIGINT),
    }
}

/// The end that was seen, in a word, if it may be so.
fn judge(case: Case, was_over: bool, ended: &Ended) -> String {
    let (events, verdict) = (ended.events(), ended.verdict());
    let stopped = events
        .iter()
        .any(|event| matches!(event.kind, EventKind::Stopped(_)));
    let completed = events
        .iter()
        .any(|event| event.kind == EventKind::DrillEnded(gameday_core::Ended::Completed));
    let seen = format!(
        "code {:?}, verdict {verdict:?}, {} events",
        ended.code,
        events.len()
    );
    let context = format!("{case:?}: {seen}\n{}", ended.stderr);
    if verdict.as_deref() == Some("passed") {
        assert!(
            completed && !stopped,
            "a drill that did not end cannot pass: {context}"
        );
        assert!(
            !outlasted_its_lease(&events),
            "a fault that ended by itself is no pass: {context}"
        );
    }
    match (case.harm, ended.code) {
        _ if was_over => assert_eq!(ended.code, Some(0), "{context}"),
        (Harm::Kill, code) => assert_eq!(code, None, "{context}"),
        (Harm::Interrupt, Some(3)) => assert!(stopped, "{context}"),
        (Harm::Interrupt, Some(0)) => assert!(completed, "{context}"),
        // It came before there was anybody to hear it.
        (Harm::Interrupt, None) => assert!(!ended.ordered_a_fault(), "{context}"),
        (Harm::Stop, Some(4)) => assert!(!ended.ordered_a_fault(), "{context}"),
        (Harm::Stop, code) => assert!(matches!(code, Some(0 | 1 | 3)), "{context}"),
        (Harm::Interrupt, code) => panic!("{code:?} is no end of an interrupted drill: {context}"),
    }
    seen
}

/// Whether a fault was in place for longer than it can have been without a renewal; its hold is as long.
fn outlasted_its_lease(events: &[Event]) -> bool {
    let at = |wanted: &dyn Fn(&EventKind) -> bool| {
        events
            .iter()
            .find(|event| wanted(&event.kind))
            .map(|event| event.at)
    };
    ["slow", "frozen"].iter().any(|name| {
        let name = FaultName::new(name).unwrap();
        let injected = at(&|kind| matches!(kind, EventKind::FaultInjected { fault } if *fault == name));
        let removed = at(&|kind| matches!(kind, EventKind::FaultRemoved { fault, .. } if *fault == name));
        injected
            .zip(removed)
            .is_some_and(|(from, to)| to.since(from) > LEASE + Duration::from_secs(1))
    })
}
