//! Cuts data into small pieces, with a pause after each: what readers must cope with, and seldom meet on loopback.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gameday_core::{ByteSize, Span};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::{Chunk, Step, Toxic};

/// Pieces of `size` bytes, give or take `variation`, `delay` apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slicer {
    /// How large a piece is on average; at least a byte.
    pub size: ByteSize,
    /// How far a piece may differ from that; less than `size`.
    #[serde(default = "none")]
    pub variation: ByteSize,
    /// The pause after each piece.
    #[serde(default = "at_once")]
    pub delay: Span,
}

fn none() -> ByteSize {
    ByteSize::from_value(0)
}

fn at_once() -> Span {
    Span::from_value(Duration::ZERO)
}

impl Slicer {
    /// Why it cannot be, in the words of whoever asked: his names for `size` and `variation`.
    pub(super) fn check(
        &self,
        size: &'static str,
        variation: &'static str,
    ) -> Result<(), (&'static str, String)> {
        if self.size.get() == 0 {
            return Err((size, "a piece has at least one byte".to_owned()));
        }
        if self.variation.get() >= self.size.get() {
            return Err((variation, format!("it must be less than `{size}`")));
        }
        Ok(())
    }

    /// The toxic for one direction.
    pub(super) fn knife(self) -> Knife {
        Knife {
            settings: self,
            free_at: None,
        }
    }

    /// The length of the next piece.
    fn piece(&self, rng: &mut StdRng) -> usize {
        let (size, variation) = (self.size.get(), self.variation.get());
        let length = rng.random_range(size - variation..=size.saturating_add(variation));
        usize::try_from(length).unwrap_or(usize::MAX)
    }
}

/// A direction that is being sliced.
#[derive(Debug)]
pub(super) struct Knife {
    settings: Slicer,
    /// When the pause after the last piece is over.
    free_at: Option<Instant>,
}

impl Toxic for Knife {
    fn on_chunk(&mut self, mut chunk: Chunk, rng: &mut StdRng, out: &mut Vec<Step>) {
        let mut due = self.free_at.map_or(chunk.due, |free_at| free_at.max(chunk.due));
        while !chunk.bytes.is_empty() {
            let length = self.settings.piece(rng).min(chunk.bytes.len());
            let bytes: Bytes = chunk.bytes.split_to(length);
            out.push(Step::Send(Chunk { bytes, due }));
            due += self.settings.delay.get();
        }
        self.free_at = Some(due);
    }

    fn on_flush(&mut self) {
        self.free_at = None;
    }
}

impl fmt::Display for Slicer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "size {}", self.size)?;
        if self.variation.get() > 0 {
            write!(f, " ±{}", self.variation)?;
        }
        if self.delay.get().is_zero() {
            return Ok(());
        }
        write!(f, " every {}", self.delay)
    }
}
