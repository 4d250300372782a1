//! Without our receiver in the routes: notifications are intervals, from Alertmanager's counters.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, NotificationsCounted, RawSeries, SourceSeen, Vitals};
use gameday_report::{AlertVerdict, Measurement, render_html, render_junit, render_markdown};

use crate::fixture::{golden, seen_by_alertmanager, seen_by_prometheus, source};
use crate::script::{Script, wall};

fn counted(after: u64, by: u64, failed: bool) -> EventKind {
    #[expect(clippy::cast_precision_loss, reason = "test times are small")]
    let at = |ms: u64| wall(ms as f64);
    let one = BTreeMap::from([("pagerduty".to_owned(), 1)]);
    let (delivered, failed) = match failed {
        false => (one, BTreeMap::new()),
        true => (BTreeMap::new(), one),
    };
    EventKind::NotificationsCounted(NotificationsCounted {
        source: source("alertmanager"),
        after: at(after),
        by: at(by),
        delivered,
        failed,
    })
}

/// The golden drill without a receiver, and with an Alertmanager whose counters are read.
fn blind(counts: &[(u64, u64)]) -> Script {
    let seen = EventKind::SourceSeen(Box::new(SourceSeen {
        source: source("alertmanager"),
        after: None,
        by: wall(80.0),
        vitals: Vitals::default(),
    }));
    let mut script = golden()
        .without(|kind| matches!(kind, EventKind::Notified(_)))
        .planned(|plan| plan.observe.webhook = None)
        .and(80, seen);
    for (after, by) in counts {
        script.at(*by, counted(*after, *by, false));
    }
    script
}

/// The limit on the notification is this long.
fn limited(script: &Script, notified: Option<u64>) -> Measurement {
    let limited = script.planned(|plan| {
        for expect in &mut plan.expect {
            (expect.notified_ms, expect.resolved_ms, expect.receiver) = (notified, None, None);
        }
    });
    limited.measured()
}

#[test]
fn a_notification_lies_between_two_readings_and_is_never_a_bare_number() {
    let measured = limited(&blind(&[(24_900, 25_900), (81_800, 82_800)]), Some(30_000));
    let alert = &measured.trials[0].alerts[0];
    assert!(alert.marks.t5.is_none() && alert.ttn_ms.is_none() && alert.stages_ms.group.is_none());
    let t5 = alert.between.t5.as_ref().unwrap();
    assert_eq!((t5.after.time(), t5.by.time()), (wall(24_900.0), wall(25_900.0)));
    assert!(t5.how.contains("pagerduty"), "{}", t5.how);
    let [least, most] = alert.ttn_between_ms.unwrap();
    assert_eq!(most - least, 1000);
    let t10 = alert.between.t10.as_ref().unwrap();
    assert_eq!(t10.by.time(), wall(82_800.0));
    assert!(
        t10.after.time() >= wall(81_800.0),
        "not before the rule was inactive"
    );
    assert_eq!(alert.verdict, AlertVerdict::Passed, "{}", alert.detail);
    assert!(alert.why["T5"].contains("it lies between"), "{}", alert.why["T5"]);
    // It is counted as detected, and is in no mean.
    assert_eq!(
        (measured.mttd.mean_ms, measured.mttd.excluded),
        (None, 1),
        "{}",
        measured.mttd.sentence()
    );
    assert!(measured.mttd.sentence().contains("1 of 1 detected"));
    let words = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let range = format!("{} s to {} s", words(least), words(most));
    for (name, text) in [
        ("md", render_markdown(&measured)),
        ("html", render_html(&measured).replace('\u{a0}', " ")),
    ] {
        assert!(text.contains(&range), "`{range}` is not in report.{name}");
    }
    assert!(render_junit(&measured).contains(" to "), "junit");
}

#[test]
fn an_interval_passes_when_all_of_it_is_within_the_limit() {
    let script = blind(&[(24_900, 25_900)]);
    let [least, most] = limited(&script, None).trials[0].alerts[0].ttn_between_ms.unwrap();
    let ruled = |limit: i64| {
        let measured = limited(&script, Some(u64::try_from(limit).unwrap()));
        measured.trials[0].alerts[0].verdict
    };
    assert_eq!(ruled(most), AlertVerdict::Passed);
    assert_eq!(ruled(most - 1), AlertVerdict::Unknown);
    assert_eq!(ruled(least), AlertVerdict::Unknown);
    assert_eq!(ruled(least - 1), AlertVerdict::Late);
}

