//! `gameday prune`: removes drills that are old and that nothing needs any more.
//!
//! ```text
//!   gather ─► Fate of each folder ─► shown ─► asked ─► removed ─► the index is made again
//! ```

mod fate;
mod remove;
mod show;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gameday_core::{Span, Timestamp};
use gameday_drill::Registry;
use gameday_report::{INDEX_FILES, write_index};

use crate::command::{self, drills, history};
use crate::exit;
use crate::output::{self, Output};

use fate::{Fate, Open};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 removed, or nothing to remove; 1 some could not be removed; 2 your arguments, or nobody \
                  could be asked; 4 not confirmed\n\nNever removed: a drill that runs or may have a fault in place, the newest of \
                  each scenario, the last that tested an alert and the last that proved it, and folders that hold anything \
                  gameday did not write. Links are not followed."
)]
pub(crate) struct PruneArgs {
    /// The folder of drills
    #[arg(value_name = "DIR", default_value = "drills")]
    dir: PathBuf,
    /// Drills that ended longer ago than this are removed, e.g. 90d
    #[arg(long, value_name = "SPAN")]
    keep: Span,
    /// Tell what would go and what stays, and why; remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before anything is removed
    #[arg(long)]
    yes: bool,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Why it did not come to an end.
enum Failure {
    Usage(String),
    Refused(String),
}

pub(crate) fn prune(args: &PruneArgs) -> ExitCode {
    match work(args) {
        Ok(code) => code.into(),
        Err(Failure::Usage(why)) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
        Err(Failure::Refused(why)) => {
            output::say(&why);
            exit::REFUSED.into()
        }
    }
}

fn work(args: &PruneArgs) -> Result<u8, Failure> {
    let now = Timestamp::now();
    let mut fates = fates(args, now).map_err(Failure::Usage)?;
    let going = fates.iter().filter(|fate| fate.goes).count();
    if going > 0 && !args.dry_run {
        confirm(args, &fates)?;
        fates
            .iter_mut()
            .filter(|fate| fate.goes)
            .for_each(|fate| fate.remove(&args.dir));
        index_again(&args.dir).map_err(Failure::Usage)?;
    }
    show::tell(args, &fates);
    let failed = fates.iter().any(|fate| fate.error.is_some());
    Ok(if failed { exit::FAILED } else { exit::OK })
}

/// What becomes of each folder, by name.
fn fates(args: &PruneArgs, now: Timestamp) -> Result<Vec<Fate>, String> {
    let gathered = history::gather(&args.dir)?;
    let half_removed = drills::find(&args.dir)?.pruned;
    let keep_us = i64::try_from(args.keep.get().as_micros()).unwrap_or(i64::MAX);
    let before = Timestamp::from_micros(now.as_micros().saturating_sub(keep_us));
    Ok(fate::decide(&args.dir, gathered, &half_removed, &open()?, before))
}

/// Drills of this machine that may have a fault in place.
fn open() -> Result<Open, String> {
    let registry = Registry::new(&command::state_home()?);
    let listed = registry.list().map_err(|error| {
        format!(
            "cannot read the folder of open drills {}: {error}",
            registry.folder().display()
        )
    })?;
    let mut open = Open::default();
    for entry in listed {
        let entry = entry.map_err(|path| {
            format!(
                "{} cannot be read, so nobody knows which drill is open; look what it is and delete it",
                path.display()
            )
        })?;
        open.add(entry.drill, &entry.journal);
    }
    Ok(open)
}

fn confirm(args: &PruneArgs, fates: &[Fate]) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "drills would be removed, and nobody can be asked: pass --yes, or --dry-run to see which"
                .to_owned(),
        ));
    }
    output::say(&show::text(args, fates));
    match output::ask("Remove them?") {
        true => Ok(()),
        false => Err(Failure::Refused("not confirmed: nothing was removed".to_owned())),
    }
}

/// Makes the index again, where there is one.
fn index_again(dir: &Path) -> Result<(), String> {
    if !INDEX_FILES.iter().any(|name| dir.join(name).is_file()) {
        return Ok(());
    }
    let history = history::put_together(dir, history::gather(dir)?);
    write_index(dir, &history)
        .map_err(|error| format!("cannot write the index in {}: {error}", dir.display()))
}
