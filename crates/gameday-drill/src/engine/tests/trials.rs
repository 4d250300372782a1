//! Several trials: each waits for the one before, and begins at a phase of the alerting that the seed decides.

use super::*;
use crate::plan::Point;
use gameday_core::{AlertSeen, GateOpened, SourceName};

fn several(trials: u32) -> Plan {
    let mut plan = plan();
    plan.trials = trials;
    plan.seed = Some(7);
    plan.guard.abort_if.clear();
    plan.guard.max_duration = SEC * 30;
    plan
}

/// A tick of the alerting at the drill's beginning and each ten seconds after.
fn clean() -> Input {
    look(&[])
}

fn look(left: &[&str]) -> Input {
    Input::Gate(GateLook {
        left: left.iter().map(|line| (*line).to_owned()).collect(),
        interval: Some((0, SEC * 10)),
    })
}

fn alert(state: AlertState) -> Input {
    Input::Alert(AlertSeen {
        source: SourceName::new("prometheus").unwrap(),
        alert: "Slow".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        state,
        fingerprint: None,
        active_at: None,
        starts_at: None,
        updated_at: None,
        receivers: vec![],
        suppressed_by: vec![],
        keep_firing_since: None,
    })
}

/// A world in which everything goes well: what is ordered is done a second later, and alerts come and go.
///
/// `gate` says what the gate is told in a second.
fn run(plan: &Plan, seconds: u64, gate: impl Fn(u64) -> Vec<Input>) -> String {
    let mut drill = Drill::new(plan);
    let mut due: Vec<(u64, Input)> = vec![(0, Input::Preflight(Ok(())))];
    let mut told = Vec::new();
    for second in 0..=seconds {
        let now = Offset::from_micros(second * 1_000_000);
        let (ready, later) = due.into_iter().partition(|(at, _)| *at <= second);
        due = later;
        let ready = ready.into_iter().map(|(_, input): (u64, Input)| input);
        let inputs: Vec<Input> = ready
            .chain([up()])
            .chain(gate(second))
            .chain([Input::Tick])
            .collect();
        let mut wanted = Vec::new();
        for action in inputs.into_iter().flat_map(|input| drill.handle(now, input)) {
            match &action {
                Action::Inject(fault) => {
                    due.push((second + 1, Input::Injected(fault.clone())));
                    due.push((second + 3, notice("firing")));
                }
                Action::Remove(fault) => {
                    due.push((second + 1, Input::Removed(fault.clone())));
                    due.push((second + 4, notice("resolved")));
                }
                Action::Verify => due.push((second + 1, Input::RollbackChecked(true))),
                _ => {}
            }
            wanted
                .extend(word(&action).filter(|word| !word.contains("slow in") && !word.contains("slow rem")));
        }
        if !wanted.is_empty() {
            told.push(format!("{second}s {}", wanted.join(", ")));
        }
    }
    told.join("\n") + "\n"
}

/// Seconds at which faults were ordered.
fn begun(told: &str) -> Vec<u64> {
    let lines = told.lines().filter(|line| line.contains("inject slow"));
    lines
        .map(|line| line.split_once("s ").unwrap().0.parse().unwrap())
        .collect()
}

