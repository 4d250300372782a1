//! The verdicts of a drill, one case a line.

use gameday_core::{Ended, EventKind, FaultEnd, ProbeName, StopReason, Timestamp};
use gameday_report::Verdict::{self, Aborted, Failed, Inconclusive, Passed, Refused, RollbackUnverified};
use gameday_report::{AlertVerdict, measure};

use crate::fixture::{fault, golden};
use crate::script::Script;

#[track_caller]
fn check(script: &Script, verdict: Verdict, exit_code: u8, says: &str) {
    let measurement = script.measured();
    assert_eq!(
        (measurement.verdict, measurement.exit_code),
        (verdict, exit_code),
        "{}",
        measurement.summary
    );
    let trial = &measurement.trials[0];
    let said = format!("{} {}", measurement.summary, trial.reasons.join(" "));
    assert!(said.contains(says), "{said:?} does not say {says:?}");
}

fn rollback(verified: bool) -> EventKind {
    EventKind::RollbackChecked {
        verified,
        details: vec!["toxic still listed".into()],
    }
}

fn unchecked() -> Script {
    golden().without(|kind| matches!(kind, EventKind::RollbackChecked { .. }))
}

fn ended(how: &Ended) -> Script {
    golden()
        .without(|kind| matches!(kind, EventKind::DrillEnded(_)))
        .and(99_990, EventKind::DrillEnded(how.clone()))
}

fn healed(verified: bool) -> EventKind {
    EventKind::Healed {
        verified,
        details: vec!["lease removed".into()],
    }
}

fn steady(name: &'static str, change: impl Fn(u64, &mut Option<bool>)) -> Script {
    let mut script = golden();
    for (us, _, kind) in &mut script.lines {
        if let EventKind::SteadyEvaluated(evaluated) = kind
            && evaluated.name.as_str() == name
        {
            change(*us / 1_000_000, &mut evaluated.holds);
        }
    }
    script
}

#[test]
fn a_drill_in_which_everything_came_passes() {
    check(
        &golden(),
        Passed,
        0,
        "steady again within one look (1 s) after the fault was gone",
    );
}

#[test]
fn a_rollback_that_nobody_verified_beats_everything() {
    check(&unchecked(), RollbackUnverified, 5, "nobody looked");
    check(
        &unchecked().and(86_000, rollback(false)),
        RollbackUnverified,
        5,
        "toxic still listed",
    );
    check(
        &golden().and(87_000, rollback(false)),
        RollbackUnverified,
        5,
        "toxic still listed",
    );
    check(&golden().cut(40_000), RollbackUnverified, 5, "nobody looked");
    let stopped = unchecked().and(50_000, EventKind::Stopped(StopReason::StopFile));
    check(&stopped, RollbackUnverified, 5, "nobody looked");
    check(
        &golden().cut(40_000).and(39_000, healed(false)),
        RollbackUnverified,
        5,
        "lease removed",
    );
    let again = EventKind::FaultOrdered {
        fault: fault(),
        undo: serde_json::Value::Null,
    };
    check(
        &golden().and(88_000, again),
        RollbackUnverified,
        5,
        "after it was looked at",
    );
}

#[test]
fn what_heal_put_back_is_aborted_and_never_a_pass() {
    let killed = golden().cut(40_000);
    check(&killed.and(39_999, healed(true)), Aborted, 3, "gameday heal");
    check(
        &unchecked().and(86_000, rollback(false)).and(99_995, healed(true)),
        Aborted,
        3,
        "gameday heal",
    );
}

/// However late somebody heals: from the runner's death on nobody looked.
#[test]
fn what_nobody_looked_for_any_more_is_unknown_and_not_missed() {
    let mut events = golden().cut(17_500).and(17_499, healed(true)).events();
    let last = events.last_mut().unwrap();
    last.time = Timestamp::from_micros(last.time.as_micros() + 300_000_000);
    let measured = measure(&[events]).unwrap();
    let alert = &measured.trials[0].alerts[0];
    assert_eq!(alert.verdict, AlertVerdict::Unknown, "{:?}", alert.why);
}

