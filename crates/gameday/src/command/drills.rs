//! Drills on disk: a drill's own folder, or a folder of them.

use std::path::{Path, PathBuf};

use gameday_core::{Event, is_locked, read_summed};

use crate::output;

/// A folder of drills may hold folders of them, but not endlessly.
const DEEPEST: usize = 3;
/// More drills than this are not read at once.
const MOST: usize = 10_000;
/// What makes a folder that of a drill.
const JOURNAL: &str = "journal.jsonl";

/// The journals of a drill's folder, or of all drills below a folder, by name.
pub(crate) fn journals(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    collect(dir, DEEPEST, &mut found)?;
    Ok(found)
}

fn collect(dir: &Path, deep: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let journal = dir.join(JOURNAL);
    if journal.is_file() {
        found.push(journal);
        return match found.len() > MOST {
            true => Err(format!("{}: more than {MOST} drills stand there", dir.display())),
            false => Ok(()),
        };
    }
    let failed = |error| format!("cannot read the folder {}: {error}", dir.display());
    let entries = std::fs::read_dir(dir).map_err(failed)?;
    let mut below: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        // A link to a folder may lead back up here: only folders that stand here are entered.
        .filter(|path| deep > 0 && path.is_dir() && !path.is_symlink())
        .collect();
    below.sort();
    below
        .into_iter()
        .try_for_each(|folder| collect(&folder, deep - 1, found))
}

/// The events of a journal; none, with a line on stderr, when it is being written or cannot be read.
pub(crate) fn events(journal: &Path) -> Option<Vec<Event>> {
    if is_locked(journal).unwrap_or(false) {
        output::say(&format!(
            "{} is left out: the drill is still running",
            journal.display()
        ));
        return None;
    }
    match read_summed(journal) {
        Ok(read) => Some(read.events),
        Err(error) => {
            output::say(&format!("left out: {error}"));
            None
        }
    }
}

/// What is made of each journal that can be read; those that cannot are told on stderr.
pub(crate) fn each<T, E: std::fmt::Display>(
    journals: &[PathBuf],
    make: impl Fn(&[Event]) -> Result<T, E>,
) -> Vec<T> {
    let made = journals.iter().filter_map(|journal| {
        let made = make(&events(journal)?);
        made.map_err(|error| output::say(&format!("left out: {}: {error}", journal.display())))
            .ok()
    });
    made.collect()
}
