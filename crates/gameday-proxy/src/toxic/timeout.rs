//! Silences a direction, and after a time ends the connection.
//!
//! The time runs from when the toxic met the connection, not from the last byte: a peer that keeps
//! sending is timed out as surely as a silent one.

use std::time::Instant;

use gameday_core::Span;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Drops all data and closes the connection `after` a time; 0 means never.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// How long the connection lives on in silence.
    pub after: Span,
}

impl Toxic for Timeout {
    fn on_chunk(&mut self, _chunk: Chunk, _rng: &mut StdRng, _out: &mut Vec<Step>) {}

    fn on_open(&mut self, met: Instant, out: &mut Vec<Step>) {
        if !self.after.get().is_zero() {
            out.push(Step::Close(met + self.after.get()));
        }
    }

    // Data was lost, so the connection must not live on as if nothing had happened.
    fn on_remove(&mut self, at: Instant, out: &mut Vec<Step>) {
        out.push(Step::Close(at));
    }
}
