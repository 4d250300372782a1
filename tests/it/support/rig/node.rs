//! A process with a pid file and a `start` command, as a daemon has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Killed, wait_for};

/// The process; whatever its pid file names ends with it.
pub(crate) struct Node {
    pid_file: PathBuf,
    starts: PathBuf,
    _first: Killed,
}

impl Node {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::named(folder, "node", "exec sleep 600")
    }

    /// One of another name that does something else.
    pub(crate) fn named(folder: &Path, name: &str, what: &str) -> Self {
        let (pid_file, starts, script) = (
            folder.join(format!("{name}.pid")),
            folder.join(format!("starts-{name}")),
            folder.join(format!("start-{name}")),
        );
        let text = format!(
            "echo start >> {starts}\necho $$ > {pid}.part\nmv {pid}.part {pid}\n{what}\n",
            starts = starts.display(),
            pid = pid_file.display()
        );
        fs::write(&script, text).unwrap();
        let first = Command::new("sh")
            .arg(&script)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self {
            pid_file,
            starts,
            _first: Killed(first),
        };
        wait_for("the node's pid file", Duration::from_secs(5), || node.pid());
        node
    }

    /// The letter of `/proc/PID/stat`: `T` is paused, none is gone.
    pub(crate) fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()?)).ok()?;
        stat.rsplit_once(") ")?
            .1
            .chars()
            .next()
            .filter(|state| *state != 'Z')
    }

    #[track_caller]
    pub(crate) fn wait_until_paused(&self) {
        wait_for("the node to be paused", Duration::from_secs(3), || {
            (self.state()? == 'T').then_some(())
        });
    }

    #[track_caller]
    pub(crate) fn wait_until_running(&self, limit: Duration) {
        wait_for("the node to run again", limit, || {
            (self.state()? != 'T').then_some(())
        });
    }

    #[track_caller]
    pub(crate) fn assert_running(&self) {
        let state = self.state();
        assert!(
            state.is_some_and(|state| state != 'T'),
            "the node does not run: its state is {state:?}"
        );
    }

    /// From now on its `start` command takes its time.
    pub(crate) fn start_slowly(&self, seconds: u64) {
        let name = self.pid_file.file_stem().unwrap().to_str().unwrap();
        let script = self.pid_file.with_file_name(format!("start-{name}"));
        let text = fs::read_to_string(&script).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        fs::write(&script, format!("{first}\nsleep {seconds}\n{rest}")).unwrap();
    }

    /// How often it was started.
    pub(crate) fn starts(&self) -> usize {
        fs::read_to_string(&self.starts).unwrap().lines().count()
    }

    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It may be gone already.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    pub(crate) fn pid(&self) -> Option<i32> {
        fs::read_to_string(&self.pid_file)
            .ok()?
            .trim()
            .parse()
            .ok()
            .filter(|pid| *pid > 1)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The helpers of drills in a folder that are still there, by their command lines.
pub(crate) fn helpers(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    processes()
        .filter(|line| line.contains(" helper hold ") && line.contains(folder))
        .collect()
}

/// Signals the helpers of drills in a folder, as whoever stops a whole service does.
pub(crate) fn signal_helpers(folder: &Path, signal: Signal) {
    let folder = folder.to_str().unwrap();
    let helpers =
        processes_by_id().filter(|(_, line)| line.contains(" helper hold ") && line.contains(folder));
    for (pid, _) in helpers {
        kill(Pid::from_raw(pid), signal).unwrap();
    }
}

fn processes() -> impl Iterator<Item = String> {
    processes_by_id().map(|(_, line)| line)
}

fn processes_by_id() -> impl Iterator<Item = (i32, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    })
}
