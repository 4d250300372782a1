//! Delays every chunk; chunks keep their order and do not wait for one another.

use std::time::{Duration, Instant};

use gameday_core::Span;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Adds `delay`, give or take `jitter`, to every chunk and to the end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// How much later a chunk leaves.
    pub delay: Span,
    /// The most that a chunk's delay differs from `delay`, either way; a delay never falls below zero.
    #[serde(default = "no_jitter")]
    pub jitter: Span,
}

fn no_jitter() -> Span {
    Span::from_value(Duration::ZERO)
}

impl Latency {
    fn sample(&self, rng: &mut StdRng) -> Duration {
        let jitter = self.jitter.get();
        if jitter.is_zero() {
            return self.delay.get();
        }
        // Uniform over [delay - jitter, delay + jitter), and what falls below zero is zero.
        (self.delay.get() + jitter.mul_f64(2.0 * rng.random::<f64>())).saturating_sub(jitter)
    }
}

impl Toxic for Latency {
    fn on_chunk(&mut self, mut chunk: Chunk, rng: &mut StdRng, out: &mut Vec<Step>) {
        chunk.due += self.sample(rng);
        out.push(Step::Send(chunk));
    }

    fn on_close(&mut self, at: Instant, out: &mut Vec<Step>) {
        out.push(Step::Finish(at + self.delay.get()));
    }
}
