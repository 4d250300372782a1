//! What goes and what stays, for people and for programs.

use gameday_core::printable;
use gameday_report::Grid;
use serde_json::json;

use super::PruneArgs;
use super::fate::Fate;
use crate::output::{self, Output};

/// Prints what was done, or would be.
pub(super) fn tell(args: &PruneArgs, fates: &[Fate]) {
    match args.output {
        Output::Text => output::print(&text(args, fates)),
        Output::Json => {
            let (go, stay): (Vec<&Fate>, Vec<&Fate>) = fates.iter().partition(|fate| fate.goes);
            output::print_json(&json!({
                "schema": 1,
                "dry_run": args.dry_run,
                "removed": go,
                "kept": stay,
                "freed_bytes": freed(fates),
            }));
        }
    }
    for fate in fates {
        if let Some(error) = &fate.error {
            let line = format!("error: {} could not be removed: {error}", fate.folder);
            output::say(&printable(&line));
        }
    }
}

fn freed(fates: &[Fate]) -> u64 {
    let gone = fates.iter().filter(|fate| fate.goes && fate.error.is_none());
    gone.map(|fate| fate.bytes).sum()
}

/// As a table, and a line below it.
pub(super) fn text(args: &PruneArgs, fates: &[Fate]) -> String {
    let mut grid = Grid::new(&["", "folder", "ended", "size", "why"], &[3]);
    for fate in fates {
        let word = match (fate.goes, &fate.error) {
            (true, None) => "goes",
            (true, Some(_)) => "failed",
            _ => "stays",
        };
        grid.row([
            word.to_owned(),
            fate.folder.clone(),
            fate.ended_at
                .map_or_else(|| "-".to_owned(), |at| at.text().chars().take(10).collect()),
            size(fate.bytes),
            fate.why.clone(),
        ]);
    }
    let going = fates
        .iter()
        .filter(|fate| fate.goes && fate.error.is_none())
        .count();
    let line = format!(
        "{going} go ({}), {} stay",
        size(freed(fates)),
        fates.len() - going
    );
    let line = if args.dry_run {
        format!("{line}; nothing was removed")
    } else {
        line
    };
    match fates.is_empty() {
        true => "nothing stands there".to_owned(),
        false => format!("{}\n\n{line}", grid.text()),
    }
}

/// `12 B`, `3.4 kB`, `5.6 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes / 100 % 10),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}
