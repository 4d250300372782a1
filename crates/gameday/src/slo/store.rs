//! Budgets and alerts on disk, so that a restart forgets neither what was spent nor who was told.
//!
//! Two files: `alerts.json` is small and written at each change, `budgets.json` now and then. A file that is not what
//! was written is put aside and said so; what it held begins anew.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gameday_alert::{BurnAlert, History, Stage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::budgets::{Budgets, Kept};
use super::promise::Id;
use crate::notify::Told;
use crate::output;

const ALERTS: &str = "alerts.json";
const BUDGETS: &str = "budgets.json";
/// A longer file is none of ours: some 20,000 budgets.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The folder, which is this prober's alone while it runs.
pub(crate) struct Store {
    dir: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsFile {
    alerts: Vec<(Id, BurnAlert)>,
    told: Told,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsFile {
    budgets: Vec<(Id, History)>,
}

impl Store {
    /// Takes the folder.
    ///
    /// # Errors
    /// In words: it cannot be made, or another prober has it.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, String> {
        let wrong = |error: io::Error| format!("the folder for budgets, {}: {error}", dir.display());
        fs::create_dir_all(&dir).map_err(wrong)?;
        let lock = File::create(dir.join("lock")).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(format!(
                "another prober keeps its own in {}: `--budgets DIR` names another folder",
                dir.display()
            )),
            Err(TryLockError::Error(error)) => Err(wrong(error)),
        }
    }

    /// What was kept.
    pub(super) fn load(&self) -> (BTreeMap<Id, Kept>, Told) {
        let alerts = self.read::<AlertsFile>(ALERTS, "alerts");
        let budgets = self.read::<BudgetsFile>(BUDGETS, "budgets");
        let mut kept: BTreeMap<Id, Kept> = BTreeMap::new();
        let fresh = || Kept {
            history: None,
            alerts: Vec::new(),
        };
        for (id, history) in budgets.map(|file| file.budgets).unwrap_or_default() {
            kept.entry(id).or_insert_with(fresh).history = Some(history);
        }
        let (alerts, told) = alerts.map_or((Vec::new(), Told::default()), |file| (file.alerts, file.told));
        for (id, alert) in alerts {
            kept.entry(id).or_insert_with(fresh).alerts.push(alert);
        }
        (kept, told)
    }

    fn read<T: DeserializeOwned>(&self, name: &str, what: &str) -> Option<T> {
        let path = self.dir.join(name);
        let why = match read_json(&path) {
            Ok(read) => return read,
            Err(why) => why,
        };
        let aside = path.with_extension("bad");
        let kept = match fs::rename(&path, &aside) {
            Ok(()) => format!("it is kept as {}", aside.display()),
            Err(error) => format!("and it cannot be put aside: {error}"),
        };
        output::say(&format!(
            "slo: {} cannot be read ({why}); {kept}. The {what} begin anew",
            path.display()
        ));
        None
    }

    /// Writes down which alerts stand where, and who was told.
    pub(super) fn save_alerts(&self, budgets: &Budgets) {
        let known = budgets.read();
        let alerts = known.budgets.iter().flat_map(|(id, budget)| {
            let active = budget
                .alerts
                .iter()
                .filter(|alert| alert.stage != Stage::Inactive);
            active.map(|alert| (id.clone(), *alert))
        });
        let alerts = alerts.collect();
        drop(known);
        self.write(
            ALERTS,
            &AlertsFile {
                alerts,
                told: budgets.board.told(),
            },
        );
    }

    /// Writes down what was counted.
    pub(super) fn save_budgets(&self, budgets: &Budgets) {
        let known = budgets.read();
        let budgets = known.budgets.iter();
        let histories = budgets
            .map(|(id, budget)| (id.clone(), budget.history.clone()))
            .collect();
        drop(known);
        self.write(BUDGETS, &BudgetsFile { budgets: histories });
    }

    /// A reader finds the old file or the new one, never a part.
    fn write(&self, name: &str, value: &impl Serialize) {
        let (path, next) = (self.dir.join(name), self.dir.join(format!("{name}.next")));
        let written = serde_json::to_vec(value)
            .map_err(io::Error::from)
            .and_then(|bytes| {
                let mut file = File::create(&next)?;
                file.write_all(&bytes)?;
                file.sync_data()?;
                fs::rename(&next, &path)
            });
        if let Err(error) = written {
            output::say(&format!("slo: {} cannot be written: {error}", path.display()));
        }
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("it is too large".to_owned());
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| error.to_string())
}
