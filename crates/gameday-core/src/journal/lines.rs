//! Events become lines: numbered, summed up where that is wanted, each written whole or not at all.

use std::io::{self, Write};

use super::sampler::{Sampler, Sampling};
use crate::Event;

/// The lines of a journal, wherever they go.
#[derive(Debug)]
pub struct JournalLines<W> {
    out: W,
    next_seq: u64,
    bytes: u64,
    /// Sums up beyond so many bytes; none writes all of it whole.
    sampler: Option<(u64, Sampler)>,
}

impl<W: Write> JournalLines<W> {
    /// Begins a journal.
    #[must_use]
    pub fn new(out: W, sampling: Option<Sampling>) -> Self {
        let mut lines = Self::after(out, 0, 0);
        lines.sample(sampling);
        lines
    }

    /// Goes on behind so many lines and bytes.
    pub(super) fn after(out: W, lines: u64, bytes: u64) -> Self {
        Self {
            out,
            next_seq: lines,
            bytes,
            sampler: None,
        }
    }

    pub(super) fn sample(&mut self, sampling: Option<Sampling>) {
        self.sampler = sampling.map(|one| (one.whole_bytes, Sampler::writing(one.every)));
    }

    /// Takes an event, whose number is set when it is written, and gives back what was written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn take(&mut self, event: Event) -> io::Result<Vec<Event>> {
        let bytes = self.bytes;
        let due = match &mut self.sampler {
            Some((whole, sampler)) if bytes >= *whole => {
                let mut due = Vec::new();
                sampler.take(event, &mut due);
                due
            }
            _ => vec![event],
        };
        self.write(due)
    }

    /// Writes what is still held back; a drill that ends in order holds nothing back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> io::Result<Vec<Event>> {
        let mut due = Vec::new();
        if let Some((_, sampler)) = &mut self.sampler {
            sampler.finish(&mut due);
        }
        self.write(due)
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn out(&self) -> &W {
        &self.out
    }

    fn write(&mut self, mut events: Vec<Event>) -> io::Result<Vec<Event>> {
        let mut lines = Vec::new();
        for (seq, event) in (self.next_seq..).zip(&mut events) {
            event.seq = seq;
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        self.out.write_all(&lines)?;
        self.next_seq += events.len() as u64;
        self.bytes += lines.len() as u64;
        Ok(events)
    }
}
