//! What a proxy does to a stream: timed chunks in, timed steps out, no clock and no socket.
//!
//! A toxic only decides; the link that drives it waits, buffers, closes and resets.

mod accept;
mod attributes;
mod bandwidth;
mod bucket;
mod corrupt;
mod duplicate;
mod latency;
mod limit_data;
mod limit_time;
mod noop;
mod packet_loss;
mod ramp;
mod reorder;
mod reset_peer;
mod slicer;
mod slow_close;
mod spec;
mod timeout;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;

pub use accept::{Accept, AcceptMode};
pub use attributes::BadToxic;
pub use bandwidth::Bandwidth;
pub use corrupt::Corrupt;
pub use duplicate::Duplicate;
pub use latency::{Distribution, Latency};
pub use limit_data::LimitData;
pub use limit_time::LimitTime;
pub use noop::Noop;
pub use packet_loss::{Burst, PacketLoss};
pub use reorder::Reorder;
pub use reset_peer::ResetPeer;
pub use slicer::Slicer;
pub use slow_close::SlowClose;
pub use spec::ToxicSpec;
pub use timeout::Timeout;

pub(crate) use bucket::{Bucket, Guest};
pub(crate) use corrupt::Noise;
pub(crate) use packet_loss::Line;
pub(crate) use ramp::Ramp;

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
    /// The whole connection is closed once what was sent before has left.
    Last(Instant),
    /// The whole connection is closed, whatever is still queued.
    Close(Instant),
    /// The whole connection is reset (an RST), whatever is still queued.
    Reset(Instant),
}

/// What the toxics of one attachment have in common, on whatever connection they act.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// When the toxic was attached; an update does not change that.
    pub(crate) attached_at: Instant,
    /// What they share of a rate.
    pub(crate) bucket: Bucket,
}

impl Anchor {
    /// Attached at that moment.
    #[must_use]
    pub fn at(attached_at: Instant) -> Self {
        Self {
            attached_at,
            bucket: Bucket::default(),
        }
    }
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

    /// What an update must not forget, such as bytes counted.
    fn carried(&self) -> u64 {
        0
    }

    /// Goes on from what the former revision had [`Self::carried`].
    fn carry_on(&mut self, _carried: u64) {}
}

/// A moment that never comes: what is due then leaves only when the chain changes.
pub(crate) fn never(from: Instant) -> Instant {
    from + Duration::from_secs(60 * 60 * 24 * 365 * 30)
}
