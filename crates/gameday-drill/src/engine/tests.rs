//! The engine as a table: seconds and inputs in, what it wants done out. No clock, no socket.

mod order;
mod people;
mod stopped;
mod trials;

use super::*;
use crate::plan::{
    AbortIf, During, Entry, Expectation, FaultKind, Guard, Observe, Plan, Required, RuleOf, Steady,
    SteadyKind,
};
use expect_test::{Expect, expect};
use gameday_core::{
    AlertSeen, AlertState, FaultEnd, FaultName, Notification, NotifiedAlert, Outcome, Reason, SourceName,
    TargetName, Timestamp,
};
use std::collections::BTreeMap;

const SEC: Duration = Duration::from_secs(1);

fn plan() -> Plan {
    let probe = ProbeName::new("checkout").unwrap();
    Plan {
        scenario: "test".into(),
        title: "test".into(),
        hypothesis: None,
        runbook: None,
        lab: None,
        rps: None,
        seed: None,
        trials: 1,
        gate_within: SEC * 30,
        point: None,
        vars: BTreeMap::new(),
        targets: BTreeMap::new(),
        regions: vec![],
        probes: vec![],
        observe: Observe {
            webhook: Some("http://127.0.0.1:9".into()),
            ..Observe::default()
        },
        steady: vec![Steady {
            name: SteadyName::new("works").unwrap(),
            kind: SteadyKind::Success {
                probe: probe.clone(),
                floor: 0.95,
            },
            window: SEC * 3,
        }],
        timeline: vec![Entry {
            name: FaultName::new("slow").unwrap(),
            at: Duration::ZERO,
            after: None,
            only_if: None,
            hold: SEC * 5,
            until_mitigated: false,
            on: TargetName::new("db").unwrap(),
            fault: FaultKind::Down,
        }],
        expect: vec![Expectation {
            label: "Slow".into(),
            alert: "Slow".into(),
            of: FaultName::new("slow").unwrap(),
            job: None,
            firing: Some(SEC * 3),
            notified: Some(SEC * 4),
            resolved: Some(SEC * 6),
            labels: BTreeMap::new(),
            receiver: None,
            source: RuleOf::Prometheus,
            never: false,
            required: Required::default(),
            during: During::default(),
            detected: None,
        }],
        forbid: vec![],
        guard: Guard {
            abort_if: vec![AbortIf {
                text: "checkout < 50% for 2s".into(),
                probe,
                floor: 0.5,
                window: SEC * 2,
            }],
            max_duration: SEC * 60,
            lease: SEC * 15,
        },
        journal: None,
        recover_within: Some(SEC * 5),
    }
}

/// One line a second in which something other than an evaluation is wanted.
///
/// `world` says what happens in a second: `up`, `down`, `blind` probes; everything else is an input.
fn simulate(plan: &Plan, seconds: u64, mut world: impl FnMut(u64) -> Vec<Input>) -> String {
    let mut drill = Drill::new(plan);
    let mut told = Vec::new();
    for second in 0..=seconds {
        let now = Offset::from_micros(second * 1_000_000);
        let mut wanted = Vec::new();
        for input in world(second).into_iter().chain([Input::Tick]) {
            wanted.extend(drill.handle(now, input).iter().filter_map(word));
        }
        if !wanted.is_empty() {
            told.push(format!("{second}s {}", wanted.join(", ")));
        }
    }
    told.join("\n") + "\n"
}

fn word(action: &Action) -> Option<String> {
    Some(match action {
        Action::Record(EventKind::SteadyEvaluated(_)) => return None,
        Action::Record(EventKind::StageEntered(stage)) => format!("[{stage:?}]"),
        Action::Record(EventKind::Stopped(why)) => format!("stopped {why:?}"),
        Action::Record(EventKind::FaultInjected { fault }) => format!("{fault} injected"),
        Action::Record(EventKind::FaultRemoved {
            fault,
            how: FaultEnd::Removed,
        }) => format!("{fault} removed"),
        Action::Record(EventKind::FaultRemoved { fault, .. }) => format!("{fault} lost"),
        Action::Record(EventKind::FaultFailed { fault, error }) => format!("{fault} failed: {error}"),
        Action::Record(EventKind::GuardBreached { detail, .. }) => format!("breach: {detail}"),
        Action::Record(EventKind::FaultSkipped { fault, detail, .. }) => format!("{fault} skipped: {detail}"),
        Action::Record(EventKind::ConditionLooked {
            fault, holds, detail, ..
        }) => format!("{fault} condition {holds}: {detail}"),
        Action::Record(other) => format!("{other:?}"),
        Action::Look(fault) => format!("look {fault}"),
        Action::Inject(fault) => format!("inject {fault}"),
        Action::Remove(fault) => format!("remove {fault}"),
        Action::Verify => "verify".into(),
        Action::NextTrial(trial) => format!("trial {trial}"),
        Action::Finish(how) => format!("finish {how:?}"),
    })
}

fn slow() -> FaultName {
    FaultName::new("slow").unwrap()
}

fn looked(outcome: Outcome) -> Input {
    let message = outcome.reason().map(|_| "status 500".to_owned());
    Input::Probed(
        ProbeName::new("checkout").unwrap(),
        outcome,
        Duration::from_millis(20),
        message,
    )
}

fn up() -> Input {
    looked(Outcome::Up { slow: vec![] })
}

fn down() -> Input {
    looked(Outcome::Down(Reason::HttpStatus))
}

