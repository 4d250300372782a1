//! Processes of this machine: is it running, stopped or gone, and how it runs again.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::deed::CommandLine;

/// Reads a process id from a file (its first line, as PostgreSQL and most daemons write it).
pub(crate) fn read_pid(pid_file: &Path) -> Result<i32, String> {
    let text = std::fs::read_to_string(pid_file)
        .map_err(|error| format!("cannot read the pid file {}: {error}", pid_file.display()))?;
    let first = text.lines().next().unwrap_or_default().trim();
    match first.parse::<i32>() {
        // 0 and 1 are never a target: signals to them mean everybody, or init.
        Ok(pid) if pid > 1 => Ok(pid),
        Ok(pid) => Err(format!(
            "{} holds the process id {pid}, which is never a target",
            pid_file.display()
        )),
        Err(_) => Err(format!(
            "{} does not hold a process id in its first line",
            pid_file.display()
        )),
    }
}

/// The state letter of `/proc/PID/stat` (proc(5)): `T` is stopped; none when it is gone or a zombie.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, so look behind the last one.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (!matches!(state, 'Z' | 'X')).then_some(state)
}

/// Signals that wait for a process to take them, as bits (`/proc/PID/status`, proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signals {
    pending: u64,
    blocked: u64,
    ignored: u64,
}

impl Signals {
    /// None when it is gone or a zombie.
    fn of(pid: i32) -> Option<Self> {
        state(pid)?;
        Self::read(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    fn read(status: &str) -> Option<Self> {
        let bits = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            u64::from_str_radix(line.trim(), 16).ok()
        };
        Some(Self {
            // Those of its first thread, and those of the whole process.
            pending: bits("SigPnd:")? | bits("ShdPnd:")?,
            blocked: bits("SigBlk:")?,
            ignored: bits("SigIgn:")?,
        })
    }

    /// Whether it was killed, which nothing can keep from ending it.
    fn end_it(self) -> bool {
        self.pending & KILLED != 0
    }

    /// Whether nothing waits that it could take.
    fn are_taken(self) -> bool {
        self.pending & !(self.blocked | self.ignored) == 0
    }
}

/// The bit of SIGKILL.
const KILLED: u64 = 1 << 8;

/// A process that cannot be confused with a later one of the same id (pidfd_open(2)).
#[derive(Debug)]
pub(crate) struct Handle(rustix::fd::OwnedFd);

impl Handle {
    pub(crate) fn open(pid: i32) -> Result<Self, String> {
        let id = Pid::from_raw(pid).ok_or("0 is not a process id")?;
        pidfd_open(id, PidfdFlags::empty())
            .map(Self)
            .map_err(|error| format!("cannot open process {pid}: {error}"))
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, signal: Signal) -> Result<(), String> {
        pidfd_send_signal(&self.0, signal).map_err(|error| format!("cannot signal the process: {error}"))
    }

    pub(crate) fn stop(&self) -> Result<(), String> {
        pidfd_send_signal(&self.0, Signal::STOP).map_err(|error| format!("cannot stop the process: {error}"))
    }

