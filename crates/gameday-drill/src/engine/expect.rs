//! What an expected alert has shown so far: only enough to know when waiting is over.

use gameday_core::{AlertSeen, AlertState, Notification};

use crate::plan::Expectation;

/// How far an expected alert is.
#[derive(Debug, Default)]
pub(super) struct ExpectState {
    pub(super) told: bool,
    pub(super) resolved: bool,
    /// A source showed it firing, and then gone: without a receiver of ours, what is told is counted after that.
    firing: bool,
    over: bool,
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
        if !expect.is_about(&seen.alert, &seen.labels) {
            return;
        }
        let (firing, over) = (seen.state == AlertState::Firing, seen.state == AlertState::Gone);
        self.firing |= firing;
        self.over |= over && self.firing;
        if expect.notified.is_none() && expect.resolved.is_none() {
            self.take(firing, over);
        }
    }

    /// An Alertmanager has delivered something, for whichever alert.
    pub(super) fn counted(&mut self) {
        self.resolved |= self.told && self.over;
        self.told |= self.firing;
    }

    fn take(&mut self, firing: bool, over: bool) {
        self.told |= firing;
        self.resolved |= over && self.told;
    }
}
