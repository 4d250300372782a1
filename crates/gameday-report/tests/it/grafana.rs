//! An alert that Grafana evaluates: what its states tell of the marks, and what they do not.

use gameday_core::{AlertState, EventKind};
use gameday_report::{AlertReport, AlertVerdict};

use crate::fixture::{golden, seen_by_prometheus, source};
use crate::script::{Script, wall};

/// The golden drill, its rule at Grafana: nothing of Prometheus or Alertmanager is left but the notifications.
fn at_grafana() -> Script {
    golden()
        .without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }))
        .planned(|plan| plan.expect[0].source = Some("grafana".into()))
}

/// What a poll of Grafana shows; `activeAt` means another thing in each state.
fn seen(state: AlertState, active_at_ms: f64) -> EventKind {
    let mut kind = seen_by_prometheus(state);
    if let EventKind::AlertSeen(seen) = &mut kind {
        seen.source = source("grafana");
        let at = Some(wall(active_at_ms));
        (seen.active_at, seen.starts_at) = match state {
            AlertState::Pending => (at, None),
            _ => (None, at),
        };
    }
    kind
}

fn alert(script: &Script) -> AlertReport {
    script.measured().trials[0].alerts[0].clone()
}

fn clock(at: Option<gameday_report::Moment>) -> String {
    at.map_or_else(|| "none".to_owned(), gameday_report::Moment::clock)
}

#[test]
fn its_pending_state_tells_when_the_rule_became_active() {
    let script = at_grafana()
        .and(18_900, seen(AlertState::Pending, 18_000.0))
        .and(23_900, seen(AlertState::Firing, 23_226.0))
        .and(81_900, seen(AlertState::Gone, 23_226.0));
    let alert = alert(&script);
    assert_eq!(alert.verdict, AlertVerdict::Passed, "{}", alert.detail);
    assert_eq!(clock(alert.marks.t2), "10:00:18.000");
    assert_eq!(clock(alert.marks.t3), "10:00:23.226");
    assert_eq!(alert.stages_ms.hold, Some(5_226));
}

#[test]
fn an_alert_that_nobody_saw_pending_has_no_such_mark() {
    let script = at_grafana().and(23_900, seen(AlertState::Firing, 23_226.0));
    let alert = alert(&script);
    assert_eq!(alert.verdict, AlertVerdict::Passed, "{}", alert.detail);
    assert_eq!(
        (clock(alert.marks.t2).as_str(), clock(alert.marks.t3).as_str()),
        ("none", "10:00:23.226")
    );
    assert!(
        alert.why["T2"].contains("it was not seen pending"),
        "{:?}",
        alert.why
    );
    // A rule without `for` fires at once: then both are one moment.
    let at_once = script.edited(|kind| {
        if let EventKind::RuleSeen(rule) = kind {
            rule.for_ms = 0;
        }
    });
    assert_eq!(
        clock(at_once.measured().trials[0].alerts[0].marks.t2),
        "10:00:23.226"
    );
}

#[test]
fn one_that_was_pending_only_is_a_near_miss() {
    let script = at_grafana()
        .without(|kind| matches!(kind, EventKind::Notified(_)))
        .and(18_900, seen(AlertState::Pending, 18_000.0))
        .and(21_900, seen(AlertState::Gone, 18_000.0));
    let alert = alert(&script);
    assert_eq!(alert.verdict, AlertVerdict::PendingOnly, "{}", alert.detail);
    assert!(
        alert.detail.contains("pending for 3.0 s of the 5 s"),
        "{}",
        alert.detail
    );
}

#[test]
fn its_loss_is_no_silence_and_that_of_others_is_nothing_to_it() {
    let lost = |name: &str| EventKind::SourceLost {
        source: source(name),
        error: "refused".into(),
    };
    let script = at_grafana()
        .and(18_900, seen(AlertState::Pending, 18_000.0))
        .and(23_900, seen(AlertState::Firing, 23_226.0));
    assert_eq!(
        alert(&script.and(30_000, lost("grafana"))).verdict,
        AlertVerdict::Unknown
    );
    assert_eq!(
        alert(&script.and(30_000, lost("prometheus"))).verdict,
        AlertVerdict::Passed
    );
}
