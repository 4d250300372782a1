//! Each mark taken away: no number is invented, and the stages that are there add up.

use gameday_core::{AlertState, EventKind};
use gameday_report::{AlertReport, AlertVerdict, StagesMs};

use crate::fixture::{golden, notice, seen_by_alertmanager};
use crate::script::{Script, wall};

fn alert(script: &Script) -> AlertReport {
    script.measured().trials[0].alerts[0].clone()
}

fn is_up(kind: &EventKind) -> bool {
    matches!(kind, EventKind::RawSamples { selector, .. } if selector.starts_with("up{"))
}

fn is_raw_alerts(kind: &EventKind) -> bool {
    matches!(kind, EventKind::RawSamples { selector, .. } if selector.starts_with("ALERTS{"))
}

fn is_seen_by(kind: &EventKind, source: &str) -> bool {
    matches!(kind, EventKind::AlertSeen(seen) if seen.source.as_str() == source)
}

fn is_notice(kind: &EventKind, status: &str) -> bool {
    matches!(kind, EventKind::Notified(notice) if notice.status == status)
}

/// No `startsAt` anywhere.
fn without_starts_at(kind: &mut EventKind) {
    match kind {
        EventKind::AlertSeen(seen) => seen.starts_at = None,
        EventKind::Notified(notice) => notice.alerts.iter_mut().for_each(|alert| alert.starts_at = None),
        _ => {}
    }
}

/// Takes away everything that tells a mark.
fn take_away(script: &Script, mark: &str) -> Script {
    match mark {
        "T1" => script.without(is_up),
        "T2" => script.without(|kind| is_raw_alerts(kind) || is_seen_by(kind, "prometheus")),
        "T3" => script.edited(without_starts_at).edited(|kind| {
            // Only what a poll saw is left of the firing samples.
            if let EventKind::RawSamples { series, .. } = kind {
                series.retain(|one| {
                    one.labels
                        .get("alertstate")
                        .is_none_or(|state| state == "pending")
                });
            }
        }),
        "T4" => script.without(|kind| is_seen_by(kind, "alertmanager")),
        "T5" => script.without(|kind| is_notice(kind, "firing")),
        "T9" => script.without(is_raw_alerts).edited(|kind| {
            if let EventKind::Notified(notice) = kind {
                notice.alerts.iter_mut().for_each(|alert| alert.ends_at = None);
            }
        }),
        "T10" => script.without(|kind| is_notice(kind, "resolved")),
        other => panic!("no mark {other}"),
    }
}

fn assert_sound(alert: &AlertReport, gone: &[&str]) {
    for (name, at) in alert.marks.named() {
        assert_eq!(
            at.is_none(),
            alert.why.contains_key(name),
            "{gone:?}: {name} is null with a why, or known"
        );
    }
    for (name, ms) in alert.stages_ms.named() {
        assert_eq!(
            ms.is_none(),
            alert.why.contains_key(name),
            "{gone:?}: {name} is null with a why, or known"
        );
        assert!(ms.is_none_or(|ms| ms >= 0), "{gone:?}: {name} is negative");
    }
    if let Some(ttn) = alert.ttn_ms {
        assert_eq!(alert.stages_ms.sum(), ttn, "{gone:?}: {:?}", alert.stages_ms);
    }
}

#[test]
fn a_mark_that_nothing_tells_is_null_and_its_neighbours_stay_as_they_are() {
    let whole = alert(&golden());
    for gone in ["T1", "T2", "T3", "T4", "T5", "T9", "T10"] {
        let alert = alert(&take_away(&golden(), gone));
        for ((name, at), (_, before)) in alert.marks.named().into_iter().zip(whole.marks.named()) {
            // Without T3 nobody can say whether T4 is of a re-send.
            let wanted = if name == gone || (gone, name) == ("T3", "T4") {
                None
            } else {
                before
            };
            assert_eq!(at, wanted, "{name} without {gone}: {:?}", alert.why.get(name));
        }
        assert_sound(&alert, &[gone]);
    }
}

#[test]
fn without_t2_the_hold_begins_at_t1_and_all_still_add_up() {
    let alert = alert(&take_away(&golden(), "T2"));
    let stages = StagesMs {
        scrape: Some(751),
        rule: None,
        hold: Some(10_444),
        hand_off: Some(6),
        group: Some(2_006),
    };
    assert_eq!(alert.stages_ms, stages);
    assert_eq!(alert.ttn_ms, Some(13_207));
}

#[test]
fn whatever_is_taken_away_the_stages_that_are_there_add_up() {
    let marks = ["T1", "T2", "T3", "T4", "T5", "T9", "T10"];
    for subset in 0..1_u32 << marks.len() {
        let gone: Vec<&str> = marks
            .iter()
            .enumerate()
            .filter(|(bit, _)| subset >> bit & 1 == 1)
            .map(|(_, mark)| *mark)
            .collect();
        let script = gone
            .iter()
            .fold(golden(), |script, mark| take_away(&script, mark));
        assert_sound(&alert(&script), &gone);
    }
}

#[test]
fn a_mark_out_of_order_nulls_its_stage_and_the_rest_adds_up() {
    let late_scrape = golden().edited(|kind| {
        if is_up(kind)
            && let EventKind::RawSamples { series, .. } = kind
        {
            series[0].samples.retain(|(time, _)| *time > wall(20_000.0));
        }
    });
    let alert = alert(&late_scrape);
    assert_eq!(
        alert.marks.t1.unwrap().clock(),
        "10:00:20.782",
        "the mark is kept"
    );
    assert_eq!(
        (alert.stages_ms.scrape, alert.stages_ms.rule),
        (Some(8_751), None)
    );
    let why = &alert.why["rule"];
    assert!(
        why.contains("−2.556 s") && why.contains("clock error bound"),
        "{why}"
    );
    assert_sound(&alert, &[]);
}

