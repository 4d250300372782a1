//! A process is stopped (SIGSTOP), and runs again when the deed is undone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, CommandLine, Failed, Hold, Seen, State};
use crate::process::{self, Handle, START_LIMIT, read_pid, state};

/// Stops one process, not its children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The file that holds its process id.
    pub pid_file: PathBuf,
    /// What starts it, in case it is gone when it should run again.
    pub start: CommandLine,
    /// The very process that is stopped; the file may name another by the time it is undone.
    #[serde(default)]
    pub pid: Option<i32>,
}

impl Pause {
    pub(super) fn prepare(&mut self) {
        self.pid = read_pid(&self.pid_file).ok();
    }
}

impl Act for Pause {
    fn check(&self) -> Result<String, String> {
        process::check_running(&self.pid_file)
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let pid = process::still(&self.pid_file, self.pid)?;
        let handle = Handle::open(pid)?;
        // Somebody else's stop is not ours to undo.
        if state(pid) == Some('T') {
            return Err(format!("process {pid} is stopped already").into());
        }
        handle.stop()?;
        let deadline = Instant::now() + Duration::from_secs(2);
        while state(pid) != Some('T') {
            if Instant::now() > deadline {
                return Err(Failed::Half(format!("process {pid} does not stop")));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let (deed, at) = (self.clone(), Timestamp::now());
        Ok(Box::new(Paused {
            deed,
            pid,
            handle,
            at,
        }))
    }

    fn undo(&self) -> Result<String, String> {
        // The very process that was stopped runs first; only then is asked whether the target is there.
        if let Some(pid) = self.pid.filter(|pid| state(*pid) == Some('T')) {
            process::wake(pid)?;
        }
        process::revive(&self.pid_file, &self.start)
    }

    fn verify(&self) -> Result<String, String> {
        if let Some(pid) = self.pid.filter(|pid| state(*pid) == Some('T')) {
            return Err(format!("process {pid} is still stopped"));
        }
        process::check_running(&self.pid_file)
    }

    fn takes(&self) -> Duration {
        START_LIMIT
    }
}

struct Paused {
    deed: Pause,
    pid: i32,
    handle: Handle,
    at: Timestamp,
}

impl Hold for Paused {
    fn look(&mut self) -> Seen {
        let pid = self.pid;
        let state = match state(pid) {
            Some('T') => State::Holds,
            Some(_) => State::Lost(format!("somebody else let process {pid} run again")),
            None => State::Lost(format!("process {pid} ended while it was paused")),
        };
        Seen::once(self.at, state)
    }

    fn undo(&mut self) -> Result<String, String> {
        // Of a process that has ended meanwhile nothing is left to continue.
        let went_on = self.handle.go_on();
        let runs = self.deed.undo()?;
        went_on.or_else(|why| {
            if state(self.pid).is_none() {
                Ok(())
            } else {
                Err(why)
            }
        })?;
        Ok(runs)
    }
}
