//! The journal: one JSON object a line, only ever appended to.
//!
//! The writer holds a lock on the file for life, so that others can tell a running drill from one
//! whose runner died. What must not be lost is on the disk before the call returns. A journal that is sampled holds
//! back, for a few seconds, what may be summed up; anything else is written at once, with what was before it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::{Clock, Event, EventKind, Offset, RegionName};

mod ends;
mod lines;
mod read;
mod sampler;

pub use ends::{JournalEnds, journal_ends};
pub use lines::JournalLines;
pub use read::{
    JournalError, LONGEST_LINE_BYTES, ReadJournal, event_of_line, is_locked, read_journal, read_summed,
};
pub use sampler::Sampling;

/// Keeps everybody from writing a journal for as long as what is returned lives; none when somebody writes it.
///
/// # Errors
/// When the file cannot be opened.
pub fn hold_journal(path: &Path) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

type Observer = Box<dyn Fn(&Event) + Send + Sync>;

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    clock: Clock,
    writer: Mutex<Writer>,
    observer: Option<Observer>,
}

struct Writer {
    lines: JournalLines<File>,
    /// A healed journal goes on where it ended, on a monotonic clock of another process.
    base: Offset,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Makes a new journal and locks it.
    ///
    /// # Errors
    /// When the file exists or cannot be made.
    pub fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        let writer = Writer {
            lines: JournalLines::new(file, None),
            base: Offset::default(),
        };
        Ok(Self {
            path: path.to_owned(),
            clock,
            writer: Mutex::new(writer),
            observer: None,
        })
    }

    /// Opens a journal whose writer died, to append what was done about it. A torn last line is cut off.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when its writer lives; the others as for [`read_journal`].
    pub fn reopen(path: &Path) -> Result<(Self, ReadJournal), JournalError> {
        let read_error = |source| JournalError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = read::open(path, OpenOptions::new().read(true).write(true)).map_err(read_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(read_error(source)),
        }
        let read = read_journal(path)?;
        file.set_len(read.end.bytes).map_err(read_error)?;
        file.seek(SeekFrom::End(0)).map_err(read_error)?;
        let base = read.events.iter().map(|event| event.at).max().unwrap_or_default();
        let writer = Writer {
            lines: JournalLines::after(file, read.end.lines, read.end.bytes),
            base,
        };
        let journal = Self {
            path: path.to_owned(),
            clock: Clock::start(),
            writer: Mutex::new(writer),
            observer: None,
        };
        Ok((journal, read))
    }

    /// Calls `observer` with every event after it is written; for displays only.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Sums up what is frequent and says nothing new, beyond the bytes that are to be written whole; without a
    /// sampling, everything is written whole.
    ///
    /// # Panics
    /// Never: nobody else has the journal yet.
    #[must_use]
    pub fn sampled(mut self, sampling: Option<Sampling>) -> Self {
        let writer = self
            .writer
            .get_mut()
            .expect("no writer panics while it holds the lock");
        writer.lines.sample(sampling);
        self
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The drill's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Appends an event of the runner itself.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record(&self, kind: EventKind) -> io::Result<()> {
        self.append(local(), kind, false)
    }

    /// Appends an event of a region.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record_in(&self, region: &RegionName, kind: EventKind) -> io::Result<()> {
        self.append(region.clone(), kind, false)
    }

    /// Appends an event and returns only when it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written or flushed: then what it announces must not be done.
    pub fn record_durably(&self, kind: EventKind) -> io::Result<()> {
        self.append(local(), kind, true)
    }

    fn append(&self, region: RegionName, kind: EventKind, durably: bool) -> io::Result<()> {
        let mut writer = self
            .writer
            .lock()
            .expect("no writer panics while it holds the lock");
        let (at, time) = self.clock.now();
        let at = writer.base + at.since(Offset::default());
        let written = writer.lines.take(Event {
            seq: 0,
            at,
            time,
            region,
            kind,
        })?;
        if durably {
            writer.lines.out().sync_data()?;
        }
        drop(writer);
        if let Some(observer) = &self.observer {
            written.iter().for_each(observer);
        }
        Ok(())
    }
}

/// What is still held back is written, as far as that can be done.
impl Drop for Journal {
    fn drop(&mut self) {
        if let Ok(writer) = self.writer.get_mut() {
            // A run that did not end in order has said why.
            let _ = writer.lines.finish();
        }
    }
}

fn local() -> RegionName {
    RegionName::new("local").expect("a name")
}

#[cfg(test)]
mod size;
#[cfg(test)]
mod tests;
