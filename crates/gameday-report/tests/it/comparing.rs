//! Then and now: what is lost or slower is told, and what phases explain is not.

use expect_test::expect;
use gameday_core::{AlertSeen, EventKind, PredictedMark, Prediction, Timestamp};
use gameday_report::{Comparison, Drill, Judgement, Limits, compare};

use crate::fixture::{ALERT, fault, golden};
use crate::script::{Script, wall};

const LIMITS: Limits = Limits {
    alpha: 0.05,
    max_shift_ms: 500,
};

fn later(time: &mut Timestamp, ms: i64) {
    *time = time.plus_micros(ms * 1000);
}

/// The golden drill, its rule active and its notification that much later.
fn shifted(climb_ms: i64, group_ms: i64) -> Script {
    golden().edited(|kind| match kind {
        EventKind::AlertSeen(seen) => {
            let AlertSeen {
                active_at,
                starts_at,
                updated_at,
                ..
            } = &mut **seen;
            [active_at, starts_at, updated_at]
                .into_iter()
                .flatten()
                .for_each(|time| later(time, climb_ms));
        }
        EventKind::Notified(told) => {
            later(&mut told.arrived, climb_ms + group_ms);
            for alert in &mut told.alerts {
                [&mut alert.starts_at, &mut alert.ends_at]
                    .into_iter()
                    .flatten()
                    .for_each(|time| later(time, climb_ms));
            }
        }
        EventKind::RawSamples { selector, series, .. } if selector.starts_with("ALERTS") => {
            let samples = series.iter_mut().flat_map(|one| &mut one.samples);
            samples.for_each(|(time, _)| later(time, climb_ms));
        }
        _ => {}
    })
}

fn missed() -> Script {
    golden().without(|kind| {
        matches!(kind, EventKind::AlertSeen(_) | EventKind::Notified(_))
            || matches!(kind, EventKind::RawSamples { selector, .. } if selector.starts_with("ALERTS"))
    })
}

/// The rule was to be active that much before it is in the golden drill.
fn predicted(script: &Script, before_ms: f64) -> Script {
    let mark = |at: f64| PredictedMark {
        at: wall(at),
        latest: Some(wall(at)),
    };
    script.and(
        11_999,
        EventKind::Predicted(Box::new(Prediction {
            label: ALERT.into(),
            alert: ALERT.into(),
            of: fault(),
            effective_at: wall(12_000.0),
            removed_at: wall(72_000.0),
            marks: [("T2".to_owned(), mark(18_226.0 - before_ms))].into(),
            why: [].into(),
            receiver: None,
            route: None,
            never: None,
            astray: None,
            odds: None,
            budget_spent: None,
            jobs: vec![],
            assumes: vec![],
            warnings: vec![],
        })),
    )
}

fn drills(scripts: &[Script]) -> Vec<Drill> {
    let read = |script: &Script| Drill::read(&script.events()).unwrap();
    scripts.iter().map(read).collect()
}

fn compared(old: &[Script], new: &[Script]) -> Comparison {
    compare(&drills(old), &drills(new), LIMITS).remove(0)
}

#[track_caller]
fn check(old: &[Script], new: &[Script], judgement: Judgement, said: &str) {
    let found = compared(old, new);
    assert_eq!(found.judgement, judgement, "{}", found.text());
    assert!(
        found.alerts[0].detail.contains(said),
        "{}",
        found.alerts[0].detail
    );
}

/// Trials whose phases differ.
fn five(group_ms: i64) -> Vec<Script> {
    [0, 130, 260, 390, 520]
        .map(|climb| shifted(climb, group_ms))
        .to_vec()
}

