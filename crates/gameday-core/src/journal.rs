//! The journal: one JSON object a line, only ever appended to.
//!
//! The writer holds a lock on the file for life, so that others can tell a running drill from one
//! whose runner died. What must not be lost is on the disk before the call returns.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::{Clock, Event, EventKind, Offset, Outcome, RegionName};

/// What can be wrong with a journal that is read or reopened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be opened or read.
    #[error("cannot read the journal {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line in the middle is not an event.
    #[error("{path}:{line}: not an event of a journal: {cause}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What the parser said.
        cause: String,
    },
    /// An event is missing.
    #[error("{path}:{line}: event {found} stands where {expected} should: the journal has a hole")]
    Hole {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// The number that should stand there.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// Another process is writing it.
    #[error("the journal {0} is being written by another process")]
    Locked(PathBuf),
}

/// A journal that was read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadJournal {
    /// Its events in order.
    pub events: Vec<Event>,
    /// True when the last line was cut off by a crash; it is not among the events.
    pub torn: bool,
    /// How many bytes hold the events.
    whole_bytes: u64,
}

/// Reads a journal; a torn last line is left out, a hole is an error.
///
/// # Errors
/// [`JournalError`] when the file cannot be read, a line is no event or an event is missing.
pub fn read_journal(path: &Path) -> Result<ReadJournal, JournalError> {
    let read_error = |source| JournalError::Read {
        path: path.to_owned(),
        source,
    };
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(read_error)?.is_file() {
        return Err(read_error(io::Error::other("this is not a regular file")));
    }
    let mut reader = BufReader::new(File::open(path).map_err(read_error)?);
    let mut journal = ReadJournal {
        events: Vec::new(),
        torn: false,
        whole_bytes: 0,
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line).map_err(read_error)?;
        if bytes == 0 {
            break;
        }
        // A record and its newline are one write: without the newline the record was torn.
        if line.last() != Some(&b'\n') {
            journal.torn = true;
            break;
        }
        let event: Event = serde_json::from_slice(&line).map_err(|error| JournalError::Line {
            path: path.to_owned(),
            line: number,
            cause: error.to_string(),
        })?;
        let expected = journal.events.len() as u64;
        if event.seq != expected {
            return Err(JournalError::Hole {
                path: path.to_owned(),
                line: number,
                expected,
                found: event.seq,
            });
        }
        journal.whole_bytes += bytes as u64;
        journal.events.push(lean(event));
    }
    Ok(journal)
}

/// The event without room for more: a list that is read grows by doubling, and hundreds of thousands of
/// events of a long drill are held at once.
fn lean(mut event: Event) -> Event {
    match &mut event.kind {
        EventKind::ProbeDone(done) => {
            done.steps.shrink_to_fit();
            if let Outcome::Up { slow } = &mut done.outcome {
                slow.shrink_to_fit();
            }
        }
        EventKind::RawSamples { series, .. } => series.iter_mut().for_each(|one| one.samples.shrink_to_fit()),
        _ => {}
    }
    event
}

/// Whether a living process holds the journal.
///
/// # Errors
/// When the file cannot be opened.
pub fn is_locked(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
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
    file: File,
    next_seq: u64,
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
            file,
            next_seq: 0,
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
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(read_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(read_error(source)),
        }
        let read = read_journal(path)?;
        file.set_len(read.whole_bytes).map_err(read_error)?;
        file.seek(SeekFrom::End(0)).map_err(read_error)?;
        let base = read.events.last().map(|event| event.at).unwrap_or_default();
        let writer = Writer {
            file,
            next_seq: read.events.len() as u64,
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
    pub fn record(&self, kind: EventKind) -> io::Result<Event> {
        self.append(local(), kind, false)
    }

    /// Appends an event of a region.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record_in(&self, region: &RegionName, kind: EventKind) -> io::Result<Event> {
        self.append(region.clone(), kind, false)
    }

    /// Appends an event and returns only when it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written or flushed: then what it announces must not be done.
    pub fn record_durably(&self, kind: EventKind) -> io::Result<Event> {
        self.append(local(), kind, true)
    }

    fn append(&self, region: RegionName, kind: EventKind, durably: bool) -> io::Result<Event> {
        let mut writer = self
            .writer
            .lock()
            .expect("no writer panics while it holds the lock");
        let (at, time) = self.clock.now();
        let at = writer.base + at.since(Offset::default());
        let event = Event {
            seq: writer.next_seq,
            at,
            time,
            region,
            kind,
        };
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        writer.file.write_all(&line)?;
        if durably {
            writer.file.sync_data()?;
        }
        writer.next_seq += 1;
        drop(writer);
        if let Some(observer) = &self.observer {
            observer(&event);
        }
        Ok(event)
    }
}

fn local() -> RegionName {
    RegionName::new("local").expect("a name")
}

#[cfg(test)]
mod tests;
