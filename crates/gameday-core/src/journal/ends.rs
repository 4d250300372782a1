//! The first and the last event of a journal, without reading what lies between.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::JournalError;
use crate::Event;

const LONGEST: u64 = super::LONGEST_LINE_BYTES as u64;
/// How much of the end is read at first; most last lines are far shorter.
const WINDOW: u64 = 16 * 1024;

/// Where a journal begins and ends.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEnds {
    /// Its first event.
    pub first: Event,
    /// Its last event that was written whole.
    pub last: Event,
}

/// The first and the last event; none when there is no whole line.
///
/// # Errors
/// [`JournalError`] when the file cannot be read, or one of the two lines is no event.
pub fn journal_ends(path: &Path) -> Result<Option<JournalEnds>, JournalError> {
    let read_error = |source| JournalError::Read {
        path: path.to_owned(),
        source,
    };
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(read_error)?.is_file() {
        return Err(read_error(io::Error::other("this is not a regular file")));
    }
    let mut file = File::open(path).map_err(read_error)?;
    let mut first = Vec::new();
    BufReader::new((&file).take(LONGEST))
        .read_until(b'\n', &mut first)
        .map_err(read_error)?;
    if first.last() != Some(&b'\n') {
        return Ok(None);
    }
    let last = last_line(&mut file).map_err(read_error)?;
    let parse = |line: &[u8], which: &str| {
        let of_line = |error| io::Error::other(format!("its {which} line is no event: {error}"));
        serde_json::from_slice(line).map_err(|error| read_error(of_line(error)))
    };
    Ok(Some(JournalEnds {
        first: parse(&first, "first")?,
        last: parse(&last, "last")?,
    }))
}

/// The last line that has its newline.
fn last_line(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut window = WINDOW;
    loop {
        let from = length.saturating_sub(window);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        (&mut *file).take(length - from).read_to_end(&mut end)?;
        let newlines = || (0..end.len()).rev().filter(|index| end[*index] == b'\n');
        let (last, before) = (newlines().next(), newlines().nth(1));
        match (last, before) {
            (Some(last), Some(before)) => return Ok(end[before + 1..last].to_vec()),
            (Some(last), None) if from == 0 => return Ok(end[..last].to_vec()),
            _ if from == 0 || window > LONGEST => return Ok(Vec::new()),
            _ => window *= 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, EventKind, Journal, read_journal};

    #[test]
    fn the_ends_are_those_of_the_whole_journal_however_long_its_lines_are() {
        let dir = tempfile::tempdir().unwrap();
        for (name, longest) in [("short", 10), ("long", 200_000)] {
            let path = dir.path().join(name);
            let journal = Journal::create(&path, Clock::start()).unwrap();
            for length in [5, longest, 7, longest] {
                let text = "x".repeat(length);
                journal
                    .record(EventKind::Noted {
                        who: "ada".to_owned(),
                        text,
                    })
                    .unwrap();
                let ends = journal_ends(&path).unwrap().unwrap();
                let events = read_journal(&path).unwrap().events;
                assert_eq!(Some(&ends.first), events.first());
                assert_eq!(Some(&ends.last), events.last());
            }
        }
    }

    #[test]
    fn a_torn_last_line_is_not_the_last_one_and_none_at_all_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        std::fs::write(&path, "{\"seq\":0,").unwrap();
        assert_eq!(journal_ends(&path).unwrap(), None);
        std::fs::remove_file(&path).unwrap();
        let journal = Journal::create(&path, Clock::start()).unwrap();
        let noted = |text: &str| EventKind::Noted {
            who: "ada".to_owned(),
            text: text.to_owned(),
        };
        journal.record(noted("first")).unwrap();
        journal.record(noted("second")).unwrap();
        let whole = read_journal(&path).unwrap().events.pop().unwrap();
        let torn = std::fs::read_to_string(&path).unwrap() + "{\"seq\":2,\"at_us\"";
        std::fs::write(&path, torn).unwrap();
        assert_eq!(journal_ends(&path).unwrap().unwrap().last, whole);
        std::fs::write(&path, "no event\n").unwrap();
        assert!(journal_ends(&path).is_err());
    }
}
