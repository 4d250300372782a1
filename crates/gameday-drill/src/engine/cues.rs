//! What entries of the timeline wait for, read from what the alerting shows.

use gameday_core::{AlertSeen, AlertState, Notification, Offset, Stage};

use super::Drill;
use crate::plan::{AlertMoment, Cue};

impl Drill<'_> {
    /// A notification reached our receiver.
    pub(super) fn cue_notified(&mut self, now: Offset, notification: &Notification) {
        let plan = self.plan;
        for expect in &plan.expect {
            let elsewhere = expect
                .receiver
                .as_ref()
                .is_some_and(|wanted| *wanted != notification.receiver);
            let alerts = notification.alerts.iter();
            for alert in alerts.filter(|alert| expect.is_about(&alert.alert, &alert.labels)) {
                match alert.status.as_str() {
                    "firing" => {
                        self.cue(now, &expect.label, AlertMoment::Firing);
                        if !elsewhere {
                            self.cue(now, &expect.label, AlertMoment::Notified);
                        }
                    }
                    "resolved" => self.cue_resolved(now, &expect.label),
                    _ => {}
                }
            }
        }
    }

    /// A source showed a change.
    pub(super) fn cue_changed(&mut self, now: Offset, seen: &AlertSeen) {
        let plan = self.plan;
        for expect in &plan.expect {
            if expect.is_about(&seen.alert, &seen.labels) {
                match seen.state {
                    AlertState::Pending => self.cue(now, &expect.label, AlertMoment::Pending),
                    AlertState::Firing | AlertState::Suppressed => {
                        self.cue(now, &expect.label, AlertMoment::Pending);
                        self.cue(now, &expect.label, AlertMoment::Firing);
                    }
                    AlertState::Gone => self.cue_resolved(now, &expect.label),
                }
            }
        }
    }

    /// Only what has fired can be over.
    fn cue_resolved(&mut self, now: Offset, label: &str) {
        let fired = Cue::Alert {
            label: label.to_owned(),
            moment: AlertMoment::Firing,
        };
        if self.timeline.has_happened(&fired) {
            self.cue(now, label, AlertMoment::Resolved);
        }
    }

    fn cue(&mut self, now: Offset, label: &str, moment: AlertMoment) {
        // What was there before anything was touched is not what is waited for.
        if self.stage == Stage::Inject {
            let label = label.to_owned();
            self.timeline.happened(now, Cue::Alert { label, moment });
        }
    }
}
