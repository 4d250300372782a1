//! What was seen, as lines of a journal: the newest of them, for whoever follows this region.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gameday_core::{Clock, Event, EventKind, RegionName};
use tokio::sync::Notify;
use tokio::time::timeout;

/// So much is kept; what is older is gone.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// One answer holds at most so much.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The newest events.
pub(super) struct Ring {
    clock: Clock,
    lines: Mutex<Lines>,
    grown: Notify,
}

#[derive(Default)]
struct Lines {
    /// The number of the first line that is kept.
    first: u64,
    lines: VecDeque<String>,
    bytes: usize,
}

/// What a follower is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Lines(String),
    /// Such a line is no more, or never was: which ones are there.
    Gone {
        /// The first.
        first: u64,
        /// The one that comes next.
        next: u64,
    },
}

impl Ring {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            lines: Mutex::default(),
            grown: Notify::new(),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Writes an event of a region down.
    pub(super) fn record(&self, region: RegionName, kind: EventKind) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, time) = self.clock.now();
        let event = Event {
            seq: lines.next(),
            at,
            time,
            region,
            kind,
        };
        // An event is made of names and numbers: it can always be written.
        let line = serde_json::to_string(&event).unwrap_or_default();
        lines.push(line, MAX_BYTES);
        drop(lines);
        self.grown.notify_waiters();
    }

    /// The lines from a number on; waits so long for the first of them.
    pub(super) async fn from(&self, seq: u64, patience: Duration) -> Told {
        let grown = self.grown.notified();
        let told = self.read(seq);
        if told != Told::Lines(String::new()) {
            return told;
        }
        timeout(patience, grown).await.ok();
        self.read(seq)
    }

    /// The number of the first line that is kept, and of the one that comes next.
    pub(super) fn kept(&self) -> (u64, u64) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        (lines.first, lines.next())
    }

    fn read(&self, seq: u64) -> Told {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, next) = (lines.first, lines.next());
        if !(first..=next).contains(&seq) {
            return Told::Gone { first, next };
        }
        let skip = usize::try_from(seq - first).unwrap_or(usize::MAX);
        let mut text = String::new();
        for line in lines.lines.iter().skip(skip) {
            if text.len() + line.len() > MAX_ANSWER_BYTES {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        Told::Lines(text)
    }
}

impl Lines {
    fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    fn push(&mut self, line: String, max_bytes: usize) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > max_bytes
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_go_and_numbers_stay() {
        let mut lines = Lines::default();
        for _ in 0..10 {
            lines.push("0123456789".to_owned(), 45);
        }
        assert_eq!(
            (lines.first, lines.lines.len(), lines.bytes, lines.next()),
            (6, 4, 40, 10)
        );
    }
}