#[test]
fn a_drill_that_was_refused_touched_nothing() {
    let refusal = EventKind::DrillEnded(Ended::Refused("steady state `fast` does not hold".into()));
    let refused = golden().cut(11_000).and(11_000, refusal);
    check(&refused, Refused, 4, "steady state `fast` does not hold");
    let trial = &refused.measured().trials[0];
    assert_eq!(
        (trial.marks.t0, trial.ttr_ms, trial.steady[0].after),
        (None, None, None)
    );
    assert_eq!(refused.measured().mttd.trials, 0, "no fault, no trial");
    check(&ended(&Ended::Refused("late".into())), Aborted, 3, "late");
}

#[test]
fn a_drill_that_was_ended_early_is_aborted() {
    let breach = EventKind::GuardBreached {
        guard: "checkout < 50% for 15s".into(),
        detail: "31 %".into(),
    };
    check(
        &golden().and(50_000, breach),
        Aborted,
        3,
        "checkout < 50% for 15s",
    );
    for reason in [
        StopReason::Signal("SIGINT".into()),
        StopReason::StopFile,
        StopReason::MaxDuration,
        StopReason::Fault("lease lost".into()),
        StopReason::Target("proxy gone".into()),
    ] {
        check(
            &golden().and(50_000, EventKind::Stopped(reason)),
            Aborted,
            3,
            "everything was put back",
        );
    }
    check(&ended(&Ended::Aborted), Aborted, 3, "everything was put back");
    check(
        &golden().cut(90_000),
        Aborted,
        3,
        "the runner stopped before the drill had ended",
    );
    check(&golden().cut(8_000), Aborted, 3, "nothing was touched");
}

#[test]
fn a_recovery_over_its_limit_fails() {
    let within = |ms| golden().planned(|plan| plan.recover_within_ms = Some(ms));
    check(&within(992), Passed, 0, "");
    check(
        &within(991),
        Failed,
        1,
        "recovered 0.992 s after the last fault was gone, 0.001 s over",
    );
    let never = steady("fast", |second, holds| {
        if second > 72 {
            *holds = Some(false);
        }
    });
    check(
        &never.planned(|plan| plan.recover_within_ms = Some(20_000)),
        Failed,
        1,
        "not recovered within 20 s",
    );
}

#[test]
fn steady_states_that_are_broken_fail_and_unknown_ones_prove_nothing() {
    check(
        &steady("works", |second, holds| {
            if second == 12 {
                *holds = Some(false);
            }
        }),
        Failed,
        1,
        "`works` before",
    );
    check(
        &steady("works", |second, holds| {
            if second == 99 {
                *holds = Some(false);
            }
        }),
        Failed,
        1,
        "`works` after",
    );
    check(
        &steady("works", |second, holds| {
            if second == 99 {
                *holds = None;
            }
        }),
        Inconclusive,
        1,
        "`works` after",
    );
    let unevaluated = golden().without(|kind| matches!(kind, EventKind::SteadyEvaluated(_)));
    check(&unevaluated, Inconclusive, 1, "was not evaluated");
}

#[test]
fn the_steady_state_is_back_when_the_last_condition_holds_for_good() {
    let relapse = steady("works", |second, holds| {
        if second == 90 {
            *holds = Some(false);
        }
    });
    let trial = &relapse.measured().trials[0];
    assert_eq!(
        trial.marks.t8.unwrap().clock(),
        "10:01:21.000",
        "91 s less the window of 10 s"
    );
    assert_eq!(trial.self_heal_ms, Some(8_992));
    let soon = steady("fast", |second, holds| {
        if second >= 10 {
            *holds = Some(second != 20);
        }
    });
    let trial = &soon.measured().trials[0];
    assert_eq!(
        (trial.marks.t8, trial.self_heal_ms),
        (trial.marks.t7, Some(0)),
        "never before T7"
    );
}

