//! Exact counts of what became of datagrams.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What became of the datagrams of one direction of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) duplicated: AtomicU64,
    pub(crate) reordered: AtomicU64,
    pub(crate) corrupted: AtomicU64,
}

impl Tally {
    pub(crate) fn counts(&self) -> DatagramCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DatagramCounts {
            received: count(&self.received),
            sent: count(&self.sent),
            dropped: count(&self.dropped),
            duplicated: count(&self.duplicated),
            reordered: count(&self.reordered),
            corrupted: count(&self.corrupted),
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What became of datagrams: `received + duplicated = sent + dropped` once nothing is queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramCounts {
    /// Received from one side.
    pub received: u64,
    /// Sent on to the other, copies counted.
    pub sent: u64,
    /// Lost by a toxic, for want of room, or because nobody was there to take them.
    pub dropped: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Held back so that others overtook them.
    pub reordered: u64,
    /// Sent on with flipped bits.
    pub corrupted: u64,
}

/// The datagrams of a proxy, and its sessions that made room for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramDirections {
    /// From clients to the upstream.
    pub upstream: DatagramCounts,
    /// From the upstream to clients.
    pub downstream: DatagramCounts,
    /// Sessions that were ended to make room for a new client.
    pub evicted: u64,
}
