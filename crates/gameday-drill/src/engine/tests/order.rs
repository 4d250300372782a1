//! Entries that wait for an event, and entries that come only on a condition.

use super::*;
use crate::plan::{After, AlertMoment, Cue, OnlyIf, Otherwise};
use gameday_core::{AlertSeen, AlertState, SourceName};

fn second() -> FaultName {
    FaultName::new("second").unwrap()
}

fn alert(moment: AlertMoment) -> Cue {
    Cue::Alert {
        label: "Slow".into(),
        moment,
    }
}

/// What waits so many seconds after its cue, and for it so many after T0.
fn after(cue: Cue, offset: u32, within: u32, otherwise: Otherwise) -> After {
    After {
        cue,
        offset: SEC * offset,
        within: SEC * within,
        otherwise,
    }
}

/// The plan with a second entry on another target that waits, or comes on a condition.
fn two(after: Option<After>, only_if: Option<OnlyIf>) -> Plan {
    let mut plan = plan();
    plan.timeline.push(Entry {
        name: second(),
        hold: SEC * 2,
        on: TargetName::new("web").unwrap(),
        after,
        only_if,
        ..plan.timeline[0].clone()
    });
    plan.expect[0].resolved = None;
    plan
}

fn seen(state: AlertState) -> Input {
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

/// A world in which each fault is there a second after it was ordered, and gone a second after that was.
fn check(plan: &Plan, also: impl Fn(u64) -> Vec<Input>, expect: &Expect) {
    let mut drill = Drill::new(plan);
    let (mut told, mut next) = (Vec::new(), Vec::new());
    for second in 0..=40 {
        let now = Offset::from_micros(second * 1_000_000);
        let mut inputs = std::mem::take(&mut next);
        inputs.extend(given(second == 0, vec![Input::Preflight(Ok(()))]));
        inputs.push(up());
        inputs.extend(also(second));
        let mut wanted = Vec::new();
        for input in inputs.into_iter().chain([Input::Tick]) {
            for action in drill.handle(now, input) {
                wanted.extend(word(&action));
                next.extend(match action {
                    Action::Inject(fault) => Some(Input::Injected(fault)),
                    Action::Remove(fault) => Some(Input::Removed(fault)),
                    Action::Verify => Some(Input::RollbackChecked(true)),
                    _ => None,
                });
            }
        }
        if !wanted.is_empty() {
            told.push(format!("{second}s {}", wanted.join(", ")));
        }
    }
    expect.assert_eq(&(told.join("\n") + "\n"));
}

fn firing_at(when: u64) -> impl Fn(u64) -> Vec<Input> {
    move |now| given(now == when, vec![seen(AlertState::Firing)])
}

#[test]
fn an_entry_comes_when_its_alert_fires_and_so_long_after() {
    let waits = after(alert(AlertMoment::Firing), 2, 20, Otherwise::Skip);
    check(
        &two(Some(waits), None),
        firing_at(6),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        8s inject second
        9s second injected, remove slow
        10s slow removed
        11s remove second
        12s second removed, [Verify], verify
        13s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn pending_is_sooner_than_firing_and_a_notification_later() {
    let world = |now| match now {
        5 => vec![seen(AlertState::Pending)],
        7 => vec![seen(AlertState::Firing)],
        8 => vec![notice("firing")],
        _ => vec![],
    };
    let waits = |moment| two(Some(after(alert(moment), 0, 20, Otherwise::Skip)), None);
    check(
        &waits(AlertMoment::Pending),
        world,
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        5s inject second
        6s second injected
        8s remove second
        9s second removed, remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
    check(
        &waits(AlertMoment::Notified),
        world,
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        8s inject second
        9s second injected, remove slow
        10s slow removed
        11s remove second
        12s second removed, [Verify], verify
        13s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn only_what_has_fired_is_resolved() {
    let waits = after(alert(AlertMoment::Resolved), 0, 20, Otherwise::Skip);
    let world = |now| match now {
        4 | 12 => vec![seen(AlertState::Gone)],
        6 => vec![seen(AlertState::Firing)],
        _ => vec![],
    };
    check(
        &two(Some(waits), None),
        world,
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow removed
        12s inject second
        13s second injected
        15s remove second
        16s second removed, [Verify], verify
        17s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn an_alert_from_before_the_fault_is_not_what_is_waited_for() {
    let waits = after(alert(AlertMoment::Firing), 0, 8, Otherwise::Skip);
    check(
        &two(Some(waits), None),
        firing_at(1),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow removed
        12s second skipped: Slow firing did not come within 8s, [Verify], verify
        13s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn an_entry_follows_the_removal_of_another() {
    let waits = after(Cue::Removed(slow()), 3, 30, Otherwise::Skip);
    check(
        &two(Some(waits), None),
        |_| vec![],
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow removed
        13s inject second
        14s second injected
        16s remove second
        17s second removed, [Verify], verify
        18s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn what_does_not_come_in_time_leaves_the_entry_out_or_not() {
    let skip = after(alert(AlertMoment::Firing), 0, 7, Otherwise::Skip);
    check(
        &two(Some(skip), None),
        firing_at(11),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow removed
        11s second skipped: Slow firing did not come within 7s, [Verify], verify
        12s [Recover], finish Completed
    "#]],
    );
    let run = after(alert(AlertMoment::Firing), 5, 7, Otherwise::Run);
    check(
        &two(Some(run), None),
        |_| vec![],
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow removed
        11s inject second
        12s second injected
        14s remove second
        15s second removed, [Verify], verify
        16s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn a_probes_last_look_is_a_condition() {
    let says = |up| OnlyIf::Probe {
        probe: ProbeName::new("checkout").unwrap(),
        up,
    };
    check(
        &two(None, Some(says(true))),
        |_| vec![],
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, second condition true: checkout said up last, inject second
        4s slow injected, second injected
        6s remove second
        7s second removed
        9s remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
    check(
        &two(None, Some(says(false))),
        |_| vec![],
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, second condition false: checkout said up last, second skipped: `probe checkout down` does not hold: checkout said up last
        4s slow injected
        9s remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn a_condition_is_asked_for_once_and_its_answer_counts() {
    let plan = two(None, Some(OnlyIf::Promql("up > 0".into())));
    let answer = |answer: Result<(bool, String), String>| {
        move |now| given(now == 5, vec![Input::Condition(second(), answer.clone())])
    };
    check(
        &plan,
        answer(Ok((true, "found 1".into()))),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, look second
        4s slow injected
        5s second condition true: found 1, inject second
        6s second injected
        8s remove second
        9s second removed, remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
    check(
        &plan,
        answer(Ok((false, "found nothing".into()))),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, look second
        4s slow injected
        5s second condition false: found nothing, second skipped: `up > 0` does not hold: found nothing
        9s remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
    check(
        &plan,
        answer(Err("no answer".into())),
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, look second
        4s slow injected
        5s second condition false: it could not be looked at: no answer, second skipped: `up > 0` does not hold: it could not be looked at: no answer
        9s remove slow
        10s slow removed, [Verify], verify
        11s [Recover], finish Completed
    "#]],
    );
}

#[test]
fn a_stop_ends_the_waiting_and_an_answer_after_it_orders_nothing() {
    let plan = two(None, Some(OnlyIf::Promql("up > 0".into())));
    let world = |now| match now {
        4 => vec![Input::Stop(StopReason::StopFile)],
        5 => vec![Input::Condition(second(), Ok((true, String::new())))],
        _ => vec![],
    };
    check(
        &plan,
        world,
        &expect![[r#"
        0s [Steady]
        3s [Inject], inject slow, look second
        4s slow injected, stopped StopFile, remove slow
        5s slow removed, [Verify], verify
        6s finish Aborted
    "#]],
    );
}
