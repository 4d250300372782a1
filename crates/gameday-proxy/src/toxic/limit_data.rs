//! Closes the connection once so many bytes have passed.

use std::fmt;

use gameday_core::ByteSize;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Lets `bytes` pass, for each connection, and then closes it; 0 closes it at the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitData {
    /// How many bytes pass.
    pub bytes: ByteSize,
}

impl LimitData {
    /// The toxic for one direction.
    pub(super) fn gate(self) -> Gate {
        Gate {
            limit: self.bytes.get(),
            passed: 0,
        }
    }
}

/// A direction that is being counted.
#[derive(Debug)]
pub(super) struct Gate {
    limit: u64,
    passed: u64,
}

impl Toxic for Gate {
    fn on_chunk(&mut self, mut chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        let left = self.limit.saturating_sub(self.passed);
        self.passed = self.passed.saturating_add(chunk.bytes.len() as u64);
        if self.passed < self.limit {
            out.push(Step::Send(chunk));
            return;
        }
        let at = chunk.due;
        chunk.bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        if !chunk.bytes.is_empty() {
            out.push(Step::Send(chunk));
        }
        out.push(Step::Last(at));
    }

    fn carried(&self) -> u64 {
        self.passed
    }

    fn carry_on(&mut self, carried: u64) {
        self.passed = carried;
    }
}

impl fmt::Display for LimitData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", self.bytes)
    }
}
