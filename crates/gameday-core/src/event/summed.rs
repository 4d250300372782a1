//! What was summed up: many looks or evaluations that say the same, each as a few numbers instead of a line of its own.
//!
//! Nothing that is measured is lost with it: when each of them was, and what it measured, is kept exactly. What is
//! left out of a look are its phases, its steps' times and its trace.

use serde::{Deserialize, Serialize};

use crate::{Event, Offset, Outcome, ProbeName, SteadyName, StepName, Timestamp};

/// Looks of a probe in the event's region that all said the same. The event has the stamps of the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LooksSummed {
    /// Which probe.
    pub probe: ProbeName,
    /// What each of them said.
    pub outcome: Outcome,
    /// The steps that ran in each of them.
    pub steps: Vec<StepName>,
    /// What each step said, in their order; empty where all of them said up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Outcome>,
    /// What each of them had to say beyond that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Each look, earliest first.
    pub looks: Vec<SummedLook>,
    /// True when they stand whole in the journal, and only whoever reads it sums them up.
    #[serde(skip)]
    pub by_reader: bool,
}

/// One look of several; in the journal `[intended_us, total_us, at_us]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Offset, u64, Offset)", into = "(Offset, u64, Offset)")]
pub struct SummedLook {
    /// When it was to start, on the schedule.
    pub intended: Offset,
    /// From its intended start to its last byte, in microseconds.
    pub total_us: u64,
    /// When it was recorded.
    pub at: Offset,
}

impl From<(Offset, u64, Offset)> for SummedLook {
    fn from((intended, total_us, at): (Offset, u64, Offset)) -> Self {
        Self {
            intended,
            total_us,
            at,
        }
    }
}

impl From<SummedLook> for (Offset, u64, Offset) {
    fn from(look: SummedLook) -> Self {
        (look.intended, look.total_us, look.at)
    }
}

/// Evaluations of a steady-state condition that all said the same. The event has the stamps of the last of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadySummed {
    /// Which condition.
    pub name: SteadyName,
    /// Whether it holds; none when that could not be said.
    pub holds: Option<bool>,
    /// When each was, in microseconds since the drill began, and the value; earliest first.
    pub values: Vec<(Offset, Option<f64>)>,
    /// True when they stand whole in the journal, and only whoever reads it sums them up.
    #[serde(skip)]
    pub by_reader: bool,
}

impl Event {
    /// The wall clock at another moment of the drill, close to this event: nothing is summed up over a step of a clock.
    #[must_use]
    pub fn time_at(&self, at: Offset) -> Timestamp {
        let micros = i128::from(at.as_micros()) - i128::from(self.at.as_micros());
        self.time
            .plus_micros(i64::try_from(micros).unwrap_or(i64::MAX / 4))
    }
}
