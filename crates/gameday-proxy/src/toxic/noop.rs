//! Does nothing, as Toxiproxy's toxic of this name: for trying out clients.

use std::fmt;

use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Lets everything pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noop {}

impl Toxic for Noop {
    fn on_chunk(&mut self, chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        out.push(Step::Send(chunk));
    }
}

impl fmt::Display for Noop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}
