//! What a sweep is to do and has done, in its folder: enough to go on with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use gameday_report::SweptVariable;
use serde::{Deserialize, Serialize};

use crate::cli::{Lab, SweepArgs};
use crate::exit;

/// What makes a folder that of a sweep.
pub(crate) const FILE: &str = "sweep-state.json";
/// More drills than this are no sweep.
const MOST_POINTS: usize = 500;

/// Whether a folder is that of a sweep.
pub(crate) fn is_folder(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// A sweep as far as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    scenario: PathBuf,
    over: Vec<(String, Vec<String>)>,
    set: BTreeMap<String, String>,
    trials: Option<u32>,
    seed: Option<u64>,
    lab: Option<String>,
    done: Vec<Option<Done>>,
}

/// A point that was run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    /// The name of its drill, which is that of its folder; none when none was made.
    pub(super) drill: Option<String>,
    pub(super) exit_code: u8,
}

impl State {
    pub(super) fn new(args: &SweepArgs) -> Result<Self, String> {
        let scenario = args.scenario.as_ref().ok_or("a sweep needs a scenario")?;
        let scenario = std::path::absolute(scenario).map_err(|error| error.to_string())?;
        let mut over: Vec<(String, Vec<String>)> = Vec::new();
        for (name, values) in &args.over {
            if over.iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` is swept twice: give all its values at once"));
            }
            if args.set.iter().any(|(set, _)| set == name) {
                return Err(format!("`{name}` is both set and swept"));
            }
            let mut values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
            values.dedup();
            if values.iter().any(String::is_empty) {
                return Err(format!("a value of `{name}` is empty"));
            }
            over.push((name.clone(), values));
        }
        let points = over
            .iter()
            .try_fold(1_usize, |count, (_, values)| count.checked_mul(values.len()));
        match points {
            Some(1..=MOST_POINTS) if !over.is_empty() => {}
            Some(_) if over.is_empty() => {
                return Err("nothing to sweep: give --over NAME=VALUE,VALUE".to_owned());
            }
            _ => return Err(format!("the grid has more than {MOST_POINTS} points")),
        }
        Ok(Self {
            scenario,
            over,
            set: args.set.iter().cloned().collect(),
            trials: args.trials,
            seed: args.seed,
            lab: match args.lab {
                Lab::Auto => None,
                Lab::Real => Some("real".to_owned()),
                Lab::Embedded => Some("embedded".to_owned()),
            },
            done: vec![None; points.unwrap_or_default()],
        })
    }

    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let state: Self =
            serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if state.done.len() != state.points().len() {
            return Err(format!("{}: it does not fit its own grid", path.display()));
        }
        Ok(state)
    }

    /// Whole or as it was before.
    pub(super) fn write(&self, folder: &Path) -> Result<(), String> {
        let (path, part) = (folder.join(FILE), folder.join(format!("{FILE}.part")));
        let text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &path));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    pub(super) fn scenario(&self) -> PathBuf {
        self.scenario.clone()
    }

    pub(super) fn over(&self) -> Vec<SweptVariable> {
        let variable = |(name, values): &(String, Vec<String>)| SweptVariable {
            name: name.clone(),
            values: values.clone(),
        };
        self.over.iter().map(variable).collect()
    }

    /// The same phases and dice at each point: then what differs is the magnitude.
    pub(super) fn seed_or(&mut self, draw: impl FnOnce() -> u64) {
        self.seed = Some(self.seed.unwrap_or_else(draw));
    }

    /// The grid: the last variable changes first.
    pub(super) fn points(&self) -> Vec<BTreeMap<String, String>> {
        let mut points = vec![BTreeMap::new()];
        for (name, values) in &self.over {
            points = points
                .iter()
                .flat_map(|point| {
                    values.iter().map(move |value| {
                        let mut point: BTreeMap<String, String> = point.clone();
                        point.insert(name.clone(), value.clone());
                        point
                    })
                })
                .collect();
        }
        points
    }

    /// Every variable that is set at a point.
    pub(super) fn set_at(&self, point: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        self.set
            .iter()
            .chain(point)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Whether a point needs no other run: it was measured, whatever came out.
    pub(super) fn is_done(&self, index: usize) -> bool {
        let done = self.done.get(index).and_then(Option::as_ref);
        done.is_some_and(|done| matches!(done.exit_code, exit::OK | exit::FAILED))
    }

    pub(super) fn done(&mut self, index: usize, done: Done) {
        self.done[index] = Some(done);
    }

    pub(super) fn drill(&self, index: usize) -> Option<String> {
        self.done.get(index)?.as_ref()?.drill.clone()
    }

    /// 0 when every point was measured, whatever came out: a fault that is not seen is an answer, not a failure.
    pub(super) fn exit_code(&self, stopped: bool) -> u8 {
        let codes = || self.done.iter().flatten().map(|done| done.exit_code);
        match () {
            () if codes().any(|code| code == exit::UNVERIFIED) => exit::UNVERIFIED,
            () if stopped => exit::ABORTED,
            () if (0..self.done.len()).all(|index| self.is_done(index)) => exit::OK,
            () => exit::FAILED,
        }
    }

    /// The arguments of a point's `gameday run`.
    pub(super) fn run_arguments(&self, point: &BTreeMap<String, String>, folder: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![
            "run".into(),
            self.scenario.clone().into(),
            "--yes".into(),
            "--point".into(),
        ];
        words.extend(["--out".into(), folder.into()]);
        for (name, value) in self.set_at(point) {
            words.extend(["--set".into(), format!("{name}={value}").into()]);
        }
        let options = [
            ("--trials", self.trials.map(|trials| trials.to_string())),
            ("--seed", self.seed.map(|seed| seed.to_string())),
            ("--lab", self.lab.clone()),
        ];
        for (option, value) in options {
            if let Some(value) = value {
                words.extend([option.into(), value.into()]);
            }
        }
        words
    }
}
