//! What a look saw.

use serde::{Deserialize, Serialize};

use crate::{Offset, Outcome, Phases, ProbeName, StepName, Timestamp};

/// One run of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeDone {
    /// Which probe.
    pub probe: ProbeName,
    /// When it was to start, on the schedule.
    #[serde(rename = "intended_us")]
    pub intended: Offset,
    /// What it said.
    pub outcome: Outcome,
    /// From its intended start to its last byte, in microseconds.
    pub total_us: u64,
    /// The phases of all its requests together.
    pub phases: Phases,
    /// Each step that ran.
    pub steps: Vec<StepDone>,
    /// What was wrong, in a line, redacted.
    pub message: Option<String>,
    /// By which its requests can be found in the traces (W3C Trace Context, 3.2.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When it was to start on the clock of the region that looked, as that region told it; none for a look of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_time: Option<Timestamp>,
}

/// One step of a probe's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    /// Which step.
    pub name: StepName,
    /// Up, down or unknown.
    pub outcome: Outcome,
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// The step's whole time in microseconds, polls and their pauses included.
    pub total_us: u64,
    /// The phases of its requests together.
    pub phases: Phases,
}