#[test]
fn t4_is_null_when_alertmanager_was_seen_too_late_to_tell() {
    let only_late = |ms: u64| {
        golden()
            .without(|kind| is_seen_by(kind, "alertmanager"))
            .and(ms, seen_by_alertmanager(AlertState::Firing))
    };
    let late = alert(&only_late(60_000));
    assert!(late.why["T4"].contains("more than 30 s"), "{}", late.why["T4"]);
    let after = alert(&only_late(25_300));
    assert!(
        after.why["T4"].contains("after the notification"),
        "{}",
        after.why["T4"]
    );
    assert_eq!(
        after.stages_ms.group,
        Some(2_012),
        "the group stage begins at T3 then"
    );
}

#[test]
fn an_alert_from_before_the_fault_tells_nothing_of_it() {
    let old = golden().edited(|kind| match kind {
        EventKind::AlertSeen(seen) => {
            seen.active_at = seen.active_at.map(|_| wall(3_000.0));
            seen.starts_at = seen.starts_at.map(|_| wall(8_000.0));
        }
        EventKind::Notified(notice) => notice.alerts[0].starts_at = Some(wall(8_000.0)),
        EventKind::RawSamples { selector, series, .. } if selector.starts_with("ALERTS{") => {
            series[0].samples = (3..8).map(|s| (wall(f64::from(s) * 1_000.0), 1.0)).collect();
            series[1].samples = (8..=80).map(|s| (wall(f64::from(s) * 1_000.0), 1.0)).collect();
        }
        _ => {}
    });
    let alert = alert(&old);
    assert_eq!(alert.verdict, AlertVerdict::AlreadyFiring);
    assert!(
        alert.marks.named().iter().skip(1).all(|(_, at)| at.is_none()),
        "{:?}",
        alert.marks
    );
    assert!(
        alert.why["T2"].contains("active since 2026-11-22T10:00:03"),
        "{}",
        alert.why["T2"]
    );
}

#[test]
fn raw_samples_are_the_truth_where_a_poll_says_otherwise() {
    let restarted = golden().edited(|kind| {
        if let EventKind::AlertSeen(seen) = kind {
            seen.active_at = seen.active_at.map(|_| wall(20_226.0));
        }
    });
    let alert = alert(&restarted);
    assert_eq!(alert.marks.t2.unwrap().clock(), "10:00:18.226");
    assert!(
        alert.notes[0].contains("the samples are used"),
        "{:?}",
        alert.notes
    );
}

#[test]
fn a_second_firing_notice_is_no_second_detection() {
    let repeated = golden().and(40_000, notice("firing", "oncall", 39_990.0));
    assert_eq!(alert(&repeated).ttn_ms, Some(13_207));
}

#[test]
fn of_two_alerts_with_one_name_the_marks_are_those_of_one() {
    let other = |kind: &mut EventKind| match kind {
        EventKind::AlertSeen(seen) => _ = seen.labels.insert("instance".into(), "b".into()),
        EventKind::Notified(notice) => {
            notice.alerts[0].labels.insert("instance".into(), "b".into());
            notice.alerts[0].starts_at = Some(wall(33_226.0));
            notice.arrived = notice.arrived.plus_micros(10_000_000);
        }
        _ => {}
    };
    let mut both = golden();
    for (us, region, mut kind) in golden().lines {
        if matches!(kind, EventKind::AlertSeen(_) | EventKind::Notified(_)) {
            other(&mut kind);
            both.seen_in(&region, us, kind);
        }
    }
    let (both, whole) = (alert(&both), alert(&golden()));
    assert_eq!(both.marks.named(), whole.marks.named());
}

#[test]
fn an_alert_that_was_seen_gone_is_over_however_soon_the_samples_were_asked_for() {
    let raw = golden()
        .events()
        .into_iter()
        .map(|event| event.kind)
        .find(is_raw_alerts)
        .unwrap();
    // Its last sample is of 80.226: at 81.2 the next might just not be there yet.
    // No resolved notice tells it either.
    let asked_soon = golden()
        .without(|kind| is_raw_alerts(kind) || is_notice(kind, "resolved"))
        .and(81_200, raw);
    let t9 = |script: &Script| script.measured().trials[0].alerts[0].marks.t9;
    assert_eq!(t9(&asked_soon), t9(&golden()));
    assert!(t9(&asked_soon).is_some());
    let unseen = asked_soon
        .without(|kind| matches!(kind, EventKind::AlertSeen(seen) if seen.state == AlertState::Gone));
    assert!(t9(&unseen).is_none());
}

#[test]
fn the_tail_of_an_episode_that_was_over_before_the_fault_is_no_reason() {
    // The samples reach further back than the drill: they hold the end of what an earlier one caused.
    let tail = golden()
        .without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::Notified(_)))
        .edited(|kind| match kind {
            EventKind::RawSamples { selector, series, .. } if selector.starts_with("ALERTS{") => {
                series.remove(0);
                series[0].samples = (3..8).map(|s| (wall(f64::from(s) * 1_000.0), 1.0)).collect();
            }
            _ => {}
        });
    let alert = alert(&tail);
    assert_eq!(alert.verdict, AlertVerdict::Missed, "{}", alert.detail);
    assert!(!alert.detail.contains("active since"), "{}", alert.detail);
    assert!(
        alert.why["T2"].contains("not seen pending or firing"),
        "{}",
        alert.why["T2"]
    );
}
