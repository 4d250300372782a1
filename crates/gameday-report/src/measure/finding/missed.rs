//! What to do about an alert that was missed: where it stopped says what to look at.

use gameday_core::EventKind;

use super::super::alert_verdict::AlertVerdict;
use super::super::approach::ApproachReport;
use super::super::record::AlertReport;
use super::super::timeline::Timeline;

/// None where nothing more is known than that it was missed.
pub(super) fn action(timeline: &Timeline<'_>, alert: &AlertReport) -> Option<&'static str> {
    if alert.verdict != AlertVerdict::Missed {
        return None;
    }
    let events = || timeline.events.iter().map(|event| &event.kind);
    if alert.marks.t2.is_none() && alert.marks.t3.is_none() {
        let recorded =
            events().any(|kind| matches!(kind, EventKind::RuleInputs(inputs) if inputs.alert == alert.name));
        let approach = alert.approach.as_ref();
        if approach.is_some_and(ApproachReport::saw_nothing) {
            return Some(
                "Its rule found nothing to compare: do its selectors match what Prometheus scrapes? If so, nothing was counted.",
            );
        }
        return Some(match recorded {
            true => {
                "Its condition was never seen true: the fault is too small for the rule, or the rule looks elsewhere. `gameday what-if DRILL --threshold NUMBER` tries other thresholds on what was recorded."
            }
            false => {
                "Its condition was never seen true: make the fault larger, lower the threshold, or mend the rule, then drill again."
            }
        });
    }
    let arrived = events().any(|kind| {
        matches!(
            kind,
            EventKind::Notified(_) | EventKind::NotificationRefused { .. }
        )
    });
    let listened = timeline.started.plan.observe.webhook.is_some();
    (listened && !arrived)
        .then_some("Nothing at all arrived at our webhook: is it a receiver of this Alertmanager?")
}
