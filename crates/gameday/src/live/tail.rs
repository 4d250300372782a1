//! Reads a journal as it grows, or as fast as one wants to see it again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gameday_core::{Event, EventKind, JournalError, LONGEST_LINE_BYTES, event_of_line, is_locked};
use gameday_report::TimelineError;
use tokio::time::{Instant, sleep};

use super::hub::Hub;

/// So much is read at once.
const CHUNK: usize = 256 * 1024;
/// How often a file that has no more is looked at.
const AGAIN: Duration = Duration::from_millis(100);

/// How fast events are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as they are there.
    AsWritten,
    /// So many times as fast as it was.
    Times(f64),
}

impl Pace {
    pub(crate) fn speed(self) -> f64 {
        match self {
            Self::AsWritten => 1.0,
            Self::Times(speed) => speed,
        }
    }
}

/// A journal's file, read up to somewhere.
pub(crate) struct Tail {
    path: PathBuf,
    file: File,
    /// What was read of a line whose end is not there yet.
    rest: Vec<u8>,
    lines: u64,
}

impl Tail {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let wrong =
            |error: &dyn std::fmt::Display| format!("cannot read the journal {}: {error}", path.display());
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(|error| wrong(&error))?.is_file() {
            return Err(wrong(&"this is not a regular file"));
        }
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path).map_err(|error| wrong(&error))?,
            rest: Vec::new(),
            lines: 0,
        })
    }

    /// The next events; none when there are no more yet. What `gameday report` refuses is refused in its words.
    pub(crate) fn next(&mut self) -> Result<Vec<Event>, String> {
        // Up to the end of a line, however long it is: half a line is not the end of a journal.
        let whole = loop {
            let before = self.rest.len();
            if self.more()? == 0 {
                return Ok(Vec::new());
            }
            if let Some(end) = self.rest[before..].iter().rposition(|byte| *byte == b'\n') {
                break self.rest.drain(..=before + end).collect::<Vec<u8>>();
            }
            if self.rest.len() > LONGEST_LINE_BYTES {
                let (path, line) = (self.path.clone(), self.lines + 1);
                return Err(JournalError::TooLong { path, line }.to_string());
            }
        };
        let lines = whole.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| self.event(line)).collect()
    }

    /// Reads some more of the file; says how much.
    fn more(&mut self) -> Result<usize, String> {
        let before = self.rest.len();
        self.rest.resize(before + CHUNK, 0);
        let read = self.file.read(&mut self.rest[before..]);
        self.rest.truncate(before + read.as_ref().copied().unwrap_or(0));
        read.map_err(|error| format!("cannot read the journal {}: {error}", self.path.display()))
    }

    fn event(&mut self, line: &[u8]) -> Result<Event, String> {
        let event = event_of_line(&self.path, self.lines, line).map_err(|error| error.to_string())?;
        if self.lines == 0 && !matches!(event.kind, EventKind::DrillStarted(_)) {
            return Err(TimelineError::NotADrill.to_string());
        }
        self.lines += 1;
        Ok(event)
    }

    /// Whether nobody will write any more.
    fn is_over(&self) -> bool {
        !is_locked(&self.path).unwrap_or(false)
    }
}

/// Shows one event after the other, for ever or until the journal cannot be read.
pub(super) async fn feed(hub: &Hub, mut tail: Tail, pace: Pace) {
    let began = Instant::now();
    loop {
        // Asked first: what was written before its writer went is read below.
        let over = tail.is_over();
        match tail.next() {
            Ok(events) if events.is_empty() => {
                if over {
                    hub.nothing_more();
                }
                sleep(AGAIN).await;
            }
            Ok(events) => {
                for event in events {
                    if let Pace::Times(speed) = pace {
                        let at = Duration::from_micros(event.at.as_micros()).div_f64(speed);
                        tokio::time::sleep_until(began + at).await;
                    }
                    hub.take(&event);
                }
                // Whoever is served by this thread has a turn.
                tokio::task::yield_now().await;
            }
            Err(why) => {
                hub.broken(why);
                return;
            }
        }
    }
}
