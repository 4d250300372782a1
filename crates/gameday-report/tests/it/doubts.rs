//! What cannot be true: times from another world, and notices that Prometheus knows nothing of.

use gameday_core::{AlertState, EventKind, Timestamp};
use gameday_report::{AlertReport, AlertVerdict, Verdict};

use crate::fixture::{golden, touched};
use crate::script::{Script, wall};

/// The only alert, in a drill that was neither passed nor failed.
#[track_caller]
fn inconclusive(script: &Script, says: &str) -> AlertReport {
    let measurement = script.measured();
    let alert = measurement.trials[0].alerts[0].clone();
    assert_eq!(alert.verdict, AlertVerdict::Unknown, "{}", alert.detail);
    assert!(
        alert.detail.contains(says),
        "{:?} does not say {says:?}",
        alert.detail
    );
    assert_eq!(
        (measurement.verdict, measurement.exit_code),
        (Verdict::Inconclusive, 1),
        "{}",
        measurement.summary
    );
    alert
}

/// The golden drill, its payloads telling other times.
fn telling(starts_ms: f64, ends_ms: f64) -> Script {
    golden().edited(move |kind| match kind {
        EventKind::AlertSeen(seen) => seen.starts_at = seen.starts_at.map(|_| wall(starts_ms)),
        EventKind::Notified(notice) => {
            notice.alerts[0].starts_at = Some(wall(starts_ms));
            notice.alerts[0].ends_at = notice.alerts[0].ends_at.map(|_| wall(ends_ms));
        }
        _ => {}
    })
}

#[test]
fn a_start_after_its_own_notification_is_no_mark_and_no_verdict_rests_on_it() {
    let hour = telling(3_625_238.0, 81_226.0);
    let says = "`startsAt` lies 60 min 00 s after the notification that told it: clocks differ by more";
    let alert = inconclusive(&hour, says);
    assert_eq!((alert.marks.t3, alert.ttd_ms), (None, None));
    assert!(alert.why["T3"].contains(says), "{}", alert.why["T3"]);
    let modest = hour.planned(|plan| plan.expect[0].firing_ms = None);
    inconclusive(&modest, says);
    // 0.3 ms of offset that is within its error of 0.9 ms, and 5 ms in which readings may differ.
    let near = telling(25_244.0, 81_226.0).measured().trials[0].alerts[0].clone();
    assert_eq!(near.marks.t3.unwrap().clock(), "10:00:25.244");
    inconclusive(&telling(25_246.0, 81_226.0), "`startsAt` lies 8 ms after");
}

#[test]
fn a_start_after_alertmanager_listed_it_is_no_mark_either() {
    let unnotified = telling(3_600_000.0, 0.0).without(|kind| matches!(kind, EventKind::Notified(_)));
    inconclusive(
        &unnotified,
        "`startsAt` lies 59 min 36 s after alertmanager listed it",
    );
}

#[test]
fn an_end_after_its_own_notice_is_no_mark_either() {
    let alert = inconclusive(&telling(23_226.0, 3_682_236.0), "`endsAt` lies 60 min 00 s after");
    assert_eq!(alert.marks.t9, None);
    assert_eq!(alert.ttd_ms, Some(11_195), "what else was told still stands");
}