#[test]
fn counters_that_do_not_grow_are_a_notification_that_did_not_come() {
    let measured = limited(&blind(&[]), Some(30_000));
    let alert = &measured.trials[0].alerts[0];
    assert_eq!(alert.verdict, AlertVerdict::Missed, "{}", alert.detail);
    let failing = blind(&[]).and(25_900, counted(24_900, 25_900, true));
    let measured = limited(&failing, Some(30_000));
    let detail = &measured.trials[0].alerts[0].detail;
    assert!(detail.contains("1 requests that failed"), "{detail}");
}

#[test]
fn counters_that_grow_for_others_say_nothing() {
    let measured = limited(&blind(&[(21_000, 22_000), (24_900, 25_900)]), Some(30_000));
    let alert = &measured.trials[0].alerts[0];
    assert_eq!(alert.verdict, AlertVerdict::Unknown, "{}", alert.detail);
    assert!(alert.between.t5.is_none() && alert.ttn_between_ms.is_none());
    assert!(
        alert.why["T5"].contains("do not say for which alert"),
        "{}",
        alert.why["T5"]
    );
}

#[test]
fn a_receiver_is_known_from_where_alertmanager_sends_the_alert() {
    let script = blind(&[(24_900, 25_900)]);
    let wanted = |receiver: &'static str| {
        let script = script.planned(|plan| {
            for expect in &mut plan.expect {
                (expect.notified_ms, expect.resolved_ms) = (Some(60_000), None);
                expect.receiver = Some(receiver.into());
            }
        });
        script.measured().trials[0].alerts[0].verdict
    };
    assert_eq!(wanted("oncall"), AlertVerdict::Passed);
    assert_eq!(wanted("somebody-else"), AlertVerdict::Unknown);
}

/// Our receiver is there, and nothing arrives.
fn untold() -> Script {
    let seen = EventKind::SourceSeen(Box::new(SourceSeen {
        source: source("alertmanager"),
        after: None,
        by: wall(80.0),
        vitals: Vitals::default(),
    }));
    golden()
        .without(|kind| matches!(kind, EventKind::Notified(_)))
        .and(80, seen)
}

#[test]
fn why_nobody_was_told_is_said_as_far_as_the_counters_can_tell() {
    let why = |script: &Script| script.measured().trials[0].alerts[0].why["T5"].clone();
    let early = why(&untold());
    assert!(
        early.contains("before its group was told for the first time"),
        "{early}"
    );
    let failed = why(&untold().and(26_000, counted(25_000, 26_000, true)));
    assert!(failed.contains("1 request that failed"), "{failed}");
    let elsewhere = why(&untold().and(26_000, counted(25_000, 26_000, false)));
    assert!(elsewhere.contains("is our receiver in its route?"), "{elsewhere}");
    let muted = untold().and(24_000, seen_by_alertmanager(AlertState::Suppressed));
    assert_eq!(muted.measured().trials[0].alerts[0].verdict, AlertVerdict::Muted);
}

#[test]
fn a_rule_that_is_held_firing_says_since_when_its_condition_is_over() {
    let held = golden().edited(|kind| {
        if let EventKind::RuleSeen(rule) = kind {
            rule.keep_firing_ms = 6000;
        }
    });
    let kept = |script: &Script| script.measured().trials[0].alerts[0].kept_firing.clone();
    assert!(kept(&golden()).is_none());
    let unknown = kept(&held).unwrap();
    assert!(unknown.since.is_none() && unknown.why.unwrap().contains("keepFiringSince"));
    let mut seen = seen_by_prometheus(AlertState::Firing);
    if let EventKind::AlertSeen(seen) = &mut seen {
        seen.keep_firing_since = Some(wall(76_226.0));
    }
    let known = held.and(77_000, seen);
    assert_eq!(kept(&known).unwrap().since.unwrap().time(), wall(76_226.0));
    let text = render_markdown(&known.measured());
    assert!(
        text.contains("its condition was false since 10:01:16.226"),
        "{text}"
    );
}

#[test]
fn a_sample_of_a_hanging_scrape_is_told_to_be_dated_back() {
    let t1 = golden().measured().trials[0].alerts[0].marks.t1.unwrap();
    let took = |seconds: f64| {
        let labels = BTreeMap::from([("job".to_owned(), "payments".to_owned())]);
        let samples = EventKind::RawSamples {
            source: source("prometheus"),
            selector: "scrape_duration_seconds{job=\"payments\"}[120s]".into(),
            series: vec![RawSeries {
                labels,
                samples: vec![(t1.time(), seconds)],
            }],
        };
        golden().and(99_900, samples).measured().trials[0].alerts[0]
            .notes
            .clone()
    };
    assert_eq!(took(0.004), Vec::<String>::new());
    let notes = took(2.001);
    assert!(
        notes[0].contains("the scrape at T1 took 2.001 s")
            && notes[0].contains("dates its sample to its start"),
        "{notes:?}"
    );
}
