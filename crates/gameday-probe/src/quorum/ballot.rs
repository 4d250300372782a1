//! What one region says of one probe: its newest look that can be believed.

use gameday_core::{Outcome, Timestamp};

use super::standing::Control;

/// A look at a probe, with its times on our clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it began.
    pub began: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// What it said.
    pub outcome: Outcome,
}

impl Look {
    fn is_down(&self) -> bool {
        matches!(self.outcome, Outcome::Down(_))
    }
}

/// One region's word on one probe.
#[derive(Debug, Default)]
pub(super) struct Ballot {
    counted: Option<Look>,
    /// When the first of the looks ended that have said down since; none while the last did not.
    down_since: Option<Timestamp>,
    /// Looks that say down, until the control target was reached after they began: the first of them and the last.
    waiting: Option<(Look, Look)>,
}

impl Ballot {
    /// Takes the region's newest look.
    pub(super) fn take(&mut self, look: Look, control: Option<&Control>) {
        let proved = |reached: Timestamp| reached >= look.began;
        let needs_no_proof = !look.is_down() || control.is_none();
        if needs_no_proof || control.and_then(|control| control.reached_at).is_some_and(proved) {
            self.waiting = None;
            self.count(look);
        } else {
            let first = self
                .waiting
                .take()
                .map_or_else(|| look.clone(), |(first, _)| first);
            self.waiting = Some((first, look));
        }
    }

    /// The control target was reached: looks that began before that can be believed.
    pub(super) fn reached(&mut self, at: Timestamp) {
        let Some((first, last)) = self.waiting.take() else {
            return;
        };
        if last.began <= at {
            self.note_down(&first);
            self.count(last);
        } else if first.began <= at {
            self.count(first);
            self.waiting = Some((last.clone(), last));
        } else {
            self.waiting = Some((first, last));
        }
    }

    fn count(&mut self, look: Look) {
        if look.is_down() {
            self.note_down(&look);
        } else {
            self.down_since = None;
        }
        self.counted = Some(look);
    }

    fn note_down(&mut self, look: &Look) {
        self.down_since.get_or_insert(look.ended);
    }

    /// The look that counts.
    pub(super) fn look(&self) -> Option<&Look> {
        self.counted.as_ref()
    }

    /// Whether it says down and waits for its control target.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The newest look, whether it counts or not.
    pub(super) fn newest(&self) -> Option<&Look> {
        let waiting = self.waiting.as_ref().map(|(_, last)| last);
        waiting.or(self.counted.as_ref())
    }

    /// Since when it has said down.
    pub(super) fn down_since(&self) -> Option<Timestamp> {
        self.down_since
    }

    /// When the look ended that says down.
    pub(super) fn sighted_down(&self) -> Option<Timestamp> {
        let look = self.counted.as_ref()?;
        look.is_down().then_some(look.ended)
    }
}
