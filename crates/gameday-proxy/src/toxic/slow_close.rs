//! Delays the end of a stream; the data before it passes at once.

use std::fmt;
use std::time::Instant;

use gameday_core::Span;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Holds the FIN of a direction back for `delay`; when the toxic goes, the stream ends at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowClose {
    /// How much later the stream ends.
    pub delay: Span,
}

impl Toxic for SlowClose {
    fn on_chunk(&mut self, chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        out.push(Step::Send(chunk));
    }

    fn on_close(&mut self, at: Instant, out: &mut Vec<Step>) {
        out.push(Step::Finish(at + self.delay.get()));
    }
}

impl fmt::Display for SlowClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delay {}", self.delay)
    }
}
