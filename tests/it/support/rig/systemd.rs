//! A systemd of one's own (`systemd --user`) with one unit, in a control group and a mount namespace of its own.
//!
//! It needs root. In the machine's own groups it would move everybody's processes about; in its own it does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use crate::support::{Killed, wait_for};

/// The unit that can be broken.
pub(crate) const UNIT: &str = "gameday-test.service";

pub(crate) struct Systemd {
    runtime: PathBuf,
    groups: Vec<PathBuf>,
    _manager: Killed,
}

impl Systemd {
    /// None where it cannot be: not as root, or without systemd.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let program = Path::new("/lib/systemd/systemd");
        if !Uid::effective().is_root() || !program.exists() {
            println!("no systemd is tried: it needs root and the package systemd");
            return None;
        }
        let (runtime, config) = (folder.join("run"), folder.join("config"));
        let units = config.join("systemd/user");
        fs::create_dir_all(&units).unwrap();
        fs::create_dir(&runtime).unwrap();
        let unit = "[Service]\nExecStart=/bin/sleep 600\n[Unit]\nStartLimitIntervalSec=0\n";
        fs::write(units.join(UNIT), unit).unwrap();
        let groups = groups(folder);
        let enter: String = groups
            .iter()
            .map(|group| format!("echo $$ > {}/cgroup.procs\n", group.display()))
            .collect();
        // It runs only where it finds that folder, which this machine may not have and must not get.
        let script = format!(
            "set -e\n{enter}mount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/system\nexec {} --user",
            program.display()
        );
        let manager = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("XDG_CONFIG_HOME", &config)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let systemd = Self {
            runtime,
            groups,
            _manager: Killed(manager),
        };
        wait_for("systemd to answer", Duration::from_secs(20), || {
            systemd.systemctl(&["start", UNIT]).then_some(())
        });
        Some(systemd)
    }

    /// What programs need to reach it.
    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime
    }

    pub(crate) fn is_active(&self) -> bool {
        self.systemctl(&["is-active", "--quiet", UNIT])
    }

    pub(crate) fn systemctl(&self, words: &[&str]) -> bool {
        let status = Command::new("systemctl")
            .arg("--user")
            .args(words)
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // Whatever it has started is in its groups.
        for _ in 0..50 {
            let left: Vec<i32> = self.groups.iter().flat_map(|group| members(group)).collect();
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.groups.iter().for_each(|group| remove(group));
    }
}

/// New groups in the hierarchies that systemd uses, both versions of them.
fn groups(folder: &Path) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let name = format!("gameday-test-{}", folder.file_name().unwrap().to_str().unwrap());
    let hierarchies = ["systemd", "unified", "."].map(|hierarchy| root.join(hierarchy));
    let usable = hierarchies
        .into_iter()
        .filter(|hierarchy| hierarchy.join("cgroup.procs").exists());
    let groups: Vec<PathBuf> = usable.map(|hierarchy| hierarchy.join(&name)).collect();
    groups.iter().for_each(|group| fs::create_dir(group).unwrap());
    groups
}

fn below(group: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir())
}

fn members(group: &Path) -> Vec<i32> {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter_map(|line| line.parse().ok());
    own.chain(below(group).flat_map(|group| members(&group)))
        .collect()
}

fn remove(group: &Path) {
    below(group).for_each(|group| remove(&group));
    let _ = fs::remove_dir(group);
}
