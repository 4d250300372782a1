//! Drills on disk: a drill's own folder, or a folder of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gameday_core::{Event, JournalError, is_locked, read_summed};
use gameday_report::{LeftOut, LeftOutReason};

use crate::command::patience::Patience;
use crate::command::sweep;
use crate::output;

/// A folder of drills may hold folders of them, but not endlessly.
const DEEPEST: usize = 3;
/// More drills than this are not read at once.
const MOST: usize = 10_000;
/// What makes a folder that of a drill.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// How the name of a folder begins that is being removed: it is no drill any more.
pub(crate) const PRUNED: &str = ".gameday-pruned-";

/// What stands in and below a folder, by name.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Drills.
    pub(crate) drills: Vec<Folder>,
    /// Folders that hold none, or cannot be read; below the folder that was looked at.
    pub(crate) others: Vec<(PathBuf, Unread)>,
    /// What an interrupted removal has left.
    pub(crate) pruned: Vec<PathBuf>,
}

/// A drill's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// The folder of the sweep that it is a point of.
    pub(crate) sweep: Option<PathBuf>,
}

impl Folder {
    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }
}

/// The drill of a folder, or all drills below it; what cannot be read stops nothing but itself.
pub(crate) fn find(dir: &Path) -> Result<Found, String> {
    let found = survey(dir, None, DEEPEST)
        .map_err(|error| format!("cannot read the folder {}: {error}", dir.display()))?;
    match found.drills.len() > MOST {
        true => Err(format!("{}: more than {MOST} drills stand there", dir.display())),
        false => Ok(found),
    }
}

fn survey(dir: &Path, sweep: Option<&Path>, deep: usize) -> io::Result<Found> {
    let mut found = Found::default();
    if dir.join(JOURNAL).is_file() {
        found.drills.push(Folder {
            path: dir.to_owned(),
            sweep: sweep.map(Path::to_owned),
        });
        return Ok(found);
    }
    let sweep = sweep::is_folder(dir).then_some(dir).or(sweep);
    for folder in folders(dir)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if folder.is_symlink() {
            // It may lead back up here: only folders that stand here are entered.
            found.leave_out(folder, LeftOutReason::Foreign, "links are not followed");
        } else if name.starts_with(PRUNED) {
            found.pruned.push(folder);
        } else if deep > 0 && found.drills.len() <= MOST {
            match survey(&folder, sweep, deep - 1) {
                Ok(below) if below.tells() => found.add(below),
                // Of a folder that has nothing to do with drills only itself is told.
                Ok(_) => found.leave_out(folder, LeftOutReason::Foreign, "no journal.jsonl stands in it"),
                Err(error) => found.leave_out(folder, LeftOutReason::Unreadable, &error.to_string()),
            }
        }
    }
    Ok(found)
}

/// The folders of a folder, by name.
fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    Ok(folders)
}

impl Found {
    fn leave_out(&mut self, folder: PathBuf, reason: LeftOutReason, why: &str) {
        self.others.push((folder, Unread::new(reason, why)));
    }

    fn add(&mut self, below: Self) {
        self.drills.extend(below.drills);
        self.others.extend(below.others);
        self.pruned.extend(below.pruned);
    }

    /// Whether anything of it is worth being told.
    fn tells(&self) -> bool {
        let mut others = self.others.iter();
        !self.drills.is_empty()
            || !self.pruned.is_empty()
            || others.any(|(_, unread)| unread.reason == LeftOutReason::Unreadable)
    }
}

/// The journals of a drill's folder, or of all drills below a folder, by name.
pub(crate) fn journals(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let found = find(dir)?;
    for (path, unread) in &found.others {
        if unread.reason == LeftOutReason::Unreadable {
            output::say(&format!("left out: {}: {}", path.display(), unread.why));
        }
    }
    Ok(found.drills.iter().map(Folder::journal).collect())
}

/// Why a drill's journal is not read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) reason: LeftOutReason,
    pub(crate) why: String,
}

impl Unread {
    pub(crate) fn new(reason: LeftOutReason, why: impl std::fmt::Display) -> Self {
        let why = why.to_string();
        Self { reason, why }
    }

    pub(crate) fn of(error: &JournalError) -> Self {
        // Its path is not told: whoever reads an index need not know where it was made.
        let (reason, why) = match error {
            JournalError::Read { source, .. } => (
                LeftOutReason::Unreadable,
                format!("its journal cannot be read: {source}"),
            ),
            JournalError::Locked(_) => (LeftOutReason::Running, "the drill is still running".to_owned()),
            JournalError::Line { line, cause, .. } => (
                LeftOutReason::Broken,
                format!("line {line} of its journal is no event: {cause}"),
            ),
            JournalError::TooLong { line, .. } => (
                LeftOutReason::Broken,
                format!("line {line} of its journal is longer than any event"),
            ),
            JournalError::Hole {
                line,
                expected,
                found,
                ..
            } => (
                LeftOutReason::Broken,
                format!(
                    "its journal has a hole: event {found} stands in line {line} where {expected} should"
                ),
            ),
        };
        Self::new(reason, why)
    }

    /// As it stands in an index; `folder` is told from there.
    pub(crate) fn left_out(self, folder: &Path) -> LeftOut {
        LeftOut {
            folder: folder.to_string_lossy().into_owned(),
            reason: self.reason,
            why: self.why,
        }
    }
}

/// The events of a journal that nobody writes.
pub(crate) fn read(journal: &Path) -> Result<Vec<Event>, Unread> {
    over(journal)?;
    read_summed(journal)
        .map(|read| read.events)
        .map_err(|error| Unread::of(&error))
}

/// Whether a drill is over.
pub(crate) fn over(journal: &Path) -> Result<(), Unread> {
    match is_locked(journal).unwrap_or(false) {
        true => Err(Unread::new(LeftOutReason::Running, "the drill is still running")),
        false => Ok(()),
    }
}

/// What is made of each journal that can be read; those that cannot are told on stderr.
pub(crate) fn each<T, E: std::fmt::Display>(
    journals: &[PathBuf],
    make: impl Fn(&[Event]) -> Result<T, E>,
) -> Vec<T> {
    let mut patience = Patience::new("drills read", journals.len());
    let mut made = Vec::new();
    for journal in journals {
        let one = read(journal)
            .map_err(|unread| unread.why)
            .and_then(|events| make(&events).map_err(|error| error.to_string()));
        match one {
            Ok(one) => made.push(one),
            Err(why) => output::say(&format!("left out: {}: {why}", journal.display())),
        }
        patience.step();
    }
    made
}
