//! What the alerts of a drill mean for it, whoever tells of them: a notification or a source.

use std::collections::BTreeMap;

use gameday_core::{
    AlertSeen, AlertState, Ended, EventKind, Notification, Offset, SourceName, Stage, StopReason,
};

use super::expect::ExpectState;
use super::{Action, Drill};

impl Drill<'_> {
    pub(super) fn notified(&mut self, now: Offset, notification: &Notification, out: &mut Vec<Action>) {
        for alert in notification
            .alerts
            .iter()
            .filter(|alert| alert.status == "firing")
        {
            self.people.fired(&alert.alert);
            self.forbidden(&alert.alert, &alert.labels, "webhook", out);
        }
        for (expect, state) in self.plan.expect.iter().zip(&mut self.expect) {
            state.notified(expect, notification);
        }
        self.cue_notified(now, notification);
    }

    pub(super) fn alert_changed(&mut self, now: Offset, seen: &AlertSeen, out: &mut Vec<Action>) {
        if seen.state == AlertState::Firing {
            self.people.fired(&seen.alert);
        }
        if matches!(seen.state, AlertState::Firing | AlertState::Suppressed) {
            self.forbidden(&seen.alert, &seen.labels, seen.source.as_str(), out);
        }
        if self
            .plan
            .expect
            .iter()
            .any(|expect| expect.is_about(&seen.alert, &seen.labels))
        {
            self.gate.changed(seen);
        }
        // With a receiver of ours or a recorder the notifications say it; without one the sources must.
        if !self.plan.observe.hears_notices() {
            for (expect, state) in self.plan.expect.iter().zip(&mut self.expect) {
                state.changed(expect, seen);
            }
        }
        self.cue_changed(now, seen);
    }

    /// Alertmanager's counter says that something was delivered.
    pub(super) fn delivered(&mut self) {
        if !self.plan.observe.hears_notices() {
            self.expect.iter_mut().for_each(ExpectState::counted);
        }
    }

    /// Notes an alert that fires although it is forbidden, once; one that fires before anything was touched refuses the drill.
    fn forbidden(
        &mut self,
        alert: &str,
        labels: &BTreeMap<String, String>,
        source: &str,
        out: &mut Vec<Action>,
    ) {
        let plan = self.plan;
        let Some(forbid) = plan.forbids(alert, labels).next() else {
            return;
        };
        if self.stage <= Stage::Steady {
            let label = &forbid.label;
            let when = match self.trial {
                0 => "before anything was touched",
                _ => "between two trials",
            };
            let why = format!("the alert `{alert}` fires {when}, and `{label}` of [forbid] forbids it");
            return match self.trial {
                0 => self.finish(Ended::Refused(why), out),
                _ => self.stop(StopReason::Gate(why), out),
            };
        }
        if self
            .forbidden
            .insert((forbid.label.clone(), alert.to_owned(), labels.clone()))
        {
            out.push(Action::Record(EventKind::Forbidden {
                forbid: forbid.label.clone(),
                alert: alert.to_owned(),
                labels: labels.clone(),
                source: SourceName::new(source).expect("a source's name"),
            }));
        }
    }
}
