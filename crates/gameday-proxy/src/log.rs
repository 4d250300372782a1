//! The log: a line for each connection and each event, written by a thread of its own.
//!
//! Whoever has something to say never waits: when the reader of the log is slow, lines are dropped and counted.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use serde::Serialize;

/// So many lines may wait to be written.
const WAITING: usize = 4096;

/// Where log lines go; a clone goes to the same place.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Option<SyncSender<String>>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// A log that says nothing.
    #[must_use]
    pub fn off() -> Self {
        Self {
            lines: None,
            dropped: Arc::default(),
        }
    }

    /// A log of JSON lines to this writer.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn json(writer: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let dropped = Arc::default();
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(writer, &waiting, &counter))?;
        Ok(Self {
            lines: Some(lines),
            dropped,
        })
    }

    /// Whether anything that is said is written.
    pub(crate) fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    /// Says a line; it is dropped when too many wait.
    pub(crate) fn say(&self, line: &impl Serialize) {
        let Some(lines) = &self.lines else { return };
        let text = serde_json::to_string(line).expect("a line has text for keys");
        if let Err(TrySendError::Full(_)) = lines.try_send(text) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn write(mut writer: impl Write, lines: &Receiver<String>, dropped: &AtomicU64) {
    let mut told = 0;
    // A reader that went away is no reason to end: there may be nobody to tell.
    for line in lines {
        let _ = writeln!(writer, "{line}");
        let now = dropped.load(Ordering::Relaxed);
        if now > told {
            let _ = writeln!(
                writer,
                "{}",
                serde_json::json!({ "event": "log_lines_dropped", "count": now - told })
            );
            told = now;
        }
        let _ = writer.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn whoever_says_something_never_waits_and_what_was_dropped_is_told() {
        let (reader, writer) = std::io::pipe().unwrap();
        let log = Log::json(writer).unwrap();
        // Nobody reads yet: the pipe and the queue fill up, and saying goes on.
        let long = "x".repeat(1000);
        for number in 0..10_000 {
            log.say(&serde_json::json!({ "number": number, "long": long }));
        }
        let dropped = log.dropped();
        assert!(dropped > 0, "10 MB do not fit");
        let mut lines = BufReader::new(reader).lines();
        drop(log);
        let (mut written, mut told) = (0, 0);
        while let Some(Ok(line)) = lines.next() {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            match line["event"].as_str() {
                Some("log_lines_dropped") => told += line["count"].as_u64().unwrap(),
                _ => written += 1,
            }
        }
        assert_eq!((written + dropped, told), (10_000, dropped));
    }
}
