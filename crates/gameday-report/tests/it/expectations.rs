//! The verdicts of an expectation, one case a line: what happened, what it is called, what it says.

use gameday_core::{AlertState, EventKind, ExpectRecord};
use gameday_report::AlertVerdict::{
    self, LabelsDiffer, Late, Misrouted, Missed, Muted, NotEffective, Passed, PendingOnly, Unknown,
};

use gameday_report::render_html;

use crate::fixture::{golden, labels, notice, seen_by_alertmanager, source, touched};
use crate::script::{Script, wall};

#[track_caller]
fn check(script: &Script, verdict: AlertVerdict, says: &str) {
    let measurement = script.measured();
    let alert = &measurement.trials[0].alerts[0];
    assert_eq!(alert.verdict, verdict, "{}", alert.detail);
    assert!(
        alert.detail.contains(says),
        "{:?} does not say {says:?}",
        alert.detail
    );
    assert_eq!(
        verdict == Passed,
        measurement.exit_code == 0,
        "only a pass passes: {}",
        measurement.summary
    );
}

fn expecting(change: impl Fn(&mut ExpectRecord)) -> Script {
    golden().planned(|plan| change(&mut plan.expect[0]))
}

fn silent(script: &Script) -> Script {
    script.without(|kind| matches!(kind, EventKind::Notified(_)))
}

fn unseen(script: &Script) -> Script {
    silent(script).without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }))
}

fn lost(name: &str) -> EventKind {
    EventKind::SourceLost {
        source: source(name),
        error: "connection refused".into(),
    }
}

#[test]
fn an_alert_in_time_passes() {
    check(
        &golden(),
        Passed,
        "reached `oncall` 13.2 s after the fault took effect",
    );
    check(
        &expecting(|e| (e.firing_ms, e.notified_ms) = (Some(11_195), Some(13_207))),
        Passed,
        "",
    );
    check(
        &expecting(|e| (e.firing_ms, e.notified_ms, e.resolved_ms) = (None, None, None)),
        Passed,
        "",
    );
}

#[test]
fn an_alert_over_a_limit_is_late_and_says_by_how_much() {
    check(
        &expecting(|e| e.firing_ms = Some(11_194)),
        Late,
        "firing after 11.195 s, 0.001 s over its limit of 11.194 s",
    );
    check(
        &expecting(|e| e.notified_ms = Some(10_000)),
        Late,
        "notified after 13.207 s, 3.207 s over",
    );
    check(
        &expecting(|e| e.resolved_ms = Some(10_000)),
        Late,
        "resolved after 10.228 s, 0.228 s over",
    );
}

#[test]
fn an_alert_that_did_not_come_is_missed_only_if_it_was_waited_for() {
    check(&unseen(&golden()), Missed, "not firing within 25 s");
    check(
        &silent(&golden()),
        Missed,
        "not notified within 30 s; no notification arrived",
    );
    let unresolved =
        golden().without(|kind| matches!(kind, EventKind::Notified(notice) if notice.status == "resolved"));
    let with_limit = |ms| unresolved.planned(|plan| plan.expect[0].resolved_ms = Some(ms));
    check(&with_limit(20_000), Missed, "not resolved within 20 s");
    check(
        &with_limit(60_000),
        Unknown,
        "the drill ended after 28.0 s of the 1 min allowed",
    );
    let long = unseen(&golden()).planned(|plan| plan.expect[0].firing_ms = Some(200_000));
    check(
        &long,
        Unknown,
        "the drill ended after 88.0 s of the 200 s allowed",
    );
}

/// Its condition became true, and `for` was never over.
fn only_pending() -> Script {
    silent(&golden())
        .without(|kind| matches!(kind, EventKind::AlertSeen(seen) if seen.state != AlertState::Pending))
        .edited(|kind| {
            if let EventKind::RawSamples { series, .. } = kind {
                series.retain(|one| one.labels.get("alertstate").is_none_or(|state| state != "firing"));
            }
        })
}

#[test]
fn an_alert_that_was_only_pending_is_a_near_miss() {
    check(
        &only_pending(),
        PendingOnly,
        "it was pending for 4.0 s of the 5 s that `for` asks, and never fired",
    );
    let alert = &only_pending().measured().trials[0].alerts[0];
    assert_eq!(alert.advice, None, "what never came was not slow");
}

/// The lane of an alert in the timeline, in milliseconds after T0 (12.000 s).
fn drawn(script: &Script) -> Vec<String> {
    let html = render_html(&script.measured());
    let rects = html.split("data-a=\"").filter_map(|rest| {
        let (place, rest) = rest.split_once("\" data-state=\"")?;
        let (from, to) = place.split_once("\" data-b=\"")?;
        let (state, _) = rest.split_once('"')?;
        Some(format!("{from} to {to} {state}"))
    });
    rects.filter(|one| one.len() < 60).collect()
}

