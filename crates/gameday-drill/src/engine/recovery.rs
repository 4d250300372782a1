//! After the rollback: until the system is steady again and nothing more can be learned of the alerts.

use gameday_core::{Ended, Offset};

use super::expect::ExpectState;
use super::{Action, Drill, LIMIT_SLACK, SECOND};
use crate::plan::Expectation;

impl Drill<'_> {
    pub(super) fn advance_recovery(&mut self, now: Offset, out: &mut Vec<Action>) {
        let settled = self
            .plan
            .expect
            .iter()
            .zip(&self.expect)
            .all(|(expect, state)| self.settled(now, expect, state));
        // What was computed while a fault was in place says nothing of the time after it.
        let looked = self.next_second >= self.removed_at + SECOND;
        let steady = (looked && self.all_steady()) || self.recovery_over(now);
        if settled && steady {
            if self.trial + 1 < self.plan.trials {
                self.next_trial(now, out);
            } else {
                self.finish(Ended::Completed, out);
            }
        }
    }

    fn recovery_over(&self, now: Offset) -> bool {
        let window = self.plan.longest_window();
        let within = self.plan.recover_within.unwrap_or(window);
        // A state that came back at the last moment shows only a window later.
        now.since(self.removed_at) > within + window + LIMIT_SLACK
    }

    /// Nothing that is still to come could change what is known of this expectation.
    fn settled(&self, now: Offset, expect: &Expectation, state: &ExpectState) -> bool {
        if self.timeline.is_skipped(&expect.of) {
            return true;
        }
        let limit_over = expect
            .detection_limit()
            .is_none_or(|limit| now > self.timeline.began(&expect.of, self.t0) + limit + LIMIT_SLACK);
        match expect.resolved {
            Some(limit) => state.resolved || (now.since(self.removed_at) > limit + LIMIT_SLACK && limit_over),
            None => state.told || limit_over,
        }
    }
}
