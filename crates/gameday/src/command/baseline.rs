//! The last drill of a scenario: what a new one is compared with.

use std::fs;
use std::path::{Path, PathBuf};

use gameday_core::{Baseline, is_locked, read_summed};

/// Drills that were refused or cut off are passed over, but not for ever.
const LOOK_BACK: usize = 8;

/// A journal larger than this is not read at the start of a drill.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What the last whole drill of a scenario measured, of those beside `own`; none when there is none that can be read.
pub(crate) fn of(parent: &Path, scenario: &str, own: &Path) -> Option<Baseline> {
    let mut folders: Vec<PathBuf> = fs::read_dir(parent)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path != own && is_of(path, scenario))
        .collect();
    // A name ends in the UTC start of its drill.
    folders.sort();
    folders
        .iter()
        .rev()
        .take(LOOK_BACK)
        .find_map(|folder| read(folder, scenario))
}

/// Whether a folder is named as a drill of a scenario is: `SCENARIO-20261122T…`.
fn is_of(path: &Path, scenario: &str) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let rest = name
        .strip_prefix(scenario)
        .and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| rest.len() > 8 && rest.as_bytes()[..8].iter().all(u8::is_ascii_digit))
}

fn read(folder: &Path, scenario: &str) -> Option<Baseline> {
    let journal = folder.join("journal.jsonl");
    let small = fs::metadata(&journal).is_ok_and(|about| about.len() <= LARGEST);
    if !small || is_locked(&journal).unwrap_or(true) {
        return None;
    }
    let events = read_summed(&journal).ok()?.events;
    let measured = gameday_report::measure(&[events]).ok()?;
    // One that was ended early says nothing of what a whole one takes.
    let whole = measured.scenario == scenario && measured.exit_code <= crate::exit::FAILED;
    measured.baseline().filter(|_| whole)
}