#[test]
fn a_touch_before_its_order_or_after_it_was_told_says_nothing_of_when() {
    let first = |time: Timestamp| {
        golden().edited(move |kind| {
            if let EventKind::FaultTouched { first_touched, .. } = kind {
                *first_touched = first_touched.map(|_| time);
            }
        })
    };
    let far = |text: &str| Timestamp::parse(text).unwrap();
    for (time, says) in [
        (far("0001-01-01T00:00:00Z"), "before it was ordered"),
        (far("9999-12-30T00:00:00Z"), "after that was told"),
        (wall(11_949.0), "its first touch lies 51 ms before it was ordered"),
        (wall(17_051.0), "its first touch lies 51 ms after that was told"),
    ] {
        let script = first(time);
        let alert = inconclusive(&script, says);
        assert!(
            alert.marks.named().iter().all(|(_, at)| at.is_none()),
            "{:?}",
            alert.marks
        );
        let trial = &script.measured().trials[0];
        assert_eq!((trial.faults[0].effective_at, trial.ttr_ms), (None, None));
        assert!(trial.faults[0].why["effective_at"].contains(says));
        assert!(
            trial.faults[0].raw.contains_key("effective_at"),
            "what was told is kept"
        );
        let html = gameday_report::render_html(&script.measured());
        let page = html.split("<script>").next().unwrap();
        assert!(!page.contains("null"), "a reader is told why, not null");
    }
    assert_eq!(first(wall(11_951.0)).measured().verdict, Verdict::Passed);
    let idle = golden().edited(|kind| {
        if matches!(kind, EventKind::FaultTouched { .. }) {
            *kind = touched(0, Some(-1e9));
        }
    });
    let alert = &idle.measured().trials[0].alerts[0];
    assert_eq!(
        alert.verdict,
        AlertVerdict::NotEffective,
        "no touch, no time of it"
    );
}

/// A drill in which only our webhook heard of the alert, although Prometheus was asked.
fn forged() -> Script {
    golden()
        .without(|kind| matches!(kind, EventKind::AlertSeen(_)))
        .edited(|kind| {
            if let EventKind::RawSamples { selector, series, .. } = kind
                && selector.starts_with("ALERTS{")
            {
                series.clear();
            }
        })
}

#[test]
fn a_notice_that_prometheus_knows_nothing_of_is_no_pass() {
    let says = "our webhook was told, but Prometheus never showed it firing";
    inconclusive(&forged(), says);
    let pending = golden()
        .without(|kind| matches!(kind, EventKind::AlertSeen(seen) if seen.state == AlertState::Firing))
        .edited(|kind| {
            if let EventKind::RawSamples { series, .. } = kind {
                series.retain(|one| one.labels.get("alertstate").is_none_or(|state| state != "firing"));
            }
        });
    inconclusive(&pending, says);
    let before = golden()
        .without(|kind| matches!(kind, EventKind::AlertSeen(_)))
        .edited(|kind| {
            if let EventKind::RawSamples { series, .. } = kind {
                for one in series
                    .iter_mut()
                    .filter(|one| one.labels.contains_key("alertstate"))
                {
                    one.samples.retain(|_| one.labels["alertstate"] == "firing");
                    for (time, _) in &mut one.samples {
                        *time = time.plus_micros(-70_000_000);
                    }
                }
            }
        });
    inconclusive(&before, says);
}

#[test]
fn prometheus_contradicts_a_notice_only_if_it_was_asked_after_it() {
    let unasked = forged().without(
        |kind| matches!(kind, EventKind::RawSamples { selector, .. } if selector.starts_with("ALERTS{")),
    );
    assert_eq!(
        unasked.measured().trials[0].alerts[0].verdict,
        AlertVerdict::Passed
    );
    let mut early = forged();
    for (us, _, kind) in &mut early.lines {
        if matches!(kind, EventKind::RawSamples { .. }) {
            *us = 20_000_000;
        }
    }
    assert_eq!(early.measured().trials[0].alerts[0].verdict, AlertVerdict::Passed);
}

#[test]
fn two_expectations_of_one_alert_are_told_apart_in_the_reasons() {
    let twice = golden().planned(|plan| {
        let mut second = plan.expect[0].clone();
        plan.expect[0].label = "page-quickly".into();
        second.label = "page-at-all".into();
        plan.expect[0].notified_ms = Some(1_000);
        second.notified_ms = Some(2_000);
        plan.expect.push(second);
    });
    let measurement = twice.measured();
    let reasons = &measurement.trials[0].reasons;
    for (reason, label) in reasons.iter().zip(["page-quickly", "page-at-all"]) {
        assert!(
            reason.starts_with(&format!("alert {label} (PaymentsLatencyHigh) late: ")),
            "{reason}"
        );
        for page in [
            gameday_report::render_html(&measurement),
            gameday_report::render_markdown(&measurement),
        ] {
            assert!(page.contains(&format!("{label} (PaymentsLatencyHigh)")));
        }
    }
}
