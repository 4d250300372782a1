//! A user's file as it was typed.

use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::{Problem, printable};

/// A file as it was typed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path as the user gave it.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
}

/// No file of ours is larger; a larger one is the wrong file.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// One [`Problem`] when it cannot be read, is too large or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let problem = |message: String| vec![Problem::of_file(path, message)];
        let unread = |error: std::io::Error| problem(format!("cannot read the file: {error}"));
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(unread)?.is_file() {
            return Err(problem("this is not a regular file".to_owned()));
        }
        if is_of_the_system(path) {
            return Err(problem(
                "this is a file of the system: nothing of ours stands in /proc, /sys or /dev".to_owned(),
            ));
        }
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unread)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unread)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(problem(format!(
                "the file is too large: at most {MAX_FILE_BYTES} bytes are read"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// The file's stem, which is the name of what it describes.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }

    /// A problem at a place in this file.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let place = Some(Place::of(&self.text, span));
        Problem {
            path: self.path.clone(),
            place,
            message: printable(&message.into()),
            hint: None,
        }
    }
}

/// What stands there is another process's secret, or has an effect when it is read; wherever a link to it stands.
fn is_of_the_system(path: &Path) -> bool {
    let real = std::fs::canonicalize(path).unwrap_or_default();
    ["/proc", "/sys", "/dev"]
        .iter()
        .any(|folder| real.starts_with(folder))
        && !real.starts_with("/dev/shm")
}
