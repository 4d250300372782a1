//! Every way in which a drill is ended early: the fault is removed, and looked for, first.

use super::*;

#[test]
fn a_guard_breach_removes_the_fault_and_aborts() {
    check(
        |second| given(second >= 6, vec![down(), down()]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            7s breach: 1 up, 3 down, 0 unknown, stopped Guard("checkout < 50% for 2s"), remove slow
            10s slow removed, [Verify], verify
            13s finish Aborted
        "#]],
    );
}

#[test]
fn a_guard_that_cannot_see_is_a_breach() {
    let missed = || Input::Missed(ProbeName::new("checkout").unwrap(), 3);
    check(
        |second| given(second >= 6, vec![missed()]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            6s breach: blind: 2 up, 0 down, 3 unknown, stopped Guard("checkout < 50% for 2s"), remove slow
            10s slow removed, [Verify], verify
            13s finish Aborted
        "#]],
    );
}

#[test]
fn a_second_signal_never_skips_the_rollback() {
    let signal = || Input::Stop(StopReason::Signal("SIGINT".into()));
    check(
        |second| given(second == 6 || second == 7, vec![signal()]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            6s stopped Signal("SIGINT"), remove slow
            10s slow removed, [Verify], verify
            13s finish Aborted
        "#]],
    );
}

#[test]
fn a_signal_while_the_fault_is_being_injected_removes_it() {
    let signal = || Input::Stop(StopReason::Signal("SIGTERM".into()));
    check(
        |second| given(second == 3, vec![signal()]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow, stopped Signal("SIGTERM"), remove slow
            4s slow injected
            10s slow removed, [Verify], verify
            13s finish Aborted
        "#]],
    );
}

#[test]
fn a_signal_before_anything_was_touched_just_ends_it() {
    let signal = || Input::Stop(StopReason::Signal("SIGINT".into()));
    check(
        |second| given(second == 2, vec![signal()]),
        expect![[r#"
             0s [Steady]
             2s stopped Signal("SIGINT"), finish Aborted
        "#]],
    );
}

#[test]
fn a_fault_that_fails_to_inject_is_removed_all_the_same() {
    let failed = || Input::InjectFailed(slow(), "time-out".into());
    let world = |second| match second {
        0 => vec![Input::Preflight(Ok(())), up()],
        4 => vec![failed(), up()],
        5 => vec![Input::Removed(slow()), up()],
        8 => vec![Input::RollbackChecked(true), up()],
        _ => vec![up()],
    };
    expect![[r#"
         0s [Steady]
         3s [Inject], inject slow
         4s slow failed: time-out, stopped Fault("slow: time-out"), remove slow
         5s slow removed, [Verify], verify
         8s finish Aborted
    "#]]
    .assert_eq(&simulate(&plan(), 20, world));
}

#[test]
fn a_lost_lease_and_a_lost_target_abort() {
    check(
        |second| given(second == 6, vec![Input::Lost(slow(), "its lease ran out".into())]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            6s stopped Fault("slow: its lease ran out"), remove slow
            10s slow lost, [Verify], verify
            13s finish Aborted
        "#]],
    );
    check(
        |second| given(second == 6, vec![Input::TargetLost("no answer".into())]),
        expect![[r#"
            0s [Steady]
            3s [Inject], inject slow
            4s slow injected
            6s stopped Target("no answer"), remove slow
            10s slow removed, [Verify], verify
            13s finish Aborted
        "#]],
    );
}

#[test]
fn a_rollback_that_cannot_be_verified_never_recovers() {
    let world = |second| match second {
        0 => vec![Input::Preflight(Ok(())), up()],
        4 => vec![Input::Injected(slow()), up()],
        10 => vec![Input::RemoveFailed(slow(), "no answer".into()), up()],
        13 => vec![Input::RollbackChecked(false), up()],
        _ => vec![up()],
    };
    expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        9s remove slow
        10s slow failed: no answer, stopped Target("slow: no answer"), [Verify], verify
        13s finish Aborted
    "#]]
    .assert_eq(&simulate(&plan(), 40, world));
}