fn notice(status: &str) -> Input {
    let alert = NotifiedAlert {
        status: status.into(),
        alert: "Slow".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        fingerprint: "f".into(),
        starts_at: None,
        ends_at: None,
    };
    Input::Notified(Notification {
        arrived: Timestamp::from_micros(0),
        receiver: "oncall".into(),
        status: status.into(),
        group_key: String::new(),
        truncated_alerts: 0,
        alerts: vec![alert],
    })
}

fn given(now: bool, inputs: Vec<Input>) -> Vec<Input> {
    if now { inputs } else { vec![] }
}

/// A world in which all goes well, with something else in one of its seconds.
fn check(also: impl Fn(u64) -> Vec<Input>, expect: Expect) {
    let world = |second| {
        let mut inputs = match second {
            0 => vec![Input::Preflight(Ok(()))],
            4 => vec![Input::Injected(slow())],
            10 => vec![Input::Removed(slow())],
            13 => vec![Input::RollbackChecked(true)],
            _ => vec![],
        };
        let extra = also(second);
        if !extra
            .iter()
            .any(|input| matches!(input, Input::Probed(..) | Input::Missed(..)))
        {
            inputs.push(up());
        }
        inputs.extend(extra);
        inputs
    };
    expect.assert_eq(&simulate(&plan(), 40, world));
}

#[test]
fn a_drill_goes_through_its_stages() {
    check(
        |second| match second {
            8 => vec![notice("firing")],
            14 => vec![notice("resolved")],
            _ => vec![],
        },
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            9s remove slow
            10s slow removed, [Verify], verify
            13s [Recover]
            14s finish Completed
        "#]],
    );
}

#[test]
fn a_resolved_notice_is_waited_for_until_its_limit() {
    check(
        |second| given(second == 8, vec![notice("firing")]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            9s remove slow
            10s slow removed, [Verify], verify
            13s [Recover]
            20s finish Completed
        "#]],
    );
}

#[test]
fn a_steady_state_that_does_not_hold_refuses_and_touches_nothing() {
    check(
        |_| vec![down()],
        expect![[r#"
            0s [Steady]
            4s slow injected
            10s slow removed
            12s finish Refused("the steady state does not hold: `works` (checkout success >= 95% for 3s): it is 0.0%; checkout last said: status 500")
        "#]],
    );
}

#[test]
fn a_refused_preflight_touches_nothing() {
    let world = |second| given(second == 0, vec![Input::Preflight(Err("no proxy".into()))]);
    expect![[r#"
         0s finish Refused("no proxy")
    "#]]
    .assert_eq(&simulate(&plan(), 20, world));
}

#[test]
fn the_whole_drill_may_not_last_longer_than_its_maximum() {
    let mut plan = plan();
    plan.guard.max_duration = SEC * 6;
    let world = |second| match second {
        0 => vec![Input::Preflight(Ok(())), up()],
        4 => vec![Input::Injected(slow()), up()],
        7 => vec![Input::Removed(slow()), up()],
        9 => vec![Input::RollbackChecked(true), up()],
        _ => vec![up()],
    };
    expect![[r#"
         0s [Steady]
         3s [Inject], inject slow
         4s slow injected
         6s stopped MaxDuration, remove slow
         7s slow removed, [Verify], verify
         9s finish Aborted
    "#]]
    .assert_eq(&simulate(&plan, 20, world));
}

#[test]
fn entries_that_follow_each_other_on_a_target_never_meet_there() {
    let mut plan = plan();
    let again = Entry {
        name: FaultName::new("again").unwrap(),
        at: SEC * 5,
        ..plan.timeline[0].clone()
    };
    plan.timeline.push(again.clone());
    let world = |second| match second {
        0 => vec![Input::Preflight(Ok(())), up()],
        4 => vec![Input::Injected(slow()), up()],
        11 => vec![Input::Removed(slow()), up()],
        12 => vec![Input::Injected(again.name.clone()), up()],
        18 => vec![Input::Removed(again.name.clone()), up()],
        _ => vec![up()],
    };
    expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        11s slow removed, inject again
        12s again injected
        17s remove again
        18s again removed, [Verify], verify
    "#]]
    .assert_eq(&simulate(&plan, 20, world));
}

/// A world without a receiver of ours: the alert fires at 8 s and is gone at 14 s, and something is delivered then.
fn check_counted(delivered: [u64; 2], expect: Expect) {
    let mut plan = plan();
    plan.observe.webhook = None;
    plan.observe.alertmanager = vec!["http://127.0.0.1:9093".into()];
    let seen = |state: AlertState| {
        Input::Alert(AlertSeen {
            source: SourceName::new("alertmanager").unwrap(),
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
    };
    let world = |second: u64| {
        let mut inputs = match second {
            0 => vec![Input::Preflight(Ok(()))],
            4 => vec![Input::Injected(slow())],
            8 => vec![seen(AlertState::Firing)],
            10 => vec![Input::Removed(slow())],
            13 => vec![Input::RollbackChecked(true)],
            14 => vec![seen(AlertState::Gone)],
            _ => vec![],
        };
        inputs.extend(delivered.contains(&second).then_some(Input::Delivered));
        inputs.push(up());
        inputs
    };
    expect.assert_eq(&simulate(&plan, 40, world));
}

#[test]
fn without_a_receiver_what_alertmanager_delivers_is_waited_for() {
    check_counted(
        [9, 15],
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            9s remove slow
            10s slow removed, [Verify], verify
            13s [Recover]
            15s finish Completed
        "#]],
    );
    // That it is gone does not say that anybody was told so.
    check_counted(
        [9, 9],
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            9s remove slow
            10s slow removed, [Verify], verify
            13s [Recover]
            20s finish Completed
        "#]],
    );
}
