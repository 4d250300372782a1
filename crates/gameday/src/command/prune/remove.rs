//! Removes a drill's folder so that nobody ever takes half of it for a whole one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gameday_core::hold_journal;
use gameday_report::{REPORT_FILES, RULES_FILE, TEST_FILE};

use crate::command::drills::{JOURNAL, PRUNED};
use crate::command::sweep;

/// What a runner leaves beside a journal, other than reports.
const LEFT: [&str; 2] = ["stop", "inbox.sock"];
/// What a sweep writes, beside the folders of its points.
const OF_SWEEP: [&str; 3] = ["sweep.json", "sweep.md", "sweep.html"];

/// Removes a folder whose journals these are.
///
/// It is renamed first, which happens whole or not at all, to a name that no reader of drills takes for one; what a kill
/// then leaves is removed by whoever prunes next. Nobody can heal or run a drill of it meanwhile: its journals are held.
pub(super) fn folder(path: &Path, journals: &[PathBuf]) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let mut held: Vec<File> = Vec::new();
    for journal in journals {
        let held_now = hold_journal(journal).map_err(failed)?;
        held.push(held_now.ok_or("somebody has begun to write its journal")?);
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let gone = match name.starts_with(PRUNED) {
        true => path.to_owned(),
        false => {
            let gone = path.with_file_name(format!("{PRUNED}{name}"));
            fs::rename(path, &gone).map_err(failed)?;
            gone
        }
    };
    // It must not come back under its old name after a crash with half of its files.
    if let Some(parent) = gone.parent() {
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(failed)?;
    }
    fs::remove_dir_all(&gone).map_err(failed)
}

/// What stands in a drill's or a sweep's folder that gameday did not write, as the reason to let it stay.
pub(super) fn stranger(path: &Path) -> Option<String> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return Some(format!("it cannot be read: {error}")),
    };
    let of_sweep = sweep::is_folder(path);
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(format!("it cannot be read: {error}")),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of a link only the link itself is looked at.
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match (folder, of_sweep) {
            (true, true) if entry.path().join(JOURNAL).is_file() => {
                if let Some(why) = stranger(&entry.path()) {
                    return Some(why);
                }
            }
            (false, _)
                if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) && is_ours(&name, of_sweep) => {}
            _ => return Some(format!("gameday did not write {name} in it")),
        }
    }
    None
}

fn is_ours(name: &str, of_sweep: bool) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    match of_sweep {
        true => OF_SWEEP.contains(&name) || name == sweep::FILE,
        false => {
            let written = [JOURNAL, RULES_FILE, TEST_FILE];
            written.contains(&name) || LEFT.contains(&name) || REPORT_FILES.contains(&name)
        }
    }
}

/// How much room the files of a folder take, links not followed.
pub(super) fn size(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| size(&entry.path()))
        .sum()
}
