//! What people say, and what the engine makes of it.

use super::*;
use crate::said::{Said, Word};

/// The plan with a fault that is held until somebody says that it is mitigated.
fn open_ended() -> Plan {
    let mut plan = plan();
    plan.timeline[0].until_mitigated = true;
    plan.timeline[0].hold = plan.guard.max_duration;
    plan
}

/// As `simulate`, with what Mo says in a second and the answers.
fn talk(plan: &Plan, seconds: u64, mut world: impl FnMut(u64) -> (Vec<Input>, Option<Word>)) -> String {
    let mut drill = Drill::new(plan);
    let mut told = Vec::new();
    for second in 0..=seconds {
        let now = Offset::from_micros(second * 1_000_000);
        let (inputs, said) = world(second);
        let mut wanted = Vec::new();
        for input in inputs.into_iter().chain([up(), Input::Tick]) {
            wanted.extend(drill.handle(now, input).iter().filter_map(word));
        }
        if let Some(word_said) = said {
            let who = "mo".to_owned();
            let (actions, answer) = drill.hear(now, Said { who, word: word_said });
            wanted.extend(actions.iter().filter_map(word));
            wanted.push(match answer {
                Ok(said) => format!("({said})"),
                Err(why) => format!("(no: {why})"),
            });
        }
        if !wanted.is_empty() {
            told.push(format!("{second}s {}", wanted.join(", ")));
        }
    }
    told.join("\n") + "\n"
}

#[test]
fn a_fault_that_is_held_until_mitigated_stays_until_somebody_says_so() {
    let world = |second| match second {
        0 => (vec![Input::Preflight(Ok(()))], Some(Word::Mitigated)),
        4 => (vec![Input::Injected(slow())], None),
        7 => (vec![notice("firing")], None),
        8 => (vec![], Some(Word::Ack(None))),
        30 => (vec![], Some(Word::Mitigated)),
        31 => (vec![Input::Removed(slow())], None),
        33 => (vec![Input::RollbackChecked(true), notice("resolved")], None),
        _ => (vec![], None),
    };
    expect![[r#"
        0s [Steady], (no: nothing is broken yet)
        3s [Inject], inject slow
        4s slow injected
        8s Acknowledged { who: "mo", alert: "Slow" }, (acknowledged: Slow)
        30s Mitigated { who: "mo" }, remove slow, (noted; the fault that was held until then is removed)
        31s slow removed, [Verify], verify
        33s [Recover], finish Completed
    "#]]
    .assert_eq(&talk(&open_ended(), 40, world));
}

#[test]
fn nobody_says_mitigated_and_the_longest_duration_ends_it() {
    let mut plan = open_ended();
    plan.guard.max_duration = SEC * 20;
    plan.timeline[0].hold = SEC * 20;
    let world = |second| match second {
        0 => (vec![Input::Preflight(Ok(()))], None),
        4 => (vec![Input::Injected(slow())], None),
        21 => (vec![Input::Removed(slow())], None),
        23 => (vec![Input::RollbackChecked(true)], None),
        _ => (vec![], None),
    };
    expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        20s stopped MaxDuration, remove slow
        21s slow removed, [Verify], verify
        23s finish Aborted
    "#]]
    .assert_eq(&talk(&plan, 30, world));
}

#[test]
fn mitigated_while_the_fault_is_being_injected_removes_it_as_soon_as_it_is_there() {
    let world = |second| match second {
        0 => (vec![Input::Preflight(Ok(()))], None),
        4 => (vec![], Some(Word::Mitigated)),
        6 => (vec![Input::Injected(slow())], None),
        _ => (vec![], None),
    };
    expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s Mitigated { who: "mo" }, (noted; the fault that was held until then is removed)
        6s slow injected, remove slow
    "#]]
    .assert_eq(&talk(&open_ended(), 8, world));
}

#[test]
fn notes_and_acks_are_written_down_and_change_nothing() {
    let world = |second| match second {
        0 => (
            vec![Input::Preflight(Ok(()))],
            Some(Word::Note("here we go".into())),
        ),
        2 => (vec![], Some(Word::Ack(None))),
        4 => (vec![Input::Injected(slow())], Some(Word::Ack(Some("Slo".into())))),
        5 => (vec![], Some(Word::Ack(Some("Slow".into())))),
        6 => (vec![notice("firing")], Some(Word::Ack(None))),
        7 => (vec![], Some(Word::Mitigated)),
        _ => (vec![], None),
    };
    expect![[r#"
        0s [Steady], Noted { who: "mo", text: "here we go" }, (noted)
        2s (no: no alert has fired yet; name the one that you mean)
        3s [Inject], inject slow
        4s slow injected, (no: no alert `Slo` was expected or seen here; there are: Slow)
        5s Acknowledged { who: "mo", alert: "Slow" }, (acknowledged: Slow)
        6s (no: every alert that fired is acknowledged already)
        7s Mitigated { who: "mo" }, (noted; no fault is held until then)
    "#]]
    .assert_eq(&talk(&plan(), 8, world));
}

#[test]
fn a_person_stops_a_drill_once() {
    let world = |second| match second {
        0 => (vec![Input::Preflight(Ok(()))], None),
        4 => (vec![Input::Injected(slow())], None),
        5 | 6 => (vec![], Some(Word::Stop)),
        7 => (vec![Input::Removed(slow())], None),
        9 => (vec![Input::RollbackChecked(true)], None),
        11 => (vec![], Some(Word::Note("too late".into()))),
        _ => (vec![], None),
    };
    expect![[r#"
        0s [Steady]
        3s [Inject], inject slow
        4s slow injected
        5s stopped Person("mo"), remove slow, (stopping: every fault is removed, and that is verified)
        6s (it is being stopped already)
        7s slow removed, [Verify], verify
        9s finish Aborted
        11s (no: the drill has ended)
    "#]]
    .assert_eq(&talk(&plan(), 12, world));
}

#[test]
fn a_program_that_talks_without_end_is_not_heard_any_more() {
    let plan = plan();
    let mut drill = Drill::new(&plan);
    let mut say = |word| {
        let who = "bot".to_owned();
        drill.hear(Offset::default(), Said { who, word }).1
    };
    for _ in 0..1000 {
        say(Word::Note("x".into())).unwrap();
    }
    assert!(say(Word::Note("x".into())).is_err());
    assert!(say(Word::Stop).is_ok(), "stopping is always possible");
}
