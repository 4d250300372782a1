//! What becomes of each folder, and why; decided without touching anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gameday_core::Timestamp;
use gameday_report::{History, LeftOut, Moment, PastDrill};
use serde::Serialize;

use super::remove;
use crate::command::history::Gathered;

/// What becomes of a folder.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Fate {
    /// The folder, from the one that is pruned.
    pub(super) folder: String,
    /// The drills that stand in it.
    pub(super) drills: Vec<String>,
    /// When the last of them ended.
    pub(super) ended_at: Option<Moment>,
    /// How much room its files take.
    pub(super) bytes: u64,
    /// Whether it is removed.
    pub(super) goes: bool,
    /// Why it goes, or stays.
    pub(super) why: String,
    /// Why it could not be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    journals: Vec<PathBuf>,
}

impl Fate {
    /// Removes it, whole; what was not to be had stays and says why.
    pub(super) fn remove(&mut self, dir: &Path) {
        let journals: Vec<PathBuf> = self.journals.iter().map(|journal| dir.join(journal)).collect();
        if let Err(why) = remove::folder(&dir.join(&self.path), &journals) {
            self.error = Some(why);
        }
    }
}

/// Drills that may have a fault in place.
#[derive(Debug, Default)]
pub(super) struct Open {
    names: BTreeSet<String>,
    journals: BTreeSet<PathBuf>,
}

impl Open {
    pub(super) fn add(&mut self, drill: String, journal: &Path) {
        self.names.insert(drill);
        // One whose folder is gone is found by its name.
        self.journals.extend(journal.canonicalize());
    }

    fn holds(&self, drill: &PastDrill, journal: &Path) -> bool {
        let place = journal.canonicalize();
        self.names.contains(drill.drill()) || place.is_ok_and(|place| self.journals.contains(&place))
    }
}

/// What becomes of each drill, each sweep, and all else that stands there.
pub(super) fn decide(
    dir: &Path,
    gathered: Gathered,
    half_removed: &[PathBuf],
    open: &Open,
    before: Timestamp,
) -> Vec<Fate> {
    let Gathered { drills, left_out } = gathered;
    let needed = Needed::of(&drills, &left_out);
    let mut units: BTreeMap<PathBuf, Vec<&PastDrill>> = BTreeMap::new();
    for drill in &drills {
        let unit = drill.sweep().unwrap_or_else(|| drill.folder());
        units.entry(unit.to_owned()).or_default().push(drill);
    }
    let mut fates: Vec<Fate> = Vec::new();
    // A sweep goes whole or stays whole: its page leads to each of its points.
    for (path, drills) in units {
        let journals = drills.iter().map(|drill| drill.folder().join("journal.jsonl"));
        let mut fate = fate(dir, &path);
        fate.journals = journals.collect();
        fate.drills = drills.iter().map(|drill| drill.drill().to_owned()).collect();
        fate.ended_at = drills.iter().map(|drill| drill.ended_at()).max();
        let stays = drills.iter().find_map(|drill| {
            let journal = dir.join(drill.folder()).join("journal.jsonl");
            needed.stays(drill, open.holds(drill, &journal), before)
        });
        let inside = left_out
            .iter()
            .find(|one| Path::new(&one.folder).starts_with(&path));
        let stays = stays
            .or_else(|| inside.map(|one| format!("{} in it: {}", one.folder, one.why)))
            .or_else(|| remove::stranger(&dir.join(&path)));
        fate.goes = stays.is_none();
        fate.why = stays.unwrap_or_else(|| "it ended longer ago than is kept".to_owned());
        fates.push(fate);
    }
    fates.extend(half_removed.iter().map(|path| Fate {
        goes: true,
        why: "its removal was interrupted".to_owned(),
        ..fate(dir, path.strip_prefix(dir).unwrap_or(path))
    }));
    let told: BTreeSet<String> = fates.iter().map(|fate| fate.folder.clone()).collect();
    fates.extend(
        left_out
            .into_iter()
            .filter(|one| !told.contains(&one.folder))
            .map(|one| Fate {
                why: format!("{}: {}", one.reason.word(), one.why),
                ..fate(dir, Path::new(&one.folder))
            }),
    );
    fates.sort_by(|a, b| (!a.goes, &a.folder).cmp(&(!b.goes, &b.folder)));
    fates
}

fn fate(dir: &Path, path: &Path) -> Fate {
    Fate {
        folder: path.to_string_lossy().into_owned(),
        drills: Vec::new(),
        ended_at: None,
        bytes: remove::size(&dir.join(path)),
        goes: false,
        why: String::new(),
        error: None,
        path: path.to_owned(),
        journals: Vec::new(),
    }
}

/// Drills that something still needs, by name, with what needs them.
struct Needed(BTreeMap<String, String>);

impl Needed {
    fn of(drills: &[PastDrill], left_out: &[LeftOut]) -> Self {
        let mut needed = BTreeMap::new();
        let mut need = |drill: &str, why: String| _ = needed.entry(drill.to_owned()).or_insert(why);
        let history = History::new(drills.to_vec(), Vec::new(), left_out.to_vec());
        let mut scenarios: Vec<&str> = drills.iter().map(PastDrill::scenario).collect();
        scenarios.sort_unstable();
        scenarios.dedup();
        for scenario in scenarios {
            let of_it = || drills.iter().filter(|drill| drill.scenario() == scenario);
            let newest = of_it().max_by_key(|drill| drill.started_at());
            // A refused one is no stand-in for the last that said anything.
            let tested = of_it()
                .filter(|drill| drill.tested())
                .max_by_key(|drill| drill.started_at());
            let trend = of_it().filter(|drill| drill.tested() && drill.sweep().is_none());
            let trend = trend.max_by_key(|drill| drill.started_at());
            for drill in [newest, tested, trend].into_iter().flatten() {
                need(drill.drill(), format!("it is the newest of {scenario}"));
            }
        }
        for alert in &history.alerts {
            if let Some(proof) = alert.proof() {
                need(
                    &proof.drill,
                    format!("it is the proof of the alert {}", alert.alert),
                );
            }
            // Without the one that failed the alert would look proved.
            if let Some(last) = &alert.last {
                need(
                    &last.drill,
                    format!("it is the last test of the alert {}", alert.alert),
                );
            }
        }
        Self(needed)
    }

    /// Why a drill stays; none when it may go.
    fn stays(&self, drill: &PastDrill, open: bool, before: Timestamp) -> Option<String> {
        if open {
            return Some("a fault of it may still be in place: run gameday heal".to_owned());
        }
        if !drill.rollback_verified() {
            return Some(
                "its rollback was never verified: look whether its fault is gone, and delete it by hand"
                    .to_owned(),
            );
        }
        if drill.ended_at().time() >= before {
            return Some("it is younger than what is kept".to_owned());
        }
        self.0.get(drill.drill()).cloned()
    }
}
