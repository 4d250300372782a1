//! What a look leaves while it goes: when each phase ended, and what was seen.

use std::time::Duration;

use super::laps::Laps;
use crate::evidence::{Evidence, Exhibit};
use crate::observation::{Fault, Observation};

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

    /// What a look of one connection says: its total is its phases, to the microsecond.
    pub(crate) fn observe(mut self, fault: Option<Fault>) -> Observation {
        // What nobody stamped was waiting.
        self.laps.end(|phases| &mut phases.wait_us);
        let phases = self.laps.phases();
        let mut observation = Observation::of(fault, phases, Duration::from_micros(phases.total_us()));
        observation.evidence = self.evidence;
        observation
    }

    pub(crate) fn show(&mut self, exhibit: Exhibit) {
        self.evidence.add(exhibit);
    }
}
