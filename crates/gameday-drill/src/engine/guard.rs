//! The guards: what ends a drill early because of what the probes see.

use gameday_core::{EventKind, Offset, StopReason};

use super::Drill;
use super::input::Action;

impl Drill<'_> {
    /// Looks at each guard; the first that is breached ends the drill.
    pub(super) fn check_guards(&mut self, now: Offset, out: &mut Vec<Action>) {
        let breach = self
            .plan
            .guard
            .abort_if
            .iter()
            .zip(&mut self.guards)
            .find_map(|(guard, window)| {
                let counts = window.counts(now);
                if !window.is_full(now) {
                    return None;
                }
                let low = counts.success().is_some_and(|success| success < guard.floor);
                let seen = format!(
                    "{} up, {} down, {} unknown",
                    counts.up, counts.down, counts.unknown
                );
                match (counts.is_blind(), low) {
                    (true, _) => Some((guard.text.clone(), format!("blind: {seen}"))),
                    (false, true) => Some((guard.text.clone(), seen)),
                    (false, false) => None,
                }
            });
        if let Some((guard, detail)) = breach {
            out.push(Action::Record(EventKind::GuardBreached {
                guard: guard.clone(),
                detail,
            }));
            self.stop(StopReason::Guard(guard), out);
        }
    }
}
