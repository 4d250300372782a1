//! One journal of several trials: each is measured as if it were alone, and an expectation is judged over all.

use gameday_core::{Ended, Event, EventKind, GateOpened, Stage, Timestamp};
use gameday_report::{AlertVerdict, Measurement, Verdict, measure};

use crate::fixture::golden;
use crate::script::Script;

/// Each trial of the golden drill lasts so long.
const TRIAL_US: i64 = 110_000_000;

/// A time of the second or a later trial.
fn later(time: &mut Timestamp, by: i64) {
    *time = time.plus_micros(by);
}

fn shift(kind: &mut EventKind, by: i64) {
    let shift = |time: &mut Option<Timestamp>| time.iter_mut().for_each(|time| later(time, by));
    match kind {
        EventKind::ProbeDone(done) => {
            done.intended = done.intended + std::time::Duration::from_micros(by.unsigned_abs());
        }
        EventKind::FaultTouched { first_touched, .. } => shift(first_touched),
        EventKind::AlertSeen(seen) => {
            shift(&mut seen.active_at);
            shift(&mut seen.starts_at);
            shift(&mut seen.updated_at);
        }
        EventKind::Notified(notice) => {
            later(&mut notice.arrived, by);
            for alert in &mut notice.alerts {
                shift(&mut alert.starts_at);
                shift(&mut alert.ends_at);
            }
        }
        EventKind::RawSamples { series, .. } => {
            let samples = series.iter_mut().flat_map(|one| &mut one.samples);
            samples.for_each(|(time, _)| later(time, by));
        }
        _ => {}
    }
}

/// A drill whose trials are these, each with what was left when it began.
fn journal(trials: &[(Script, Vec<String>)], detected: Option<[u32; 2]>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    let of = u32::try_from(trials.len()).unwrap();
    for (trial, (script, left)) in (0..).zip(trials) {
        let by = TRIAL_US * i64::from(trial);
        let events = script.planned(|plan| {
            plan.trials = of;
            plan.expect[0].detected = detected;
        });
        let events = events.events();
        let gate = events
            .iter()
            .position(|event| event.kind == EventKind::StageEntered(Stage::Steady))
            .unwrap();
        let mut kinds: Vec<(Event, bool)> = Vec::new();
        let marker = |event: &Event, kind: EventKind| Event {
            kind,
            ..event.clone()
        };
        for (index, event) in events.iter().enumerate() {
            if index == gate {
                kinds.push((marker(event, EventKind::TrialStarted { trial, of }), true));
                let opened = GateOpened {
                    trial,
                    waited_us: 10_000_000,
                    left: left.clone(),
                    phase: 0.25,
                    interval_us: Some(1_000_000),
                    wait_us: 0,
                };
                kinds.push((marker(event, EventKind::GateOpened(Box::new(opened))), true));
            }
            let ended = EventKind::DrillEnded(Ended::Completed);
            match &event.kind {
                kind if *kind == ended && trial + 1 < of => {
                    kinds.push((marker(event, EventKind::TrialEnded { trial }), true));
                }
                _ => kinds.push((event.clone(), index >= gate || trial == 0)),
            }
        }
        for (mut event, _) in kinds.into_iter().filter(|(_, kept)| *kept) {
            event.seq = all.len() as u64;
            event.at = event.at + std::time::Duration::from_micros(by.unsigned_abs());
            later(&mut event.time, by);
            shift(&mut event.kind, by);
            all.push(event);
        }
    }
    all
}

fn undetected() -> Script {
    golden().without(|kind| {
        matches!(
            kind,
            EventKind::AlertSeen(_) | EventKind::Notified(_) | EventKind::RawSamples { .. }
        )
    })
}

fn measured(trials: &[(Script, Vec<String>)], detected: Option<[u32; 2]>) -> Measurement {
    measure(&[journal(trials, detected)]).unwrap()
}

