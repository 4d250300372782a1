//! Flips bits: of each byte that is hit, one. Lengths stay.

use std::fmt;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use gameday_core::{Ratio, Span};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Ramp, Step, Toxic};

/// Flips one bit in a `share` of all bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrupt {
    /// The share of bytes.
    pub share: Ratio,
    /// The share grows from nothing over this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
}

impl Corrupt {
    /// The toxic for one direction, attached at that moment.
    pub(crate) fn noise(self, attached_at: Instant) -> Noise {
        Noise {
            share: self.share.get(),
            ramp: Ramp::new(attached_at, self.over),
        }
    }
}

/// What spoils bytes.
#[derive(Debug)]
pub(crate) struct Noise {
    share: f64,
    ramp: Ramp,
}

impl Noise {
    /// A share that does not grow.
    pub(crate) fn of(share: Ratio) -> Self {
        Self {
            share: share.get(),
            ramp: Ramp::new(Instant::now(), None),
        }
    }

    /// The bytes with what was hit flipped; the very same ones when nothing was.
    pub(crate) fn spoil(&self, bytes: Bytes, now: Instant, rng: &mut StdRng) -> Bytes {
        let share = self.share * self.ramp.at(now);
        let mut place = gap(share, rng);
        if place >= bytes.len() {
            return bytes;
        }
        let mut spoiled = BytesMut::from(&bytes[..]);
        while let Some(byte) = spoiled.get_mut(place) {
            *byte ^= 1 << rng.random_range(0..8);
            place = place.saturating_add(1).saturating_add(gap(share, rng));
        }
        spoiled.freeze()
    }
}

/// How many bytes are spared before the next one that is hit: geometric, so that a rare hit costs nothing.
fn gap(share: f64, rng: &mut StdRng) -> usize {
    if share <= 0.0 {
        return usize::MAX;
    }
    let spared = (1.0 - rng.random::<f64>()).ln() / (-share).ln_1p();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is clamped first"
    )]
    {
        spared.clamp(0.0, 1e15) as usize
    }
}

impl Toxic for Noise {
    fn on_chunk(&mut self, mut chunk: Chunk, rng: &mut StdRng, out: &mut Vec<Step>) {
        chunk.bytes = self.spoil(chunk.bytes, chunk.due, rng);
        out.push(Step::Send(chunk));
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of bytes", self.share)?;
        self.over.map_or(Ok(()), |over| write!(f, " over {over}"))
    }
}
