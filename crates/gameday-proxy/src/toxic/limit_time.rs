//! Ends a connection after a time, although data flows: what a load balancer's or firewall's idle-blind limit does.

use std::fmt;
use std::time::Instant;

use gameday_core::Span;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Lets data pass and ends the connection `after` a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTime {
    /// How long after the toxic met the connection.
    pub after: Span,
    /// With an RST instead of a FIN.
    #[serde(default)]
    pub reset: bool,
}

impl Toxic for LimitTime {
    fn on_chunk(&mut self, chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        out.push(Step::Send(chunk));
    }

    fn on_open(&mut self, met: Instant, out: &mut Vec<Step>) {
        let at = met + self.after.get();
        out.push(if self.reset {
            Step::Reset(at)
        } else {
            Step::Close(at)
        });
    }
}

impl fmt::Display for LimitTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after {}{}",
            self.after,
            if self.reset { " with a reset" } else { "" }
        )
    }
}
