//! Points of a sweep on the real Prometheus and Alertmanager: each begins when nothing of the one before is left.

use gameday_core::{AlertState, Event, EventKind, GateOpened, read_journal};

use super::*;
use crate::support::Sandbox;

/// It fires for half a minute after the fault is gone, when the point's drill is long over.
const LINGERS: &str =
    "- name: shop\n  rules:\n  - {alert: ShopFailing, expr: 'max_over_time(shop_failing[30s]) > 0'}\n";

#[test]
fn a_point_waits_for_what_the_one_before_has_left() {
    let _turn = crate::support::turn();
    let stand = Stand::new(&Plan {
        groups: LINGERS,
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 3s",
        newer: true,
        ..Plan::default()
    });
    let fault = r#"down = { hold = "{{hold}}", on = "web", fault.down = {} }"#;
    stand.scenario(fault, r#"ShopFailing = { firing = "20s", notified = "30s" }"#);
    let sweep = [
        "sweep",
        "drill.toml",
        "--over",
        "hold=6s,7s",
        "--yes",
        "--seed",
        "3",
        "--output",
        "json",
    ];
    let ran = stand.rig.sandbox.run(sweep);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let folder = std::fs::read_dir(stand.rig.sandbox.path().join("drills"))
        .unwrap()
        .next();
    let folder = folder.unwrap().unwrap().path();
    let points: Vec<Vec<Event>> = report["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            assert_eq!(point["verdict"], "passed", "{point:#}");
            let journal = folder
                .join(point["drill"].as_str().unwrap())
                .join("journal.jsonl");
            read_journal(&journal).unwrap().events
        })
        .collect();
    let [first, second] = points.as_slice() else {
        panic!("{report:#}");
    };
    let ((_, before), (opened, after)) = (gate(first), gate(second));
    assert!(after.left.is_empty(), "nothing was left: {after:?}");
    assert_eq!(
        before.phase.to_bits(),
        after.phase.to_bits(),
        "both at the same phase"
    );
    let prometheus_said = |event: &Event| match &event.kind {
        EventKind::AlertSeen(seen) if seen.source.as_str() == "prometheus" => Some(seen.state),
        _ => None,
    };
    let seen: Vec<AlertState> = second[..opened].iter().filter_map(prometheus_said).collect();
    assert_eq!(
        seen,
        [AlertState::Firing, AlertState::Gone],
        "it still fired, and was over before"
    );
}

/// How the gate opened, and which event that is.
#[track_caller]
fn gate(events: &[Event]) -> (usize, &GateOpened) {
    let mut opened = events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| match &event.kind {
            EventKind::GateOpened(opened) => Some((index, &**opened)),
            _ => None,
        });
    opened.next_back().expect("the gate opened")
}

#[test]
fn an_assumption_that_does_not_follow_the_dose_is_warned_of() {
    let sandbox = Sandbox::new();
    let check = |during: &str, warned: bool| {
        sandbox.write(
            "dose.toml",
            &format!(
                r#"title = "dose"
vars = {{ share = "10%" }}
[targets]
web = {{ proxy = "web", api = "http://127.0.0.1:1" }}
[timeline]
cut = {{ hold = "5s", on = "web", fault.down = {{}} }}
slow = {{ at = "6s", hold = "5s", on = "web", fault.latency = {{ delay = "1s" }}, toxicity = "{{{{share}}}}" }}
[guard]
max_duration = "5m"
lease = "15s"
[observe]
prometheus = "http://127.0.0.1:1"
[expect]
Same = {{ of = "cut", firing = "20s", during = {{ bad = "10%" }} }}
Dose = {{ of = "slow", firing = "20s", during = {{ {during} }} }}
"#
            ),
        );
        let ran = sandbox.run(["sweep", "dose.toml", "--over", "share=1%,10%", "--yes"]);
        assert_eq!(ran.code, Some(1), "no point could be run: {}", ran.stderr);
        let said = ran
            .stderr
            .contains("beware: `during` of Dose says the same `bad` at each point");
        assert_eq!(said, warned, "{during}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("of Same"),
            "its fault is no other: {}",
            ran.stderr
        );
    };
    check(r#"bad = "10%""#, true);
    check(r#"bad = "{{share}}""#, false);
}
