//! What an expected alert has shown so far: only enough to know when waiting is over.

use gameday_core::{AlertSeen, AlertState, Notification};

use crate::plan::Expectation;

/// How far an expected alert is.
#[derive(Debug, Default)]
pub(super) struct ExpectState {
    pub(super) told: bool,
    pub(super) resolved: bool,
}

impl ExpectState {
    /// A notification reached our receiver.
    pub(super) fn notified(&mut self, expect: &Expectation, notification: &Notification) {
        let receiver = expect.receiver.as_ref();
        if receiver.is_some_and(|wanted| *wanted != notification.receiver) {
            return;
        }
        for alert in &notification.alerts {
            if expect.is_about(&alert.alert, &alert.labels) {
                self.take(alert.status == "firing", alert.status == "resolved");
            }
        }
    }

    /// A source showed a change.
    pub(super) fn changed(&mut self, expect: &Expectation, seen: &AlertSeen) {
        if expect.is_about(&seen.alert, &seen.labels) {
            self.take(seen.state == AlertState::Firing, seen.state == AlertState::Gone);
        }
    }

    fn take(&mut self, firing: bool, over: bool) {
        self.told |= firing;
        self.resolved |= over && self.told;
    }
}
