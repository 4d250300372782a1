//! Resets a connection after a time, whether data flows or not.

use std::time::Instant;

use gameday_core::Span;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Drops all data and resets the connection (RST to both ends) `after` a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPeer {
    /// How long after the toxic met the connection; 0 means at once.
    pub after: Span,
}

impl Toxic for ResetPeer {
    fn on_chunk(&mut self, _chunk: Chunk, _rng: &mut StdRng, _out: &mut Vec<Step>) {}

    fn on_open(&mut self, met: Instant, out: &mut Vec<Step>) {
        out.push(Step::Reset(met + self.after.get()));
    }

    // The end of the stream waits for the reset; if the toxic goes first, the link asks the rest of the chain again.
    fn on_close(&mut self, _at: Instant, _out: &mut Vec<Step>) {}
}
