//! Open drills of this machine: `$XDG_STATE_HOME/gameday/open/`, one file for each drill that may
//! have a fault in place. `gameday heal` and the next drill read it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gameday_core::{FaultName, is_locked};
use serde::{Deserialize, Serialize};

/// The folder of open drills.
#[derive(Debug, Clone)]
pub struct Registry {
    folder: PathBuf,
}

/// A drill that may have a fault in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDrill {
    /// Its name.
    pub drill: String,
    /// Its journal.
    pub journal: PathBuf,
    /// What it may touch ([`crate::Target::identity`]).
    pub targets: Vec<String>,
}

impl OpenDrill {
    /// Whether its runner lives: it holds the lock on its journal.
    #[must_use]
    pub fn is_running(&self) -> bool {
        is_locked(&self.journal).unwrap_or(false)
    }
}

/// Why a drill may not begin.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another drill has the target.
    #[error("{0}")]
    Taken(String),
    /// The folder could not be used.
    #[error("cannot use the folder of open drills {folder}: {source}")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// This drill's entry in the registry, until it is released.
#[derive(Debug)]
pub struct Claim {
    file: PathBuf,
}

impl Claim {
    /// The rollback is verified, or nothing was ever touched: the entry goes.
    ///
    /// # Errors
    /// When the file cannot be deleted.
    pub fn release(self) -> io::Result<()> {
        // The marks first: an entry without marks is safe to heal, marks without an entry are litter.
        for mark in marks(&self.file)? {
            fs::remove_file(mark)?;
        }
        fs::remove_file(&self.file)
    }
}

/// The marks of a drill's deeds, beside its entry.
fn marks(entry: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(drill)) = (entry.parent(), entry.file_stem()) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{}.", drill.to_string_lossy());
    let is_mark = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(".mark")
    };
    let entries = fs::read_dir(folder)?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_mark)
        .collect())
}

impl Registry {
    /// The registry in a state folder (`$XDG_STATE_HOME`, default `~/.local/state`).
    #[must_use]
    pub fn new(state_home: &Path) -> Self {
        Self {
            folder: state_home.join("gameday").join("open"),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All open drills; an entry that cannot be read is told by its path.
    ///
    /// # Errors
    /// When the folder exists and cannot be read.
    pub fn list(&self) -> io::Result<Vec<Result<OpenDrill, PathBuf>>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        let read = |path: PathBuf| {
            fs::read(&path)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok())
                .ok_or(path)
        };
        Ok(paths.into_iter().map(read).collect())
    }

    /// Enters a drill, unless another open one shares a target with it.
    ///
    /// # Errors
    /// [`ClaimError::Taken`] with what to do; [`ClaimError::Folder`] when nothing durable could be written.
    pub fn claim(&self, drill: &OpenDrill) -> Result<Claim, ClaimError> {
        let folder = |source| self.unusable(source);
        fs::create_dir_all(&self.folder).map_err(folder)?;
        // Two drills that begin at once take turns here.
        let gate = File::create(self.folder.join("lock")).map_err(folder)?;
        gate.lock().map_err(folder)?;
        self.look(drill)?;
        let file = self.path_of(&drill.drill);
        self.write(&file, drill).map_err(folder)?;
        Ok(Claim { file })
    }

    /// Whether a drill could be entered now; writes nothing.
    ///
    /// # Errors
    /// As [`Self::claim`], as far as it can be seen.
    pub fn look(&self, drill: &OpenDrill) -> Result<(), ClaimError> {
        for other in self.list().map_err(|source| self.unusable(source))? {
            let other = other.map_err(|path| {
                ClaimError::Taken(format!(
                    "{} cannot be read; look what it is and delete it",
                    path.display()
                ))
            })?;
            if let Some(target) = drill.targets.iter().find(|target| other.targets.contains(target)) {
                return Err(ClaimError::Taken(if other.is_running() {
                    format!("{target}: the drill {} is running on it", other.drill)
                } else {
                    format!(
                        "{target}: the drill {} died and may have left a fault; run: gameday heal",
                        other.drill
                    )
                }));
            }
        }
        Ok(())
    }

    fn unusable(&self, source: io::Error) -> ClaimError {
        ClaimError::Folder {
            folder: self.folder.clone(),
            source,
        }
    }

    /// The claim of a drill that is already entered: for `heal`.
    #[must_use]
    pub fn existing(&self, drill: &OpenDrill) -> Claim {
        Claim {
            file: self.path_of(&drill.drill),
        }
    }

    /// Where a helper marks how far its deed for a fault of a drill is; each trial has its own.
    pub(crate) fn mark(&self, drill: &str, trial: u32, fault: &FaultName) -> PathBuf {
        self.folder.join(match trial {
            0 => format!("{drill}.{fault}.mark"),
            trial => format!("{drill}.{trial}.{fault}.mark"),
        })
    }

    fn path_of(&self, drill: &str) -> PathBuf {
        self.folder.join(format!("{drill}.json"))
    }

    fn write(&self, path: &Path, drill: &OpenDrill) -> io::Result<()> {
        // Whole or not there: a runner that is killed in between must leave nothing that stops everybody.
        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec_pretty(drill)?)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gameday_core::{Clock, Journal};

    fn open(dir: &Path, drill: &str, target: &str) -> OpenDrill {
        OpenDrill {
            drill: drill.into(),
            journal: dir.join(format!("{drill}.jsonl")),
            targets: vec![target.into()],
        }
    }

    #[test]
    fn a_target_belongs_to_one_drill_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(dir.path());
        let first = open(dir.path(), "a", "proxy db");
        let journal = Journal::create(&first.journal, Clock::start()).unwrap();
        let claim = registry.claim(&first).unwrap();
        registry.claim(&open(dir.path(), "c", "proxy cache")).unwrap();

        let refused = registry
            .claim(&open(dir.path(), "b", "proxy db"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("running"), "{refused}");
        drop(journal);
        let refused = registry
            .claim(&open(dir.path(), "b", "proxy db"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("gameday heal"), "{refused}");

        claim.release().unwrap();
        registry.claim(&open(dir.path(), "b", "proxy db")).unwrap();
        assert_eq!(registry.list().unwrap().len(), 2);
    }

    #[test]
    fn an_entry_that_cannot_be_read_stops_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::new(dir.path());
        fs::create_dir_all(registry.folder()).unwrap();
        fs::write(registry.folder().join("x.json"), "{").unwrap();
        assert!(registry.claim(&open(dir.path(), "a", "proxy db")).is_err());
    }
}