    pub(crate) fn go_on(&self) -> Result<(), String> {
        pidfd_send_signal(&self.0, Signal::CONT)
            .map_err(|error| format!("cannot continue the process: {error}"))
    }
}

/// Looks whether the process of a pid file is there and runs.
pub(crate) fn check_running(pid_file: &Path) -> Result<String, String> {
    let pid = read_pid(pid_file)?;
    match state(pid) {
        Some('T') => Err(format!("process {pid} is stopped")),
        Some(_) if Signals::of(pid).is_some_and(Signals::end_it) => {
            Err(format!("process {pid} is about to end"))
        }
        Some(_) => Ok(format!("process {pid} runs")),
        None => Err(format!("process {pid} of {} is gone", pid_file.display())),
    }
}

/// The process of a pid file, if it is still the one that was journaled.
pub(crate) fn still(pid_file: &Path, journaled: Option<i32>) -> Result<i32, String> {
    let pid = read_pid(pid_file)?;
    if journaled == Some(pid) {
        Ok(pid)
    } else {
        Err(format!(
            "{} has just changed: it names process {pid} now",
            pid_file.display()
        ))
    }
}

/// Lets the process of a pid file run again; starts it when it is gone. Says what it did.
pub(crate) fn revive(pid_file: &Path, start: &CommandLine) -> Result<String, String> {
    match read_pid(pid_file) {
        Ok(pid) if wake(pid)? => Ok(format!("process {pid} runs")),
        _ => run_start(pid_file, start),
    }
}

/// Lets a process run again; false when it is gone, or goes now of what it was sent while it was stopped.
pub(crate) fn wake(pid: i32) -> Result<bool, String> {
    if state(pid).is_none() {
        return Ok(false);
    }
    // One that has ended meanwhile has nothing to be continued.
    let went_on = Handle::open(pid).and_then(|handle| handle.go_on());
    if !wait_until(PATIENCE, || state(pid) != Some('T')) {
        return Err(format!("process {pid} is still stopped"));
    }
    // A killed process needs a core to die on, and looks alive until it has had it.
    wait_until(PATIENCE, || Signals::of(pid).is_none_or(Signals::are_taken));
    match (state(pid), Signals::of(pid)) {
        (None, _) => Ok(false),
        (_, Some(signals)) if signals.end_it() => Err(format!("process {pid} is about to end, and does not")),
        _ => went_on.map(|()| true),
    }
}

fn run_start(pid_file: &Path, start: &CommandLine) -> Result<String, String> {
    let (program, args) = start.words.split_first().ok_or("there is no `start` command")?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(&start.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("the process is gone and `{program}` could not be started: {error}"))?;
    let runs = || read_pid(pid_file).is_ok_and(|pid| state(pid).is_some_and(|state| state != 'T'));
    // It may be a daemon that stays in the foreground, or a command that takes its time and then ends.
    let mut over = || !matches!(child.try_wait(), Ok(None));
    wait_until(START_LIMIT, || runs() || over());
    if wait_until(PATIENCE, runs) {
        Ok(format!("the process was gone; `{program}` started it"))
    } else {
        Err(format!(
            "the process was gone; `{program}` was run, but {} names no running process",
            pid_file.display()
        ))
    }
}

/// The kernel follows at once, and so does a daemon whose start command has ended.
const PATIENCE: Duration = Duration::from_secs(3);
/// A start command has this long; running it twice would be worse than waiting.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(30);

fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_never_means_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        for text in ["0", "1", "-1", "", "abc", "99999999999"] {
            std::fs::write(&file, text).unwrap();
            assert!(read_pid(&file).is_err(), "{text:?} must be refused");
        }
        std::fs::write(&file, "4242\n/var/lib/postgresql\n").unwrap();
        assert_eq!(read_pid(&file).unwrap(), 4242);
    }

    #[test]
    fn what_a_process_was_sent_and_has_not_taken_yet_is_read() {
        let status = |own: &str, shared: &str, blocked: &str| {
            let text = format!(
                "State:\tR (running)\nSigQ:\t1/9\nSigPnd:\t{own}\nShdPnd:\t{shared}\nSigBlk:\t{blocked}\nSigIgn:\t1000\n"
            );
            let signals = Signals::read(&text).unwrap();
            (signals.end_it(), signals.are_taken())
        };
        // SIGKILL is 9, SIGTERM 15, SIGPIPE 13: the bit is one less.
        assert_eq!(status("0", "0", "0"), (false, true));
        assert_eq!(status("0", "0000000000000100", "0"), (true, false));
        assert_eq!(status("100", "0", "0"), (true, false));
        assert_eq!(status("0", "4000", "0"), (false, false));
        assert_eq!(status("0", "4000", "4000"), (false, true), "it will not take it");
        assert_eq!(status("0", "1000", "0"), (false, true), "it ignores it");
        assert_eq!(Signals::read("State:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_process_that_ends_as_soon_as_it_goes_on_is_started_again() {
        for signal in [Signal::KILL, Signal::TERM] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("pid");
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let pid = i32::try_from(child.id()).unwrap();
            std::fs::write(&file, pid.to_string()).unwrap();
            Handle::open(pid).unwrap().stop().unwrap();
            assert!(wait_until(PATIENCE, || state(pid) == Some('T')));
            Handle::open(pid).unwrap().send(signal).unwrap();
            let words = ["sh", "-c", "echo $$ > pid; exec sleep 20"];
            let start = CommandLine {
                words: words.map(str::to_owned).into(),
                folder: dir.path().to_owned(),
            };
            assert!(
                revive(&file, &start).unwrap().contains("started it"),
                "{signal:?}"
            );
            let again = read_pid(&file).unwrap();
            assert_ne!(again, pid);
            rustix::process::kill_process(Pid::from_raw(again).unwrap(), Signal::KILL).unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_process_is_stopped_and_runs_again_and_is_started_when_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        std::fs::write(&file, pid.to_string()).unwrap();
        let handle = Handle::open(pid).unwrap();
        handle.stop().unwrap();
        assert!(wait_until(PATIENCE, || state(pid) == Some('T')));
        let none = CommandLine {
            words: Vec::new(),
            folder: dir.path().to_owned(),
        };
        assert!(revive(&file, &none).unwrap().contains("runs"));
        assert_ne!(state(pid), Some('T'));

        child.kill().unwrap();
        child.wait().unwrap();
        let words = ["sh", "-c", "echo $$ > pid; exec sleep 20"]
            .map(str::to_owned)
            .into();
        let start = CommandLine { words, ..none };
        assert!(revive(&file, &start).unwrap().contains("started it"));
        let again = read_pid(&file).unwrap();
        assert_ne!(again, pid);
        rustix::process::kill_process(Pid::from_raw(again).unwrap(), Signal::KILL).unwrap();
    }
}
