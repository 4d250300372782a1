//! Slows a direction down to a rate.
//!
//! Bytes leave evenly: a burst is cut into pieces and spread out, not held and then let go.

use std::time::{Duration, Instant};

use gameday_core::ByteRate;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic, never};

/// How much of the rate one piece holds: short enough that a reader sees a flow, not bursts.
const PIECE: Duration = Duration::from_millis(20);
/// No piece is smaller, so that one read of 32 KiB makes at most 512 of them.
const SMALLEST_PIECE: usize = 64;

/// Lets bytes pass no faster than `rate`; at rate 0 they wait until the toxic is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// Bytes a second, for each direction of each connection.
    pub rate: ByteRate,
}

impl Bandwidth {
    /// The toxic for one direction.
    #[must_use]
    pub fn throttle(self) -> Throttle {
        Throttle {
            rate_bytes_per_second: self.rate.get(),
            free_at: None,
        }
    }
}

/// A direction that is being slowed down.
#[derive(Debug)]
pub struct Throttle {
    rate_bytes_per_second: u64,
    /// When the last byte that was let in has left.
    free_at: Option<Instant>,
}

impl Throttle {
    fn piece_bytes(&self) -> usize {
        let bytes = u128::from(self.rate_bytes_per_second) * PIECE.as_millis() / 1000;
        usize::try_from(bytes).unwrap_or(usize::MAX).max(SMALLEST_PIECE)
    }

    fn time_for(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.rate_bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Toxic for Throttle {
    fn on_chunk(&mut self, mut chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        if self.rate_bytes_per_second == 0 {
            chunk.due = never(chunk.due);
            out.push(Step::Send(chunk));
            return;
        }
        let mut free_at = self.free_at.map_or(chunk.due, |free_at| free_at.max(chunk.due));
        while !chunk.bytes.is_empty() {
            let piece = chunk.bytes.split_to(self.piece_bytes().min(chunk.bytes.len()));
            free_at += self.time_for(piece.len());
            out.push(Step::Send(Chunk {
                bytes: piece,
                due: free_at,
            }));
        }
        self.free_at = Some(free_at);
    }

    fn on_close(&mut self, at: Instant, out: &mut Vec<Step>) {
        let at = if self.rate_bytes_per_second == 0 {
            never(at)
        } else {
            at
        };
        out.push(Step::Finish(at));
    }

    fn on_flush(&mut self) {
        self.free_at = None;
    }
}
