//! How far a deed is, on disk, in a file that whoever does or undoes it holds locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How far a deed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Progress {
    /// It was never begun.
    #[default]
    Untouched,
    /// It may be in place.
    Begun,
    /// It was undone.
    Undone,
}

impl Progress {
    /// What a mark says; one that is missing or empty says nothing, and then it is as is known from elsewhere.
    pub(crate) fn or(self, known: Self) -> Self {
        match self {
            Self::Untouched => known,
            marked => marked,
        }
    }
}

/// A mark that this process holds.
#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
    path: PathBuf,
    name: String,
}

const BEGUN: &str = "begun\n";
const UNDONE: &str = "undone\n";
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Mark {
    /// Opens and locks the file, waiting at most so long for whoever has it. The kernel lets go when that process ends.
    pub(crate) fn take(path: &Path, patience: Duration) -> Result<Self, String> {
        let name = path.display().to_string();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| format!("cannot open {name}: {error}"))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Self {
                        file,
                        path: path.to_owned(),
                        name,
                    });
                }
                Err(TryLockError::Error(error)) => return Err(format!("cannot lock {name}: {error}")),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(format!(
                        "its helper is still at it: it holds {name} (`fuser {name}`)"
                    ));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    pub(crate) fn progress(&mut self) -> Result<Progress, String> {
        let mut text = String::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_to_string(&mut text));
        read.map_err(|error| format!("cannot read {}: {error}", self.name))?;
        Ok(match text.as_str() {
            "" => Progress::Untouched,
            UNDONE => Progress::Undone,
            // Whatever else stands there was begun: to undo once too often is safe.
            _ => Progress::Begun,
        })
    }

    /// Writes it down durably.
    pub(crate) fn write(&mut self, progress: Progress) -> Result<(), String> {
        let text = match progress {
            Progress::Untouched => "",
            Progress::Begun => BEGUN,
            Progress::Undone => UNDONE,
        };
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .and_then(|()| sync_folder_of(&self.path));
        written.map_err(|error| format!("cannot write {}: {error}", self.name))
    }
}

/// A file whose folder is not on disk is not there after a power loss.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Waits until no helper is at the deed of a mark that somebody has deleted: a new file of that name tells of no lock.
pub(super) fn wait_for_helper_of(path: &Path, patience: Duration) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    while let Some(process) = helper_of(path) {
        if Instant::now() >= deadline {
            return Err(format!("its helper is still at it: process {process}"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// The process that was started with this mark.
fn helper_of(path: &Path) -> Option<String> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut named = processes.filter(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        words
            .split(|byte| *byte == 0)
            .any(|word| word == path.as_os_str().as_bytes())
    });
    named
        .next()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_kept_and_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.slow.mark");
        let mut mark = Mark::take(&path, Duration::ZERO).unwrap();
        assert_eq!(mark.progress().unwrap(), Progress::Untouched);
        mark.write(Progress::Begun).unwrap();
        assert_eq!(mark.progress().unwrap(), Progress::Begun);
        mark.write(Progress::Undone).unwrap();
        let told = Mark::take(&path, Duration::from_millis(60)).unwrap_err();
        assert!(told.contains("still at it"), "{told}");
        drop(mark);
        let mut again = Mark::take(&path, Duration::ZERO).unwrap();
        assert_eq!(again.progress().unwrap(), Progress::Undone);
        std::fs::write(&path, "half").unwrap();
        assert_eq!(again.progress().unwrap(), Progress::Begun);
    }
}
