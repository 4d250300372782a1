//! Which control group is limited: the target's own, or one that is made for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Limit, Whose, read};
use crate::cgroup::{self, Controller, Group, Version};
use crate::process::read_pid;

/// What is changed, and how it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A limit of the target's own group.
    Own {
        /// The group's folder.
        dir: PathBuf,
        /// Which interface it has.
        version: Version,
        /// What its limit was.
        before: String,
    },
    /// A group below the target's, made for this.
    Made {
        /// Its folder.
        dir: PathBuf,
        /// The folder of the group that the target was in.
        from: PathBuf,
        /// The process that is moved, with its family.
        pid: i32,
    },
}

impl Limit {
    /// What would be changed.
    pub(super) fn find(&self) -> Result<Place, String> {
        let controller = self.allowance.controller();
        match &self.of {
            Whose::Group(dir) => {
                let group = cgroup::of_folder(dir, controller)?;
                if group.is_root {
                    return Err(format!(
                        "{} is the whole machine: name a group below it",
                        dir.display()
                    ));
                }
                own(group, controller)
            }
            Whose::Process(pid_file) => self.of_process(read_pid(pid_file)?),
        }
    }

    fn of_process(&self, pid: i32) -> Result<Place, String> {
        let controller = self.allowance.controller();
        let groups = cgroup::of_process(pid, controller)?;
        let family = cgroup::family(pid);
        let mut strangers = Vec::new();
        for group in &groups {
            let others: Vec<i32> = cgroup::members(&group.dir)?
                .into_iter()
                .filter(|other| !family.contains(other))
                .collect();
            if !group.is_root && others.is_empty() {
                return own(group.clone(), controller);
            }
            strangers.extend(others);
        }
        let shared = groups
            .iter()
            .find(|group| group.version == Version::V1 && controller == Controller::Cpu);
        if let Some(group) = shared {
            let (dir, from) = (group.dir.join(&self.name), group.dir.clone());
            return Ok(Place::Made { dir, from, pid });
        }
        Err(self.refusal(pid, &groups, &strangers))
    }

    /// What to do where it is not possible.
    fn refusal(&self, pid: i32, groups: &[Group], strangers: &[i32]) -> String {
        let what = match self.allowance.controller() {
            Controller::Cpu => "a CPU quota",
            Controller::Memory => "`memory.high`, which only version 2 of control groups has",
        };
        match groups.first() {
            None => format!(
                "this machine has no control group of process {pid} with {what}; a `host` target can be put under pressure everywhere"
            ),
            Some(group) => format!(
                "process {pid} shares the control group {} with {} others: limiting it would touch them; run it in one of its own (`systemd-run --scope`), or name the group as a target, if all of it is meant",
                group.dir.display(),
                strangers.len()
            ),
        }
    }
}

fn own(group: Group, controller: Controller) -> Result<Place, String> {
    // The limit of version 1 ends in a kill within the group, and nobody could undo that.
    if controller == Controller::Memory && group.version == Version::V1 {
        return Err(format!(
            "{} is of version 1 of control groups, whose memory limit kills: memory is put under pressure with version 2 alone, or on a `host` target",
            group.dir.display()
        ));
    }
    let before = read(&group.dir.join(controller.file(group.version)))?;
    Ok(Place::Own {
        dir: group.dir,
        version: group.version,
        before,
    })
}
