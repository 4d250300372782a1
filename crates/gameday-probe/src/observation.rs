//! What a probe says: one observation a run, and never an error.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use gameday_core::{Outcome, Phases, Reason, StepDone};

/// Something that can be looked at again and again.
pub trait Probe: Send + Sync {
    /// Looks once. The verdict is reached by the deadline; steps that run `always` may take 2 s more.
    fn run(&self, deadline: Instant) -> BoxFuture<'_, Observation>;
}

/// What one look said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Up, down or unknown.
    pub outcome: Outcome,
    /// The phases of all requests together, those of `always` steps left out.
    pub phases: Phases,
    /// From the intended start to the verdict.
    pub total: Duration,
    /// Each step that ran, `always` steps too.
    pub steps: Vec<StepDone>,
    /// What was wrong or slow, in a line, redacted.
    pub message: Option<String>,
}

impl Observation {
    /// A look that ended before any step did.
    #[must_use]
    pub fn stopped(reason: Reason, total: Duration, message: impl Into<String>) -> Self {
        Self {
            outcome: outcome_of(reason),
            phases: Phases::default(),
            total,
            steps: Vec::new(),
            message: Some(message.into()),
        }
    }
}

/// Why something did not work, in a word and in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        outcome_of(self.reason)
    }
}

/// Down, unless the reason says that it was we who could not look.
fn outcome_of(reason: Reason) -> Outcome {
    match reason {
        Reason::NoDescriptors | Reason::CannotLook => Outcome::Unknown(reason),
        _ => Outcome::Down(reason),
    }
}