#[test]
fn each_trial_waits_for_its_phase_and_the_next_begins_after_it() {
    let told = run(&several(2), 60, |_| vec![clean()]);
    expect![[r#"
        0s TrialStarted { trial: 0, of: 2 }, [Steady]
        3s GateOpened(GateOpened { trial: 0, waited_us: 3000000, left: [], phase: 0.46519245062848724, interval_us: Some(10000000), wait_us: 1651924 })
        5s [Inject], inject slow
        11s remove slow
        12s [Verify], verify
        13s [Recover]
        15s trial 1, TrialStarted { trial: 1, of: 2 }, [Steady], GateOpened(GateOpened { trial: 1, waited_us: 0, left: [], phase: 0.1077757327000407, interval_us: Some(10000000), wait_us: 6077757 })
        22s [Inject], inject slow
        28s remove slow
        29s [Verify], verify
        30s [Recover]
        32s finish Completed
    "#]].assert_eq(&told);
}

#[test]
fn the_same_seed_makes_the_same_phases_and_another_makes_others() {
    let mut plan = several(5);
    let first = begun(&run(&plan, 200, |_| vec![clean()]));
    assert_eq!(first.len(), 5, "{first:?}");
    assert_eq!(first, begun(&run(&plan, 200, |_| vec![clean()])));
    let phases: BTreeSet<u64> = first.iter().map(|second| second % 10).collect();
    assert!(phases.len() > 2, "{first:?}");
    plan.seed = Some(8);
    assert_ne!(first, begun(&run(&plan, 200, |_| vec![clean()])));
}

#[test]
fn what_is_left_is_waited_for_and_then_said() {
    let plan = several(2);
    let clean_until = |limit: u64| {
        move |second: u64| match second {
            0..20 => vec![clean()],
            _ if second < limit => vec![look(&["a group is left"])],
            _ => vec![clean()],
        }
    };
    let told = run(&plan, 90, clean_until(40));
    let second = begun(&told)[1];
    assert!((40..=50).contains(&second), "{told}");
    assert!(!told.contains("a group is left"), "{told}");
    // The limit is 30 s: it begins all the same, and the journal says what is left.
    let told = run(&plan, 90, clean_until(1000));
    assert_eq!(begun(&told).len(), 2, "{told}");
    assert!(told.contains("a group is left"), "{told}");
}

#[test]
fn no_trial_begins_while_an_expected_alert_is_active() {
    let told = run(&several(2), 120, |second| match second {
        8 => vec![clean(), alert(AlertState::Firing)],
        _ => vec![clean()],
    });
    assert_eq!(begun(&told).len(), 1, "{told}");
    assert!(
        told.contains("trial 2 could not begin: the alert `Slow` is still active at prometheus")
            && told.ends_with("finish Aborted\n"),
        "{told}"
    );
    let told = run(&several(2), 120, |second| match second {
        8 => vec![clean(), alert(AlertState::Firing)],
        35 => vec![clean(), alert(AlertState::Gone)],
        _ => vec![clean()],
    });
    assert!(
        begun(&told)[1] >= 35 && told.ends_with("finish Completed\n"),
        "{told}"
    );
}

#[test]
fn what_changes_while_the_phase_is_waited_for_closes_the_gate_again() {
    let plan = several(1);
    let plan = Plan { trials: 2, ..plan };
    let mut drill = Drill::new(&plan);
    let mut at = |second: u64, inputs: Vec<Input>| {
        let now = Offset::from_micros(second * 1_000_000);
        let mut opened = Vec::new();
        for action in inputs.into_iter().flat_map(|input| drill.handle(now, input)) {
            if let Action::Record(EventKind::GateOpened(gate)) = action {
                opened.push(GateOpened::clone(&gate));
            }
        }
        opened
    };
    at(0, vec![Input::Preflight(Ok(()))]);
    at(1, vec![up(), Input::Tick]);
    at(2, vec![up(), Input::Tick]);
    let first = at(3, vec![up(), Input::Tick, clean(), Input::Tick]);
    assert_eq!(first.len(), 1);
    assert!(first[0].wait_us > 0, "{first:?}");
    at(4, vec![look(&["a group is left"]), Input::Tick]);
    let again = at(5, vec![up(), clean(), Input::Tick]);
    assert_eq!(again.len(), 1, "it opened anew");
    assert!((again[0].phase - first[0].phase).abs() < 1e-12);
}

#[test]
fn a_trial_may_last_as_long_as_a_drill_may() {
    // Ten trials of 13 s and more are longer than 30 s together; none of them is.
    let told = run(&several(10), 400, |_| vec![clean()]);
    assert_eq!(begun(&told).len(), 10, "{told}");
    assert!(told.ends_with("finish Completed\n"), "{told}");
}

/// A point of a sweep has one trial and passes the same gate, for what the point before has left.
#[test]
fn a_point_of_a_sweep_waits_for_the_one_before_and_for_its_phase() {
    let mut plan = several(1);
    let begins = |plan: &Plan, gate: &dyn Fn(u64) -> Vec<Input>| begun(&run(plan, 60, gate));
    let clean_at_last = |second| match second {
        0..20 => vec![look(&["a group"])],
        _ => vec![clean()],
    };
    let inactive_at_last = |second| match second {
        2 => vec![alert(AlertState::Firing), clean()],
        25 => vec![alert(AlertState::Gone), clean()],
        _ => vec![clean()],
    };
    assert_eq!(begins(&plan, &clean_at_last), [3], "no point of a sweep");
    plan.point = Some(Point { since_removal: None });
    let first = begins(&plan, &|_| vec![clean()]);
    plan.point = Some(Point {
        since_removal: Some(SEC),
    });
    let phase = begins(&plan, &|_| vec![clean()]);
    assert_eq!(first, phase, "each point begins at the same phase");
    for (gate, since) in [
        (&clean_at_last as &dyn Fn(u64) -> Vec<Input>, 20),
        (&inactive_at_last, 25),
    ] {
        let begun = begins(&plan, gate);
        assert_eq!(begun.len(), 1, "{begun:?}");
        assert!(
            begun[0] >= since && begun[0] % 10 == phase[0] % 10,
            "{begun:?} {phase:?}"
        );
    }
    let drill = Drill::new(&plan);
    assert_eq!(
        drill.asks(Offset::default()).map(|ask| ask.since_removal),
        None,
        "pre-flight asks nothing"
    );
}
