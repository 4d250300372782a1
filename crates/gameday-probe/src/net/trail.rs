//! What a look leaves while it goes: when each phase ended, and what was seen.

use crate::evidence::{Evidence, Exhibit};

use super::laps::Laps;

/// The stamps and the exhibits of one request.
#[derive(Debug)]
pub(crate) struct Trail {
    pub(crate) laps: Laps,
    pub(crate) evidence: Evidence,
}

impl Trail {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self {
            laps: Laps::start(),
            evidence: Evidence::default(),
        }
    }

    pub(crate) fn show(&mut self, exhibit: Exhibit) {
        self.evidence.add(exhibit);
    }
}
