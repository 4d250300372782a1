//! What a proxy does to a stream: timed chunks in, timed steps out, no clock and no socket.
//!
//! A toxic only decides; the link that drives it waits, buffers, closes and resets.

mod attributes;
mod bandwidth;
mod latency;
mod reset_peer;
mod timeout;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

pub use attributes::BadToxic;
pub use bandwidth::Bandwidth;
pub use latency::Latency;
pub use reset_peer::ResetPeer;
pub use timeout::Timeout;

/// Bytes and the moment they leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What was read, unchanged.
    pub bytes: Bytes,
    /// When it leaves; the link clamps this so that chunks keep their order.
    pub due: Instant,
}

/// What is to happen to a direction, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes leave.
    Send(Chunk),
    /// This direction ends after what was sent before (a FIN); the other one lives on.
    Finish(Instant),
    /// The whole connection is closed, whatever is still queued.
    Close(Instant),
    /// The whole connection is reset (an RST), whatever is still queued.
    Reset(Instant),
}

/// One disturbance of one direction of one connection.
pub trait Toxic: Send {
    /// A chunk comes by at `chunk.due`.
    fn on_chunk(&mut self, chunk: Chunk, rng: &mut StdRng, out: &mut Vec<Step>);

    /// The toxic has met the connection: where those act that need no data (`reset_peer`, `timeout`).
    fn on_open(&mut self, _met: Instant, _out: &mut Vec<Step>) {}

    /// The source will send no more.
    fn on_close(&mut self, at: Instant, out: &mut Vec<Step>) {
        out.push(Step::Finish(at));
    }

    /// The toxic is being taken away.
    fn on_remove(&mut self, _at: Instant, _out: &mut Vec<Step>) {}

    /// All that was queued has left at once because the chain changed: forget what was planned for later.
    fn on_flush(&mut self) {}
}

/// A moment that never comes: what is due then leaves only when the chain changes.
pub(crate) fn never(from: Instant) -> Instant {
    from + Duration::from_secs(60 * 60 * 24 * 365 * 30)
}

/// Which toxic, and its settings: as a scenario writes it, `latency = { delay = "200ms" }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToxicSpec {
    /// Every chunk later by a delay.
    Latency(Latency),
    /// Bytes no faster than a rate.
    Bandwidth(Bandwidth),
    /// Silence, and after a time the end of the connection.
    Timeout(Timeout),
    /// A reset of the connection after a time.
    ResetPeer(ResetPeer),
}

impl ToxicSpec {
    /// The toxic for one direction of one connection. This match is the list of toxics.
    #[must_use]
    pub fn build(&self) -> Box<dyn Toxic> {
        match *self {
            Self::Latency(latency) => Box::new(latency),
            Self::Bandwidth(bandwidth) => Box::new(bandwidth.throttle()),
            Self::Timeout(timeout) => Box::new(timeout),
            Self::ResetPeer(reset) => Box::new(reset),
        }
    }

    /// The words of all kinds; each is one of [`ToxicSpec::kind`]'s.
    pub const KINDS: [&'static str; 4] = ["latency", "bandwidth", "timeout", "reset_peer"];

    /// The word for it in Toxiproxy's API and in a scenario.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::Timeout(_) => "timeout",
            Self::ResetPeer(_) => "reset_peer",
        }
    }
}

/// Its settings for people, e.g. `delay 200ms ±20ms`.
impl std::fmt::Display for ToxicSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latency(latency) if latency.jitter.get().is_zero() => write!(f, "delay {}", latency.delay),
            Self::Latency(latency) => write!(f, "delay {} ±{}", latency.delay, latency.jitter),
            Self::Bandwidth(bandwidth) => write!(f, "rate {}", bandwidth.rate),
            Self::Timeout(timeout) => write!(f, "after {}", timeout.after),
            Self::ResetPeer(reset) => write!(f, "after {}", reset.after),
        }
    }
}
