//! Control groups (cgroups(7)): where a process is, and which of the files there limit it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a control group can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Cpu,
    Memory,
}

/// The versions of the kernel's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// One hierarchy a controller.
    V1,
    /// One hierarchy for all.
    V2,
}

/// A control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) version: Version,
    pub(crate) dir: PathBuf,
    /// Whether it is the root of its hierarchy, which is the whole machine.
    pub(crate) is_root: bool,
}

impl Controller {
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// The file that holds the limit.
    pub(crate) const fn file(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Cpu, Version::V2) => "cpu.max",
            (Self::Cpu, Version::V1) => "cpu.cfs_quota_us",
            (Self::Memory, Version::V2) => "memory.high",
            (Self::Memory, Version::V1) => "memory.limit_in_bytes",
        }
    }
}

/// The groups of a process that a controller governs, the newer interface first.
pub(crate) fn of_process(pid: i32, controller: Controller) -> Result<Vec<Group>, String> {
    let read = |file: &str| fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"));
    let member = read(&format!("/proc/{pid}/cgroup"))?;
    let mounts = read("/proc/self/mountinfo")?;
    let mut groups = Vec::new();
    for version in [Version::V2, Version::V1] {
        let Some(mount) = mount_point(&mounts, version, controller) else {
            continue;
        };
        let Some(path) = path_in(&member, version, controller) else {
            continue;
        };
        let dir = mount.join(path.trim_start_matches('/'));
        let is_root = dir == mount;
        // The root of version 2 has no limits, and a controller may be bound to version 1.
        if dir.join(controller.file(version)).exists() || (is_root && version == Version::V1) {
            groups.push(Group {
                version,
                dir,
                is_root,
            });
        }
    }
    Ok(groups)
}

/// The group of a folder that the user names.
pub(crate) fn of_folder(dir: &Path, controller: Controller) -> Result<Group, String> {
    let version = [Version::V2, Version::V1]
        .into_iter()
        .find(|version| dir.join(controller.file(*version)).exists())
        .ok_or_else(|| {
            format!(
                "{} is no control group with a {} controller: it has neither {} nor {}",
                dir.display(),
                controller.name(),
                controller.file(Version::V2),
                controller.file(Version::V1)
            )
        })?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_root = mount_point(&mounts, version, controller).is_some_and(|mount| mount == dir);
    Ok(Group {
        version,
        dir: dir.to_owned(),
        is_root,
    })
}

/// Where a hierarchy is mounted (proc_pid_mountinfo(5)).
fn mount_point(mountinfo: &str, version: Version, controller: Controller) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let kind = right.next()?;
        let options = right.nth(1)?;
        let ours = match version {
            Version::V2 => kind == "cgroup2",
            Version::V1 => kind == "cgroup" && options.split(',').any(|option| option == controller.name()),
        };
        ours.then(|| left.split(' ').nth(4).map(PathBuf::from))?
    })
}

/// The path of a process's group within its hierarchy (`/proc/PID/cgroup`).
fn path_in(member: &str, version: Version, controller: Controller) -> Option<&str> {
    member.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let ours = match version {
            Version::V2 => id == "0" && controllers.is_empty(),
            Version::V1 => controllers.split(',').any(|name| name == controller.name()),
        };
        ours.then_some(path)
    })
}

/// Every process of a group and of those below it.
pub(crate) fn members(dir: &Path) -> Result<Vec<i32>, String> {
    let file = dir.join("cgroup.procs");
    let text =
        fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().join("cgroup.procs").exists() {
            pids.extend(members(&entry.path())?);
        }
    }
    Ok(pids)
}

/// A process and all that it has started, as far as they are still its descendants.
pub(crate) fn family(pid: i32) -> BTreeSet<i32> {
    let all: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut family = BTreeSet::from([pid]);
    // A child may stand before its parent in the list, so as often as somebody was found.
    loop {
        let found: Vec<i32> = all
            .iter()
            .filter(|(pid, parent)| family.contains(parent) && !family.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if found.is_empty() {
            return family;
        }
        family.extend(found);
    }
}

/// The parent's id, the fourth field of `/proc/PID/stat`.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 22 0:23 / /sys rw,nosuid - sysfs sysfs rw
32 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
33 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 25 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
";
    const MEMBER: &str = "4:cpuset:/\n3:cpu,cpuacct:/system.slice/db.service\n0::/system.slice/db.service\n";

    #[test]
    fn hierarchies_are_told_apart() {
        let cpu = |version| mount_point(MOUNTS, version, Controller::Cpu);
        assert_eq!(cpu(Version::V1).unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(cpu(Version::V2).unwrap(), Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point(MOUNTS, Version::V1, Controller::Memory), None);
        assert_eq!(
            path_in(MEMBER, Version::V1, Controller::Cpu),
            Some("/system.slice/db.service")
        );
        assert_eq!(
            path_in(MEMBER, Version::V2, Controller::Memory),
            Some("/system.slice/db.service")
        );
        assert_eq!(path_in(MEMBER, Version::V1, Controller::Memory), None);
    }

    #[test]
    fn a_family_is_a_process_and_its_children_and_no_stranger() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let us = i32::try_from(std::process::id()).unwrap();
        let sleeper = i32::try_from(child.id()).unwrap();
        assert!(family(us).contains(&sleeper));
        assert!(!family(sleeper).contains(&us));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