#[test]
fn silence_of_the_probes_is_no_good_news() {
    let mute = golden().without(|kind| matches!(kind, EventKind::ProbeDone(_)));
    check(
        &mute,
        Inconclusive,
        1,
        "probe `checkout` in us-east was blind: 1 of 1",
    );
    let gone =
        golden().without(|kind| matches!(kind, EventKind::ProbeDone(_) | EventKind::ProbeMissed { .. }));
    check(&gone, Inconclusive, 1, "probe `checkout` in eu-west saw nothing");
    let mut missed = golden();
    let probe = ProbeName::new("checkout").unwrap();
    missed.seen_in(
        "us-east",
        60_000_000,
        EventKind::ProbeMissed { probe, count: 500 },
    );
    check(
        &missed,
        Inconclusive,
        1,
        "probe `checkout` in us-east was blind: 502 of",
    );
}

#[test]
fn a_fault_that_did_not_go_as_planned_is_never_a_pass() {
    let no_alerts = |script: Script| script.planned(|plan| plan.expect.clear());
    check(&no_alerts(golden()), Passed, 0, "");
    let idle = golden().without(|kind| matches!(kind, EventKind::FaultTouched { .. }));
    check(&no_alerts(idle), Inconclusive, 1, "fault `slow` touched nothing");
    let lost = golden().edited(|kind| {
        if let EventKind::FaultRemoved { how, .. } = kind {
            *how = FaultEnd::Lost;
        }
    });
    check(&lost, Inconclusive, 1, "fault `slow` was lost");
    let kept = golden().without(|kind| matches!(kind, EventKind::FaultRemoved { .. }));
    check(&kept, Inconclusive, 1, "never confirmed removed");
    let error = "no route to host".to_owned();
    let stuck = kept.and(
        72_008,
        EventKind::FaultFailed {
            fault: fault(),
            error,
        },
    );
    check(
        &stuck,
        Inconclusive,
        1,
        "never confirmed removed: no route to host",
    );
    assert_eq!(
        stuck.measured().trials[0].marks.t7,
        None,
        "a removal that failed is no removal"
    );
    let second = golden().planned(|plan| {
        let mut more = plan.timeline[0].clone();
        more.name = gameday_core::FaultName::new("more").unwrap();
        plan.timeline.push(more);
    });
    check(&second, Inconclusive, 1, "fault `more` was never ordered");
}

#[test]
fn a_clean_heal_hours_later_is_no_step_of_the_clock() {
    let mut events = golden().cut(40_000).and(39_999, healed(true)).events();
    let last = events.last_mut().unwrap();
    last.time = last.time.plus_micros(7_200_000_000);
    let measurement = gameday_report::measure(&[events]).unwrap();
    assert_eq!(
        measurement.trials[0].alerts[0].ttn_ms,
        Some(13_207),
        "what was measured before still counts"
    );
}

fn left_out(reason: gameday_core::Skip, detail: &str) -> Script {
    let told = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::FaultOrdered { .. }
                | EventKind::FaultInjected { .. }
                | EventKind::FaultTouched { .. }
                | EventKind::FaultRemoved { .. }
        )
    };
    let skipped = EventKind::FaultSkipped {
        fault: fault(),
        reason,
        detail: detail.into(),
    };
    golden().without(told).and(13_000, skipped)
}

#[test]
fn a_fault_that_waited_in_vain_was_not_ordered_and_fails() {
    let script = left_out(gameday_core::Skip::NotInTime, "X firing did not come within 60s");
    check(
        &script,
        Failed,
        1,
        "not ordered: fault `slow` was not ordered: X firing did not come within 60s",
    );
    let trial = &script.measured().trials[0];
    assert_eq!(trial.alerts[0].verdict.word(), "not_ordered");
    assert_eq!(
        trial.faults[0].skipped.as_deref(),
        Some("X firing did not come within 60s")
    );
}

#[test]
fn a_drill_whose_every_fault_was_left_out_has_tested_nothing() {
    let script = left_out(
        gameday_core::Skip::ConditionFalse,
        "`up > 3` does not hold: it is 1",
    );
    check(
        &script,
        Inconclusive,
        1,
        "no fault was ordered, so nothing was tested",
    );
}
