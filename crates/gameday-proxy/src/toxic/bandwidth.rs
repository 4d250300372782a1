//! Slows a direction down to a rate.
//!
//! Bytes leave evenly: a burst is cut into pieces and spread out, not held and then let go.

use std::fmt;
use std::time::{Duration, Instant};

use gameday_core::{ByteRate, Span};
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Guest};
use super::{Anchor, Chunk, Ramp, Step, Toxic, never};

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
    /// All connections together have the rate, in the order in which their bytes come.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// The rate sinks from none at all to `rate` over this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Bandwidth {
    /// The toxic for one direction.
    pub(super) fn throttle(self, anchor: &Anchor) -> Throttle {
        Throttle {
            rate_bytes_per_second: self.rate.get(),
            ramp: Ramp::new(anchor.attached_at, self.over),
            guest: Guest::of(if self.shared {
                anchor.bucket.clone()
            } else {
                Bucket::default()
            }),
        }
    }
}

/// A direction that is being slowed down.
#[derive(Debug)]
pub(super) struct Throttle {
    rate_bytes_per_second: u64,
    ramp: Ramp,
    guest: Guest,
}

impl Throttle {
    /// Bytes a second at that moment; while it sinks, the inverse of the rate grows evenly.
    fn rate_at(&self, now: Instant) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact to the byte")]
        let rate = self.rate_bytes_per_second as f64;
        rate / self.ramp.at(now).max(1e-6)
    }
}

fn piece_bytes(rate: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is clamped first"
    )]
    let bytes = (rate * PIECE.as_secs_f64()).clamp(0.0, 1e12) as usize;
    bytes.max(SMALLEST_PIECE)
}

impl Toxic for Throttle {
    fn on_chunk(&mut self, mut chunk: Chunk, _rng: &mut StdRng, out: &mut Vec<Step>) {
        if self.rate_bytes_per_second == 0 {
            chunk.due = never(chunk.due);
            out.push(Step::Send(chunk));
            return;
        }
        let rate = self.rate_at(chunk.due);
        let takes = |bytes: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a chunk is far below 2^52 bytes")]
            Duration::from_secs_f64((bytes as f64 / rate).min(1e9))
        };
        let begins_at = self.guest.book(chunk.due, takes(chunk.bytes.len()));
        let mut let_in = 0;
        while !chunk.bytes.is_empty() {
            let bytes = chunk.bytes.split_to(piece_bytes(rate).min(chunk.bytes.len()));
            let_in += bytes.len();
            out.push(Step::Send(Chunk {
                bytes,
                due: begins_at + takes(let_in),
            }));
        }
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
        self.guest.give_back();
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rate {}{}",
            self.rate,
            if self.shared { " shared" } else { "" }
        )?;
        self.over.map_or(Ok(()), |over| write!(f, " over {over}"))
    }
}
