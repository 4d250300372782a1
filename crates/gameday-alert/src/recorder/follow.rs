//! Follows a file that grows, through rotations.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The longest line that is kept; a longer one is given up.
const LONGEST: usize = 4 * 1024 * 1024;
/// So much is read at once, so that one look ends.
const AT_ONCE: u64 = 8 * 1024 * 1024;

/// A file from where it ended when it was first looked at.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    open: Option<File>,
    /// What was read of a line whose end is not there yet.
    begun: Vec<u8>,
    /// The line that was begun is too long: the rest of it is passed over.
    too_long: bool,
}

impl Follow {
    /// Begins at the end of a file, or with the first line of one that is still to come.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let open = match File::open(path) {
            Ok(mut file) => {
                file.seek(SeekFrom::End(0))?;
                Some(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            open,
            begun: Vec::new(),
            too_long: false,
        })
    }

    /// The lines that were written whole since the last look.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn look(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        if let Some(file) = &mut self.open {
            let mut bytes = Vec::new();
            file.by_ref().take(AT_ONCE).read_to_end(&mut bytes)?;
            let more = bytes.len() as u64 == AT_ONCE;
            self.split(&bytes, &mut lines);
            if more {
                return Ok(lines);
            }
        }
        // What was renamed has been read to its end; the rest goes to the file of the old name.
        if self.is_another()? {
            self.begun.clear();
            self.open = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if let Some(file) = &mut self.open {
                let mut bytes = Vec::new();
                file.by_ref().take(AT_ONCE).read_to_end(&mut bytes)?;
                self.split(&bytes, &mut lines);
            }
        }
        Ok(lines)
    }

    /// Whether the name stands for another file than the one that is open, or for one that was cut.
    fn is_another(&mut self) -> io::Result<bool> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some(file) = &mut self.open else {
            return Ok(true);
        };
        let same = |one: &Metadata| (one.dev(), one.ino()) == (there.dev(), there.ino());
        Ok(!same(&file.metadata()?) || there.len() < file.stream_position()?)
    }

    fn split(&mut self, bytes: &[u8], lines: &mut Vec<Vec<u8>>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.too_long {
                self.begun.extend_from_slice(piece);
            }
            if self.begun.len() > LONGEST {
                self.too_long = true;
                self.begun.clear();
            }
            if piece.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.begun);
                line.truncate(line.trim_ascii_end().len());
                // A line that is given up is one that nobody can read.
                if !line.is_empty() || self.too_long {
                    lines.push(line);
                }
                self.too_long = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    fn add(path: &Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn look(follow: &mut Follow) -> Vec<String> {
        let lines = follow.look().unwrap();
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn lines_are_told_when_they_are_whole_and_what_was_there_before_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        add(&path, "old\n");
        let mut follow = Follow::begin(&path).unwrap();
        add(&path, "one\ntw");
        assert_eq!(look(&mut follow), ["one"]);
        add(&path, "o\n\n");
        assert_eq!(look(&mut follow), ["two"]);
        assert!(look(&mut follow).is_empty());
    }

    #[test]
    fn a_file_that_is_rotated_or_cut_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut follow = Follow::begin(&path).unwrap();
        assert!(look(&mut follow).is_empty(), "it is still to come");
        add(&path, "first\n");
        assert_eq!(look(&mut follow), ["first"]);
        fs::rename(&path, folder.path().join("events.jsonl.1")).unwrap();
        add(&folder.path().join("events.jsonl.1"), "late\n");
        add(&path, "second\n");
        assert_eq!(look(&mut follow), ["late", "second"]);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap();
        add(&path, "3\n");
        assert_eq!(look(&mut follow), ["3"]);
    }

    #[test]
    fn a_line_without_end_is_given_up_and_the_next_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut follow = Follow::begin(&path).unwrap();
        add(&path, &"x".repeat(2 * LONGEST));
        assert!(look(&mut follow).is_empty());
        assert!(follow.begun.is_empty(), "nothing of it is kept");
        add(&path, "x\nnext\n");
        assert_eq!(look(&mut follow), ["", "next"]);
    }
}
