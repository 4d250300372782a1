//! A control group gets less: of the CPUs, or of memory before it is reclaimed.
//!
//! Where the target has a group of its own, its limit is changed and changed back. Where it shares one, limiting that would
//! touch others; the older interface (version 1) lets the target be moved into a group made for this, and back.

mod place;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gameday_core::{ByteSize, Timestamp};
use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

use super::{Act, Failed, Hold, SELDOM, Seen, State};
use crate::cgroup::{self, Controller, Version};
use crate::process::state;
pub use place::Place;

/// Limits a control group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Whose group.
    pub of: Whose,
    /// What it gets.
    pub allowance: Allowance,
    /// The name of the group that is made where the target has none of its own.
    pub name: String,
    /// What is changed, found right before.
    #[serde(default)]
    pub place: Option<Place>,
}

/// Whose group is limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The process's whose id this file holds.
    Process(PathBuf),
    /// This one itself.
    Group(PathBuf),
}

/// What a group gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// So many thousandths of a CPU.
    CpuThousandths(u64),
    /// So many bytes before the kernel takes memory back from it.
    MemoryBytes(u64),
}

/// How well the moment of the first effect is known.
const UNTIL_FIRST: Duration = Duration::from_millis(50);
/// A group is empty this soon after its processes were told to leave.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);
const PERIOD_US: u64 = 100_000;

impl Allowance {
    const fn controller(self) -> Controller {
        match self {
            Self::CpuThousandths(_) => Controller::Cpu,
            Self::MemoryBytes(_) => Controller::Memory,
        }
    }

    /// What is written into the limit's file.
    fn text(self, version: Version, dir: &Path) -> String {
        match (self, version) {
            (Self::CpuThousandths(cpus), Version::V2) => format!("{} {PERIOD_US}", cpus * PERIOD_US / 1000),
            (Self::CpuThousandths(cpus), Version::V1) => {
                let period = fs::read_to_string(dir.join("cpu.cfs_period_us")).ok();
                let period = period
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or(PERIOD_US);
                (cpus * period / 1000).to_string()
            }
            // The kernel counts in pages.
            (Self::MemoryBytes(bytes), _) => (bytes / 4096 * 4096).to_string(),
        }
    }
}

/// For people.
impl std::fmt::Display for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a number for people")]
            Self::CpuThousandths(cpus) => write!(f, "{} CPUs", *cpus as f64 / 1000.0),
            Self::MemoryBytes(bytes) => write!(f, "{} of memory", ByteSize::from_value(*bytes)),
        }
    }
}

impl Limit {
    pub(super) fn prepare(&mut self) {
        self.place = self.find().ok();
    }

    fn place(&self) -> Result<&Place, String> {
        self.place.as_ref().ok_or_else(|| {
            self.find()
                .err()
                .unwrap_or_else(|| "its place was not found in time".to_owned())
        })
    }
}

fn read(file: &Path) -> Result<String, String> {
    let text =
        fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                ": run gameday as root, or have the group delegated to you (`systemd-run --user --scope -p Delegate=yes`)"
            }
            _ => "",
        };
        format!("cannot write {text} to {}: {error}{remedy}", file.display())
    })
}