#[test]
fn an_alert_is_drawn_for_as_long_as_it_was_seen_and_each_time() {
    let pending = only_pending();
    let seen = pending.lines.iter().find_map(|(_, _, kind)| match kind {
        EventKind::AlertSeen(seen) => Some(seen.clone()),
        _ => None,
    });
    let with = |state: AlertState| {
        let mut seen = seen.clone().unwrap();
        seen.state = state;
        EventKind::AlertSeen(seen)
    };
    assert_eq!(drawn(&golden())[0], "6226 to 11226 pending");
    let twice = pending
        .and(23_300, with(AlertState::Gone))
        .and(40_000, with(AlertState::Pending))
        .and(43_000, with(AlertState::Gone));
    assert_eq!(drawn(&twice), ["6226 to 11300 pending", "28000 to 31000 pending"]);
}

#[test]
fn an_alert_that_ended_before_its_fault_says_nothing_of_its_end() {
    let flapped = golden().edited(|kind| {
        if let EventKind::Notified(notice) = kind
            && notice.status == "resolved"
        {
            notice.arrived = wall(60_000.0);
            notice.alerts[0].ends_at = Some(wall(59_226.0));
        }
    });
    check(
        &flapped,
        Unknown,
        "it was resolved while the fault was still in place",
    );
}

#[test]
fn a_fault_that_touched_nothing_tests_nothing() {
    let idle = golden().without(|kind| matches!(kind, EventKind::FaultTouched { .. }));
    check(&idle, NotEffective, "fault `slow` touched nothing");
    check(
        &idle.and(20_000, touched(0, None)),
        NotEffective,
        "fault `slow` touched nothing",
    );
    check(
        &idle.and(20_000, touched(9, None)),
        NotEffective,
        "fault `slow` touched 9, but when it first did was not told",
    );
}

#[test]
fn an_alert_that_was_silenced_is_muted() {
    let muted = silent(&golden()).and(24_000, seen_by_alertmanager(AlertState::Suppressed));
    check(&muted, Muted, "suppressed by the silence `42`");
}

#[test]
fn an_alert_for_somebody_else_is_misrouted() {
    let astray = silent(&golden()).and(25_240, notice("firing", "nobody", 25_238.4));
    check(&astray, Misrouted, "it reached `nobody`, not `oncall`");
    check(&expecting(|e| e.receiver = None), Passed, "");
    let both = golden().and(25_000, notice("firing", "nobody", 24_900.0));
    check(&both, Passed, "13.2 s");
}

#[test]
fn an_alert_with_other_labels_is_not_the_expected_one() {
    let critical = expecting(|e| e.labels = labels(&[("severity", "critical"), ("team", "db")]));
    check(
        &critical,
        LabelsDiffer,
        "severity is `page`, not `critical`, team is missing, not `db`",
    );
}

#[test]
fn without_a_webhook_nothing_is_said_of_notifications() {
    let blind = silent(&golden()).planned(|plan| plan.observe.webhook = None);
    check(&blind, Unknown, "no webhook");
    let modest = blind.planned(|plan| {
        let e = &mut plan.expect[0];
        (e.notified_ms, e.resolved_ms, e.receiver) = (None, None, None);
    });
    check(&modest, Passed, "fired 11.2 s after");
}

#[test]
fn a_lost_source_makes_its_alerts_unknown_even_if_it_came_back() {
    for name in ["prometheus", "alertmanager"] {
        let gone = unseen(&golden()).and(30_000, lost(name));
        check(&gone, Unknown, "was lost at 10:00:30.000 UTC: connection refused");
        check(
            &gone.and(31_000, EventKind::SourceBack { source: source(name) }),
            Unknown,
            "was lost",
        );
    }
    let late = expecting(|e| e.notified_ms = Some(10_000)).and(20_000, lost("prometheus"));
    check(&late, Unknown, "prometheus was lost");
}

#[test]
fn a_lost_source_is_never_a_pass_whatever_else_is_known() {
    check(
        &golden().and(50_000, lost("prometheus")),
        Unknown,
        "prometheus was lost",
    );
}

#[test]
fn a_loss_before_the_fault_counts_only_while_it_lasts() {
    let before = unseen(&golden()).and(5_000, lost("prometheus"));
    check(&before, Unknown, "was lost");
    check(
        &before.and(
            8_000,
            EventKind::SourceBack {
                source: source("prometheus"),
            },
        ),
        Missed,
        "not firing",
    );
}

/// What is advised about the alert of a drill in which it was missed.
#[track_caller]
fn check_advised(script: &Script, says: &str) {
    let measured = script.measured();
    let findings = &measured.trials[0].findings;
    let found = findings.iter().find(|finding| finding.text.contains("missed"));
    let action = &found.expect("it was missed").action;
    assert!(action.contains(says), "{action}");
}

#[test]
fn what_to_do_about_a_missed_alert_depends_on_how_far_it_came() {
    let unwired = golden().without(|kind| matches!(kind, EventKind::Notified(_)));
    check_advised(&unwired, "is it a receiver of this Alertmanager?");
    let asleep =
        unwired.without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }));
    check_advised(&asleep, "make the fault larger");
    let inputs = EventKind::RuleInputs(Box::new(gameday_core::RuleInputs {
        alert: crate::fixture::ALERT.into(),
        source: source("prometheus"),
        evaluated_at: None,
        selectors: Vec::new(),
        left_out: Vec::new(),
    }));
    check_advised(&asleep.and(96_000, inputs), "gameday what-if DRILL --threshold");
}