#[test]
fn each_trial_of_a_journal_is_measured_as_if_it_were_alone() {
    let found = measured(
        &[(golden(), vec![]), (golden(), vec![]), (golden(), vec![])],
        None,
    );
    let alone = golden().measured();
    let wanted = &alone.trials[0];
    assert_eq!(
        (found.verdict, found.trials.len()),
        (Verdict::Passed, 3),
        "{}",
        found.summary
    );
    for trial in &found.trials {
        assert_eq!(
            trial.alerts[0].verdict,
            AlertVerdict::Passed,
            "{}",
            trial.alerts[0].detail
        );
        assert_eq!(
            trial.alerts[0].stages_ms, wanted.alerts[0].stages_ms,
            "trial {}",
            trial.index
        );
        assert_eq!(trial.alerts[0].ttn_ms, wanted.alerts[0].ttn_ms);
        assert_eq!(
            (trial.ttr_ms, trial.self_heal_ms),
            (wanted.ttr_ms, wanted.self_heal_ms)
        );
        assert_eq!(trial.reasons, Vec::<String>::new());
        assert!(trial.complete);
        assert_eq!(trial.gate.as_ref().unwrap().phase_ms, Some(250));
    }
    let over = &found.over_trials[0];
    assert_eq!((over.detected, over.passed, over.needed), (3, 3, 3));
    assert_eq!(over.ttn.covers, Some(0.75));
    assert_eq!(over.stages["group"].median_ms, Some(2_006));
}

#[test]
fn a_trial_that_missed_it_stands_last_and_enough_of_the_others_pass() {
    let trials = [(golden(), vec![]), (undetected(), vec![]), (golden(), vec![])];
    let strict = measured(&trials, None);
    assert_eq!(strict.verdict, Verdict::Failed);
    assert!(
        strict
            .summary
            .contains("PaymentsLatencyHigh in time in only 2 of 3 trials"),
        "{}",
        strict.summary
    );
    let lenient = measured(&trials, Some([4, 6]));
    assert_eq!(lenient.verdict, Verdict::Passed, "{}", lenient.summary);
    assert_eq!(
        lenient.trials[1].verdict,
        Verdict::Failed,
        "the trial itself failed all the same"
    );
    let over = &lenient.over_trials[0];
    assert_eq!(
        (over.ttn.came, over.ttn.trials, over.ttn.median_ms),
        (2, 3, Some(13_207))
    );
    assert_eq!((lenient.mttd.never, lenient.mttd.mean_ms), (1, Some(13_207)));
    let junit = gameday_report::render_junit(&lenient);
    assert!(junit.contains("failures=\"0\""), "{junit}");
    assert_eq!(
        junit.matches("name=\"PaymentsLatencyHigh\"").count(),
        1,
        "{junit}"
    );
    assert!(junit.contains("trial 2 missed"), "{junit}");
    let strict = gameday_report::render_junit(&strict);
    assert!(strict.contains("failures=\"1\""), "{strict}");
}

#[test]
fn a_trial_that_did_not_begin_clean_is_shown_and_not_counted() {
    let left = vec!["a group is left".to_owned()];
    let found = measured(&[(golden(), vec![]), (golden(), left)], None);
    assert_eq!(found.trials[1].group_stage_clean, Some(false));
    let over = &found.over_trials[0];
    assert_eq!((over.ttn.trials, over.ttd.trials, over.not_clean), (1, 2, 1));
    assert_eq!(found.mttd.excluded, 1);
    for text in [
        gameday_report::render_markdown(&found),
        gameday_report::render_html(&found),
    ] {
        assert!(
            text.contains("a group is left") && text.contains("Over all trials"),
            "{text}"
        );
    }
}

#[test]
fn a_runner_that_died_in_the_second_trial_leaves_the_first_one_whole() {
    let mut events = journal(&[(golden(), vec![]), (golden(), vec![])], None);
    let second = events
        .iter()
        .position(|event| matches!(event.kind, EventKind::TrialStarted { trial: 1, .. }))
        .unwrap();
    let ordered = |event: &Event| matches!(event.kind, EventKind::FaultOrdered { .. });
    let cut = (second..events.len())
        .find(|index| ordered(&events[*index]))
        .unwrap();
    events.truncate(cut + 1);
    let found = measure(&[events]).unwrap();
    assert_eq!(found.verdict, Verdict::RollbackUnverified);
    assert_eq!(
        found.trials[0].verdict,
        Verdict::Passed,
        "{}",
        found.trials[0].summary
    );
    assert!(found.summary.starts_with("Trial 2: "), "{}", found.summary);
    assert!(!found.rollback.verified);
}
