//! All drills of a folder together: `index.html` and `index.json` of `gameday report DIR`.

use std::fs;
use std::path::Path;

use gameday_core::journal_ends;
use gameday_report::{
    Change, Comparison, Drill, History, LeftOut, LeftOutReason, Limits, PastDrill, compare, pairs,
};

use crate::command::drills::{self, Folder, Found, JOURNAL, Unread};
use crate::command::patience::Patience;

/// A report larger than this is none of ours.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The drills of a folder that are over, and what else stands there; folders are told from it.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) drills: Vec<PastDrill>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Reads every drill of a folder.
pub(crate) fn gather(dir: &Path) -> Result<Gathered, String> {
    let Found {
        drills: folders,
        others,
        pruned,
    } = drills::find(dir)?;
    let from_here = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_owned();
    let mut gathered = Gathered {
        drills: Vec::new(),
        left_out: Vec::new(),
    };
    let mut patience = Patience::new("drills read", folders.len());
    for folder in folders {
        let own = from_here(&folder.path);
        match past(&folder, &own) {
            Ok(drill) => {
                let sweep = folder.sweep.as_deref().map(from_here);
                gathered.drills.push(drill.of_sweep(sweep.as_deref()));
            }
            Err(unread) => gathered.left_out.push(unread.left_out(&own)),
        }
        patience.step();
    }
    let others = others.into_iter();
    let half = pruned.into_iter().map(|path| {
        let why = "its removal was interrupted; gameday prune ends it";
        (path, Unread::new(LeftOutReason::Foreign, why))
    });
    gathered.left_out.extend(
        others
            .chain(half)
            .map(|(path, unread)| unread.left_out(&from_here(&path))),
    );
    Ok(gathered)
}

/// A drill from its `report.json` where that tells of this journal in the form of this build, else from the journal.
fn past(folder: &Folder, own: &Path) -> Result<PastDrill, Unread> {
    let journal = folder.journal();
    drills::over(&journal)?;
    let ends = journal_ends(&journal).map_err(|error| Unread::of(&error))?;
    let ends = ends.ok_or_else(|| Unread::new(LeftOutReason::Broken, "its journal has no whole line"))?;
    let page = folder.path.join("report.html").is_file();
    let written = report(&folder.path).and_then(|text| PastDrill::read(own, &text).ok());
    let drill = match written.filter(|drill| drill.is_of(&ends.first, &ends.last)) {
        Some(drill) => drill,
        None => PastDrill::measure(own, &drills::read(&journal)?)
            .map_err(|error| Unread::new(LeftOutReason::Broken, error))?,
    };
    Ok(drill.with_page(page))
}

fn report(folder: &Path) -> Option<Vec<u8>> {
    let path = folder.join("report.json");
    let about = fs::metadata(&path).ok()?;
    let small = about.is_file() && about.len() <= LARGEST;
    small.then(|| fs::read(&path).ok()).flatten()
}

/// Puts the drills of a folder together, with what the newest of each scenario says against the one before.
pub(crate) fn put_together(dir: &Path, gathered: Gathered) -> History {
    let Gathered { drills, left_out, .. } = gathered;
    let pairs = pairs(&drills);
    let mut patience = Patience::new("scenarios compared", pairs.len());
    let mut changes = Vec::new();
    for pair in pairs {
        let (then, now) = (&drills[pair.then], &drills[pair.now]);
        changes.push(Change::new(then, now, comparison(dir, then, now)));
        patience.step();
    }
    History::new(drills, changes, left_out)
}

/// What `gameday compare` says of two drills of a scenario.
fn comparison(dir: &Path, then: &PastDrill, now: &PastDrill) -> Result<Comparison, String> {
    let read = |drill: &PastDrill| {
        let events = drills::read(&dir.join(drill.folder()).join(JOURNAL)).map_err(|unread| unread.why)?;
        Drill::read(&events).map_err(|error| error.to_string())
    };
    let found = compare(&[read(then)?], &[read(now)?], Limits::default());
    found
        .into_iter()
        .next()
        .ok_or_else(|| "their journals are of two scenarios".to_owned())
}
