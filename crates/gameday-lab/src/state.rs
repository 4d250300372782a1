//! Which labs are running: one small file each, so that `lab down` can find them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{LabError, LabKind};

/// Every lab's folder begins with this; no other folder is ever removed.
pub(crate) const FOLDER_PREFIX: &str = "gameday-lab-";
/// A lab has this long to stop.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A lab that [`down`] has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoppedLab {
    /// Its supervisor.
    pub pid: u32,
    /// What it was made of.
    pub kind: LabKind,
    /// Its folder, now gone.
    pub dir: PathBuf,
    /// True if it was running; false if it had been killed before and only its folder was left.
    pub was_running: bool,
}

/// Stops every lab of this user and removes what killed ones have left.
pub async fn down() -> Result<Vec<StoppedLab>, LabError> {
    down_in(&state_folder()).await
}

async fn down_in(folder: &Path) -> Result<Vec<StoppedLab>, LabError> {
    let mut stopped = Vec::new();
    for (file, entry) in entries(folder) {
        let was_running = entry.supervisor.is_alive();
        if was_running {
            entry.stop().await?;
        }
        entry
            .remove_folder()
            .map_err(LabError::io(format!("remove {}", entry.dir.display())))?;
        remove_if_there(&file).map_err(LabError::io(format!("remove {}", file.display())))?;
        let Entry {
            supervisor,
            kind,
            dir,
            ..
        } = entry;
        stopped.push(StoppedLab {
            pid: supervisor.pid,
            kind,
            dir,
            was_running,
        });
    }
    Ok(stopped)
}

/// Writes the file of this process' lab, or writes it anew when more children are known.
pub(crate) fn remember(
    kind: LabKind,
    dir: &Path,
    children: impl Iterator<Item = u32>,
) -> Result<(), LabError> {
    let folder = state_folder();
    let doing = || format!("remember the lab in {}", folder.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(LabError::io(doing()))?;
    let entry = Entry {
        supervisor: Process::of(std::process::id()),
        kind,
        dir: dir.to_owned(),
        children: children.map(Process::of).collect(),
    };
    let text = serde_json::to_vec_pretty(&entry).expect("an entry is plain data");
    // Written aside and renamed, so that nobody reads half of it.
    let (path, aside) = (
        file_of(&folder, std::process::id()),
        folder.join(format!("{}.new", std::process::id())),
    );
    fs::write(&aside, text)
        .and_then(|()| fs::rename(&aside, &path))
        .map_err(LabError::io(doing()))
}

/// Removes the file of a lab that has stopped.
pub(crate) fn forget(pid: u32) {
    // If it cannot be removed, the next `up` or `down` will see that the process has gone.
    let _ = fs::remove_file(file_of(&state_folder(), pid));
}

/// Removes files and folders of labs whose supervisor was killed.
pub(crate) fn forget_dead_labs() {
    for (file, entry) in entries(&state_folder()) {
        if !entry.supervisor.is_alive() && entry.remove_folder().is_ok() {
            let _ = fs::remove_file(file);
        }
    }
}

/// What a lab's file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    supervisor: Process,
    kind: LabKind,
    dir: PathBuf,
    children: Vec<Process>,
}

/// A process; the time it started tells it from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    pid: u32,
    /// Ticks since boot, as in `/proc`.
    started: u64,
}

impl Entry {
    /// Tells the supervisor to stop and waits until all is gone.
    async fn stop(&self) -> Result<(), LabError> {
        let pid = Pid::from_raw(self.supervisor.pid.cast_signed());
        match kill(pid, Signal::SIGTERM) {
            // It has ended at this very moment, which is as well.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(LabError::io(format!("stop process {pid}"))(errno.into())),
        }
        let end = Instant::now() + STOP_LIMIT;
        while let Some(left) = self.left() {
            if Instant::now() >= end {
                let (pid, dir) = (self.supervisor.pid, self.dir.clone());
                return Err(LabError::LeftBehind { pid, dir, left });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What is still there.
    fn left(&self) -> Option<String> {
        if self.supervisor.is_alive() {
            return Some("the supervisor still runs".into());
        }
        let child = self.children.iter().find(|child| child.is_alive());
        child.map(|child| format!("process {} still runs", child.pid))
    }

    fn remove_folder(&self) -> io::Result<()> {
        let dir = &self.dir;
        let ours = dir
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(FOLDER_PREFIX));
        if !ours {
            return Err(io::Error::other("it is not a lab's folder"));
        }
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Process {
    fn of(pid: u32) -> Self {
        Process {
            pid,
            started: start_time(pid).unwrap_or(0),
        }
    }

    fn is_alive(self) -> bool {
        start_time(self.pid).is_some_and(|started| started == self.started)
    }
}

/// The 22nd field of `/proc/PID/stat`; none for a process that has gone or is only a zombie.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        None
    } else {
        fields.nth(18)?.parse().ok()
    }
}

fn entries(folder: &Path) -> Vec<(PathBuf, Entry)> {
    let files = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path());
    let entry = |path: PathBuf| {
        let bytes = fs::read(&path).ok()?;
        Some((path, serde_json::from_slice(&bytes).ok()?))
    };
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(entry)
        .collect()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn file_of(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}.json"))
}

/// `$XDG_STATE_HOME/gameday/labs`, which by default lies in `~/.local/state`.
fn state_folder() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("gameday/labs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, supervisor: Process, dir: &Path) {
        let kind = LabKind::Embedded;
        let entry = Entry {
            supervisor,
            kind,
            dir: dir.to_owned(),
            children: Vec::new(),
        };
        fs::write(
            file_of(folder, supervisor.pid),
            serde_json::to_vec(&entry).unwrap(),
        )
        .unwrap();
    }

    #[test]
    fn a_process_is_known_by_its_start_as_well() {
        let us = Process::of(std::process::id());
        assert!(us.is_alive());
        assert!(
            !Process {
                started: us.started + 1,
                ..us
            }
            .is_alive()
        );
    }

    #[tokio::test]
    async fn what_a_killed_lab_left_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let dir = state.path().join("gameday-lab-dead");
        fs::create_dir_all(dir.join("postgres")).unwrap();
        // Our own id, but of a process that started at another time.
        let dead = Process {
            pid: std::process::id(),
            started: 1,
        };
        write(state.path(), dead, &dir);
        let stopped = down_in(state.path()).await.unwrap();
        assert_eq!(stopped.len(), 1);
        assert!(!stopped[0].was_running && !dir.exists());
        assert!(down_in(state.path()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_is_no_labs_is_never_removed() {
        let state = tempfile::tempdir().unwrap();
        let precious = state.path().join("precious");
        fs::create_dir(&precious).unwrap();
        write(
            state.path(),
            Process {
                pid: std::process::id(),
                started: 1,
            },
            &precious,
        );
        assert!(down_in(state.path()).await.is_err());
        assert!(precious.exists());
    }

    #[tokio::test]
    async fn a_running_lab_is_told_to_stop() {
        let state = tempfile::tempdir().unwrap();
        let dir = state.path().join("gameday-lab-alive");
        fs::create_dir(&dir).unwrap();
        let mut lab = tokio::process::Command::new("sleep")
            .arg("60")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        write(state.path(), Process::of(lab.id().unwrap()), &dir);
        let stopped = down_in(state.path()).await.unwrap();
        assert!(stopped[0].was_running && !dir.exists());
        assert!(!lab.wait().await.unwrap().success());
    }
}
