//! A journal survives what crashes do to files, and notices what they must not do.

use std::io::Write;

use super::*;
use crate::{SourceName, StopReason};

fn lost(n: usize) -> EventKind {
    EventKind::SourceLost {
        source: SourceName::new("prometheus").unwrap(),
        error: format!("error {n}"),
    }
}

fn written(lines: usize) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = Journal::create(&path, Clock::start()).unwrap();
    for n in 0..lines {
        journal.record_durably(lost(n)).unwrap();
    }
    (dir, path)
}

#[test]
fn what_is_recorded_is_read() {
    let (_dir, path) = written(3);
    let read = read_journal(&path).unwrap();
    assert!(!read.torn);
    assert_eq!(
        read.events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(read.events[2].kind, lost(2));
    assert!(read.events[0].at <= read.events[2].at);
}

#[test]
fn a_torn_last_line_is_left_out_wherever_it_was_cut() {
    let (_dir, path) = written(3);
    let text = std::fs::read(&path).unwrap();
    let second_end = text
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(1)
        .unwrap()
        .0
        + 1;
    for cut in second_end..text.len() {
        std::fs::write(&path, &text[..cut]).unwrap();
        let read = read_journal(&path).unwrap();
        assert_eq!(
            (read.events.len(), read.torn),
            (2, cut > second_end),
            "cut at byte {cut}"
        );
    }
}

#[test]
fn a_hole_is_an_error_that_names_the_line() {
    let (_dir, path) = written(3);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&path, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    let error = read_journal(&path).unwrap_err();
    assert!(
        matches!(
            error,
            JournalError::Hole {
                line: 2,
                expected: 1,
                found: 2,
                ..
            }
        ),
        "{error}"
    );

    std::fs::write(&path, format!("{}\n{{\"half\": \n{}\n", lines[0], lines[1])).unwrap();
    assert!(matches!(
        read_journal(&path).unwrap_err(),
        JournalError::Line { line: 2, .. }
    ));
}

#[test]
fn a_tail_of_zeros_is_torn_and_zeros_before_a_line_are_refused() {
    let (_dir, path) = written(2);
    let whole = std::fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    // A hole in the file: more than may be held of it.
    file.set_len(whole.len() as u64 + 3 * LONGEST_LINE_BYTES as u64)
        .unwrap();
    let read = read_journal(&path).unwrap();
    assert_eq!((read.events.len(), read.torn), (2, true));

    std::fs::write(&path, [&whole[..], &[0; 9], b"{}\n"].concat()).unwrap();
    let refused = read_journal(&path).unwrap_err().to_string();
    assert!(refused.contains("zero bytes"), "{refused}");

    std::fs::write(&path, [&whole[..], &vec![b' '; LONGEST_LINE_BYTES + 9]].concat()).unwrap();
    assert!(matches!(
        read_journal(&path).unwrap_err(),
        JournalError::TooLong { line: 3, .. }
    ));
}

#[test]
fn a_journal_is_locked_while_its_writer_lives_and_goes_on_after() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = Journal::create(&path, Clock::start()).unwrap();
    journal.record(lost(0)).unwrap();
    assert!(is_locked(&path).unwrap());
    assert!(matches!(
        Journal::reopen(&path).unwrap_err(),
        JournalError::Locked(_)
    ));
    assert!(
        Journal::create(&path, Clock::start()).is_err(),
        "an old journal is never overwritten"
    );
    drop(journal);
    assert!(!is_locked(&path).unwrap());

    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"seq\":1,\"at_").unwrap();
    drop(file);
    let (journal, read) = Journal::reopen(&path).unwrap();
    assert_eq!((read.events.len(), read.torn), (1, true));
    journal.record(EventKind::Stopped(StopReason::StopFile)).unwrap();
    drop(journal);
    let read = read_journal(&path).unwrap();
    assert_eq!((read.events.len(), read.torn), (2, false));
    assert!(
        read.events[0].at <= read.events[1].at,
        "a healed journal's clock does not run backwards"
    );
}
