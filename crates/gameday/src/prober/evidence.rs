//! Evidence: what was seen when a probe failed, beside its last good look and what differs.
//!
//! ```text
//!  a look that is not up ─► Account (is it worth keeping?) ─► Store ─► DIR/PROBE/REGION/TIME.json
//! ```

mod account;
mod diff;
mod shelf;
mod store;

use std::path::Path;

use gameday_core::{ProbeName, RegionName, StepDone, Timestamp};
use gameday_probe::{Evidence, Observation};
use serde::{Deserialize, Serialize};

pub(super) use account::Account;
pub(super) use shelf::{Kept, kept_in};
pub(super) use store::Store;

use diff::differences;

/// One failure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bundle {
    pub(super) probe: ProbeName,
    pub(super) region: RegionName,
    pub(super) bad: Look,
    /// None when the prober has not seen it up yet.
    pub(super) last_good: Option<Look>,
    /// Lines that only one of them has: `-` the good one, `+` the bad one.
    pub(super) differences: Vec<String>,
}

/// A look as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Look {
    /// When it was over.
    pub(super) at: Timestamp,
    pub(super) verdict: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) total_us: u64,
    pub(super) steps: Vec<StepDone>,
    pub(super) evidence: Evidence,
}

/// A look in memory.
pub(super) type Seen = (Timestamp, Observation);

impl Bundle {
    /// Of a look that was not up, and the last one before it that was.
    pub(super) fn new(probe: ProbeName, region: RegionName, bad: Seen, good: Option<Seen>) -> Self {
        let differences = good
            .as_ref()
            .map(|(_, good)| differences(good, &bad.1))
            .unwrap_or_default();
        Self {
            probe,
            region,
            bad: bad.into(),
            last_good: good.map(Look::from),
            differences,
        }
    }

    /// Reads one that was kept.
    ///
    /// # Errors
    /// In words: it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read(path).map_err(|error| wrong(&error))?;
        serde_json::from_slice(&text).map_err(|error| wrong(&error))
    }
}

impl From<Seen> for Look {
    fn from((at, seen): Seen) -> Self {
        Self {
            at,
            verdict: seen.outcome.word().to_owned(),
            reason: seen.outcome.reason().map(|reason| reason.to_string()),
            message: seen.message,
            trace_id: seen.trace_id,
            total_us: super::book::micros(seen.total),
            steps: seen.steps,
            evidence: seen.evidence,
        }
    }
}
