//! Reading a journal: whole, or summed up on the way.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::sampler::Sampler;
use crate::{Event, EventKind, Outcome};

/// A line is an event; the longest are raw samples of a long drill.
pub const LONGEST_LINE_BYTES: usize = 64 * 1024 * 1024;

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
    /// A line is longer than any event.
    #[error("{path}:{line}: not an event of a journal: the line is longer than {LONGEST_LINE_BYTES} bytes")]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
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

/// A journal that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadJournal {
    /// Its events in order.
    pub events: Vec<Event>,
    /// True when the last line was cut off by a crash; it is not among the events.
    pub torn: bool,
    /// Where it ends.
    pub(super) end: End,
}

/// Where a journal ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct End {
    /// How many bytes hold the events.
    pub(super) bytes: u64,
    /// How many lines do.
    pub(super) lines: u64,
    torn: bool,
}

/// Reads a journal; a torn last line is left out, a hole is an error.
///
/// # Errors
/// [`JournalError`] when the file cannot be read, a line is no event or an event is missing.
pub fn read_journal(path: &Path) -> Result<ReadJournal, JournalError> {
    let mut events = Vec::new();
    let end = each_event(path, |event| events.push(lean(event)))?;
    Ok(ReadJournal {
        events,
        torn: end.torn,
        end,
    })
}

/// Reads a journal as [`read_journal`] does and sums it up on the way, so that a long one takes little memory. What is
/// measured of it is the same.
///
/// # Errors
/// The same.
pub fn read_summed(path: &Path) -> Result<ReadJournal, JournalError> {
    let mut events = Vec::new();
    let mut sampler = Sampler::reading();
    let end = each_event(path, |event| sampler.take(event, &mut events))?;
    sampler.finish(&mut events);
    // What was held back on the way goes back to its place.
    events.sort_by_key(|event| event.seq);
    events.iter_mut().for_each(trim);
    Ok(ReadJournal {
        events,
        torn: end.torn,
        end,
    })
}

/// Reads one event after the other.
fn each_event(path: &Path, mut take: impl FnMut(Event)) -> Result<End, JournalError> {
    let read_error = |source| JournalError::Read {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(open(path, OpenOptions::new().read(true)).map_err(read_error)?);
    let mut end = End::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        // What a power loss leaves of a file that had grown; a file with a hole can be of any size.
        if reader.fill_buf().map_err(read_error)?.first() == Some(&0) {
            end.torn = true;
            only_zeros(reader).map_err(read_error)?;
            break;
        }
        let most = LONGEST_LINE_BYTES as u64 + 1;
        let read = reader.by_ref().take(most).read_until(b'\n', &mut line);
        let bytes = read.map_err(read_error)?;
        if bytes == 0 {
            break;
        }
        if bytes > LONGEST_LINE_BYTES {
            return Err(JournalError::TooLong {
                path: path.to_owned(),
                line: end.lines + 1,
            });
        }
        // A record and its newline are one write: without the newline the record was torn.
        if line.last() != Some(&b'\n') {
            end.torn = true;
            break;
        }
        let event = event_of_line(path, end.lines, &line)?;
        end.lines += 1;
        end.bytes += bytes as u64;
        take(event);
    }
    Ok(end)
}

/// The event of a line that stands after so many others.
///
/// # Errors
/// [`JournalError`] when it is none, or not the one that should stand there.
pub fn event_of_line(path: &Path, before: u64, line: &[u8]) -> Result<Event, JournalError> {
    let number = usize::try_from(before).unwrap_or(usize::MAX).saturating_add(1);
    let event: Event = serde_json::from_slice(line).map_err(|error| JournalError::Line {
        path: path.to_owned(),
        line: number,
        cause: error.to_string(),
    })?;
    match event.seq == before {
        true => Ok(event),
        false => Err(JournalError::Hole {
            path: path.to_owned(),
            line: number,
            expected: before,
            found: event.seq,
        }),
    }
}

/// Reads on to the end without holding what is read; anything but zeros is no tail that a crash has left.
fn only_zeros(mut reader: impl BufRead) -> io::Result<()> {
    loop {
        let some = reader.fill_buf()?;
        let count = some.len();
        if count == 0 {
            return Ok(());
        }
        if some.iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("zero bytes stand between its lines"));
        }
        reader.consume(count);
    }
}

/// The event without room for more: a list that is read grows by doubling, and hundreds of thousands of
/// events of a long drill are held at once.
fn lean(mut event: Event) -> Event {
    trim(&mut event);
    event
}

fn trim(event: &mut Event) {
    match &mut event.kind {
        EventKind::ProbeDone(done) => {
            done.steps.shrink_to_fit();
            if let Outcome::Up { slow } = &mut done.outcome {
                slow.shrink_to_fit();
            }
        }
        EventKind::LooksSummed(summed) => summed.looks.shrink_to_fit(),
        EventKind::SteadySummed(summed) => summed.values.shrink_to_fit(),
        EventKind::RawSamples { series, .. } => series.iter_mut().for_each(|one| one.samples.shrink_to_fit()),
        _ => {}
    }
}

/// Opens a journal; nothing but a regular file is one.
pub(super) fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    // Asked before it is opened: opening a pipe would wait for its writer.
    match fs::metadata(path)?.is_file() {
        true => options.open(path),
        false => Err(io::Error::other("this is not a regular file")),
    }
}

/// Whether a living process holds the journal.
///
/// # Errors
/// When the file cannot be opened.
pub fn is_locked(path: &Path) -> io::Result<bool> {
    let file = open(path, OpenOptions::new().read(true))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
