//! Reading a journal: whole, or summed up on the way.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::sampler::Sampler;
use crate::{Event, EventKind, Outcome};

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
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(read_error)?.is_file() {
        return Err(read_error(io::Error::other("this is not a regular file")));
    }
    let mut reader = BufReader::new(File::open(path).map_err(read_error)?);
    let mut end = End::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line).map_err(read_error)?;
        if bytes == 0 {
            break;
        }
        // A record and its newline are one write: without the newline the record was torn.
        if line.last() != Some(&b'\n') {
            end.torn = true;
            break;
        }
        let event: Event = serde_json::from_slice(&line).map_err(|error| JournalError::Line {
            path: path.to_owned(),
            line: number,
            cause: error.to_string(),
        })?;
        if event.seq != end.lines {
            return Err(JournalError::Hole {
                path: path.to_owned(),
                line: number,
                expected: end.lines,
                found: event.seq,
            });
        }
        end.lines += 1;
        end.bytes += bytes as u64;
        take(event);
    }
    Ok(end)
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
