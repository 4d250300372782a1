//! What a probe says: one observation a run, and never an error.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use gameday_core::{Outcome, Phases, Reason, StepDone};

use crate::evidence::Evidence;

/// Something that can be looked at again and again.
pub trait Probe: Send + Sync {
    /// Looks once. The verdict is reached by the deadline; steps that run `always` may take 2 s more.
    fn run(&self, deadline: Instant) -> BoxFuture<'_, Observation>;
}

/// What one look said.
#[derive(Debug, Clone, PartialEq)]
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
    /// Numbers beside the phases, e.g. when a certificate ends.
    pub readings: Vec<Reading>,
    /// What was seen, redacted.
    pub evidence: Evidence,
    /// By which the run's requests can be found in the traces (W3C Trace Context, 3.2.2.3).
    pub trace_id: Option<String>,
}

/// A number that a probe read, as a gauge: `gameday_probe_<name>{labels}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The metric's name, with its unit, without the prefix.
    pub name: &'static str,
    /// Labels beside the probe's and the region's.
    pub labels: Vec<(&'static str, String)>,
    /// The value, in the base unit that the name ends with.
    pub value: f64,
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
            readings: Vec::new(),
            evidence: Evidence::default(),
            trace_id: None,
        }
    }

    /// What was down is unknown: the prober itself may be why.
    pub(crate) fn doubt(&mut self, why: &str) {
        if matches!(self.outcome, Outcome::Down(_)) {
            self.outcome = outcome_of(Reason::CannotLook);
            let seen = self.message.take().unwrap_or_default();
            self.message = Some(format!("{why}, and saw: {seen}"));
        }
    }

    /// A look of one exchange: `fault` is what was wrong with it.
    pub(crate) fn of(fault: Option<Fault>, phases: Phases, total: Duration) -> Self {
        let up = Outcome::Up { slow: Vec::new() };
        Self {
            outcome: fault.as_ref().map_or(up, Fault::outcome),
            phases,
            total,
            steps: Vec::new(),
            message: fault.map(|fault| fault.message),
            readings: Vec::new(),
            evidence: Evidence::default(),
            trace_id: None,
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