#[test]
fn a_detection_that_is_slower_in_most_trials_fails_with_its_numbers() {
    let found = compared(&five(0), &five(2_000));
    assert_eq!(found.judgement, Judgement::Slower);
    assert!(found.judgement.fails());
    expect![[r#"
        db-latency: 5 drills then, 5 drills now
        WHAT                                                THEN                              NOW                     SHIFT       P  JUDGEMENT
        PaymentsLatencyHigh TTN  13.5 s [13.2 s, 13.7 s], 5 of 5  15.5 s [15.2 s, 15.7 s], 5 of 5   +2.0 s [+1.6 s, +2.4 s]  0.0079  slower
        PaymentsLatencyHigh TTD  11.5 s [11.2 s, 11.7 s], 5 of 5  11.5 s [11.2 s, 11.7 s], 5 of 5  +0 ms [−390 ms, +390 ms]    1.00  same
          scrape                                          751 ms                           751 ms      +0 ms [+0 ms, +0 ms]    1.00
          rule                                             5.7 s                            5.7 s  +0 ms [−390 ms, +390 ms]    1.00
          hold                                             5.0 s                            5.0 s      +0 ms [+0 ms, +0 ms]    1.00
          hand-off                                          6 ms                             6 ms      +0 ms [+0 ms, +0 ms]    1.00
          group                                            2.0 s                            4.0 s   +2.0 s [+2.0 s, +2.0 s]  0.0079
        PaymentsLatencyHigh: slower: TTN: +2.0 s (p = 0.0079)"#]].assert_eq(&found.text());
}

#[test]
fn a_shift_within_the_limit_or_by_chance_fails_nothing() {
    check(
        &five(0),
        &five(400),
        Judgement::Same,
        "+400 ms (p = 0.016), within the limit of 500 ms",
    );
    let exact: Vec<Script> = five(0);
    check(
        &exact,
        &exact,
        Judgement::Same,
        "5 against 5 shows p < 0.05 only if U is at most 2",
    );
    check(&five(2_000), &five(0), Judgement::Faster, "−2.0 s");
}

#[test]
fn a_detection_that_is_lost_fails_however_few_trials_there_are() {
    check(
        &[golden()],
        &[missed()],
        Judgement::Lost,
        "it came in 0 of 1 trials, in 1 of 1 before",
    );
    let mut some = five(0);
    some[3] = missed();
    check(&five(0), &some, Judgement::Lost, "it came in 4 of 5 trials");
    check(&some, &five(0), Judgement::Same, "");
}

#[test]
fn an_alert_that_comes_now_and_did_not_before_is_no_worse() {
    check(
        &[missed()],
        &[golden()],
        Judgement::TooFew,
        "it came in 1 of 1 trials, in 0 of 1 before",
    );
    check(&[missed()], &[missed()], Judgement::Unclear, "");
}

#[test]
fn of_one_trial_each_only_what_phases_cannot_explain_counts() {
    let never = "1 against 1 can never show p < 0.05";
    // The rules are evaluated and the job is scraped each second: two seconds are explained.
    check(&[golden()], &[shifted(1_900, 0)], Judgement::TooFew, never);
    check(
        &[golden()],
        &[shifted(2_600, 0)],
        Judgement::Slower,
        "explains 2.0 s at most",
    );
    check(
        &[golden()],
        &[shifted(0, 600)],
        Judgement::Slower,
        "+600 ms from rule active on",
    );
    check(&[golden()], &[shifted(0, 400)], Judgement::TooFew, never);
}

#[test]
fn what_was_not_predicted_is_no_phase() {
    let (old, new) = (predicted(&golden(), 0.0), predicted(&shifted(900, 0), 0.0));
    check(
        std::slice::from_ref(&old),
        &[new],
        Judgement::Slower,
        "+900 ms beyond what was predicted",
    );
    let foreseen = predicted(&shifted(900, 0), -900.0);
    check(
        &[old],
        &[foreseen],
        Judgement::TooFew,
        "0 ms beyond what was predicted",
    );
}

#[test]
fn an_expectation_that_is_gone_or_new_is_told() {
    let other = golden().planned(|plan| plan.expect[0].label = "other".into());
    let found = compared(&[golden()], &[other]);
    let told: Vec<(&str, Judgement)> = found
        .alerts
        .iter()
        .map(|alert| (alert.label.as_str(), alert.judgement))
        .collect();
    assert_eq!(told, [(ALERT, Judgement::NotTested), ("other", Judgement::Added)]);
    assert_eq!(found.judgement, Judgement::NotTested);
}

#[test]
fn a_trial_whose_group_was_not_clean_tells_only_when_it_fired() {
    let unclean = shifted(0, 40_000).edited(|kind| {
        if let EventKind::Checked { name, detail, .. } = kind
            && name == "group stage"
        {
            *detail = "not clean: an empty group is left over".into();
        }
    });
    let found = compared(&[golden()], &[unclean]);
    let whats: Vec<&str> = found.alerts[0].times.iter().map(|times| times.what).collect();
    assert_eq!(whats, ["TTD"], "{}", found.text());
}

#[test]
fn drills_of_other_scenarios_are_not_mixed() {
    let mut events = golden().events();
    if let EventKind::DrillStarted(started) = &mut events[0].kind {
        started.scenario = "psp-5xx".into();
    }
    let other = Drill::read(&events).unwrap();
    assert!(compare(&drills(&[golden()]), &[other], LIMITS).is_empty());
}