impl Act for Limit {
    fn check(&self) -> Result<String, String> {
        let place = self.find()?;
        let may = |path: &Path| {
            access(path, AccessFlags::W_OK).map_err(|error| {
                format!(
                    "{} cannot be written: {error}: run gameday as root, or have the group delegated to you",
                    path.display()
                )
            })
        };
        match place {
            Place::Own { dir, version, before } => {
                let file = dir.join(self.allowance.controller().file(version));
                may(&file)?;
                Ok(format!(
                    "{} would get {} ({} now)",
                    dir.display(),
                    self.allowance,
                    before
                ))
            }
            Place::Made { dir, from, pid } => {
                may(&from)?;
                Ok(format!(
                    "process {pid} would be moved to {} and get {}",
                    dir.display(),
                    self.allowance
                ))
            }
        }
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let controller = self.allowance.controller();
        let (dir, version) = match self.place()? {
            Place::Own { dir, version, before } => {
                let file = dir.join(controller.file(*version));
                if read(&file)? != *before {
                    return Err(format!("somebody has just changed {}", file.display()).into());
                }
                write(&file, &self.allowance.text(*version, dir))?;
                (dir, *version)
            }
            Place::Made { dir, pid, .. } => {
                fs::create_dir(dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
                write(
                    &dir.join(controller.file(Version::V1)),
                    &self.allowance.text(Version::V1, dir),
                )
                .and_then(|()| move_to(dir, cgroup::family(*pid).into_iter().collect()))
                .map_err(Failed::Half)?;
                (dir, Version::V1)
            }
        };
        let file = dir.join(controller.file(version));
        let (written, touched) = (read(&file).map_err(Failed::Half)?, touched(controller, dir));
        Ok(Box::new(Limited {
            deed: self.clone(),
            dir: dir.clone(),
            file,
            written,
            before: touched,
            first: None,
        }))
    }

    fn undo(&self) -> Result<String, String> {
        match self.place()? {
            Place::Own { dir, version, before } => {
                let file = dir.join(self.allowance.controller().file(*version));
                // A service that was stopped takes its group with it, and its limit.
                if !file.exists() {
                    return Ok(format!("{} is gone", dir.display()));
                }
                write(&file, before)?;
            }
            Place::Made { dir, from, .. } => leave(dir, from)?,
        }
        self.verify()
    }

    fn verify(&self) -> Result<String, String> {
        match self.place()? {
            Place::Own { dir, version, before } => {
                let file = dir.join(self.allowance.controller().file(*version));
                match read(&file) {
                    Ok(now) if now != *before => Err(format!("{} is {now}, not {before}", file.display())),
                    Ok(now) => Ok(format!("{} is {now} as before", file.display())),
                    Err(_) if !file.exists() => Ok(format!("{} is gone", dir.display())),
                    Err(why) => Err(why),
                }
            }
            Place::Made { dir, .. } if dir.exists() => Err(format!("{} is still there", dir.display())),
            Place::Made { dir, .. } => Ok(format!("{} is gone", dir.display())),
        }
    }

    fn takes(&self) -> Duration {
        EMPTY_WITHIN
    }
}

/// Moves processes into a group; one that has ended meanwhile needs no moving.
fn move_to(dir: &Path, pids: Vec<i32>) -> Result<(), String> {
    let file = dir.join("cgroup.procs");
    for pid in pids {
        if let Err(why) = write(&file, &pid.to_string())
            && state(pid).is_some()
        {
            return Err(why);
        }
    }
    Ok(())
}

/// Moves all processes back, those that were started meanwhile as well, and removes the group.
fn leave(dir: &Path, from: &Path) -> Result<(), String> {
    let deadline = Instant::now() + EMPTY_WITHIN;
    while dir.exists() {
        move_to(from, cgroup::members(dir)?)?;
        match fs::remove_dir(dir) {
            Ok(()) => break,
            Err(error) if Instant::now() >= deadline => {
                return Err(format!("cannot remove {}: {error}", dir.display()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(())
}

/// How often the group was held back so far.
fn touched(controller: Controller, dir: &Path) -> Option<u64> {
    let (file, key) = match controller {
        Controller::Cpu => ("cpu.stat", "nr_throttled"),
        Controller::Memory => ("memory.events", "high"),
    };
    let text = fs::read_to_string(dir.join(file)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().parse().ok()
}

struct Limited {
    deed: Limit,
    dir: PathBuf,
    file: PathBuf,
    /// The limit as the kernel shows it.
    written: String,
    before: Option<u64>,
    first: Option<Timestamp>,
}

impl Hold for Limited {
    fn look(&mut self) -> Seen {
        let now = touched(self.deed.allowance.controller(), &self.dir);
        let touched = now
            .unwrap_or_default()
            .saturating_sub(self.before.unwrap_or_default());
        if touched > 0 {
            self.first.get_or_insert_with(Timestamp::now);
        }
        let state = match read(&self.file) {
            Ok(now) if now != self.written => {
                State::Lost(format!("somebody else changed {} to {now}", self.file.display()))
            }
            Err(_) if !self.file.exists() => State::Lost(format!("{} is gone", self.dir.display())),
            Err(why) => State::Unknown(why),
            Ok(_) if now.is_none() => State::Unknown(format!(
                "{} does not tell how often it was held back",
                self.dir.display()
            )),
            Ok(_) => State::Holds,
        };
        let first = self.first;
        Seen {
            touched,
            first,
            state,
        }
    }

    fn undo(&mut self) -> Result<String, String> {
        self.deed.undo()
    }

    fn every(&self) -> Duration {
        if self.first.is_some() { SELDOM } else { UNTIL_FIRST }
    }
}

#[cfg(test)]
mod tests;
