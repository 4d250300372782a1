//! A process is ended, and started again when the deed is undone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gameday_core::Timestamp;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::{Act, CommandLine, Failed, Hold, Seen, State};
use crate::process::{self, Handle, START_LIMIT, read_pid, state};

/// A process that is asked to end has this long.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// One that was asked to end and did not may still do so within this.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// When it was started again is known this well.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Ends one process with a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// The file that holds its process id.
    pub pid_file: PathBuf,
    /// What starts it again.
    pub start: CommandLine,
    /// What ends it.
    pub signal: EndSignal,
    /// The very process that is ended.
    #[serde(default)]
    pub pid: Option<i32>,
}

/// A signal that ends a process unless it is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EndSignal {
    /// At once, without a last word.
    #[default]
    Kill,
    /// In good order.
    Term,
    /// As Ctrl-C.
    Int,
    /// As Ctrl-\.
    Quit,
    /// As a failed assertion.
    Abrt,
    /// As the loss of its terminal.
    Hup,
}

impl TryFrom<String> for EndSignal {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let all = [
            Self::Kill,
            Self::Term,
            Self::Int,
            Self::Quit,
            Self::Abrt,
            Self::Hup,
        ];
        let plain = text.trim_start_matches("SIG");
        all.into_iter()
            .find(|signal| signal.name().trim_start_matches("SIG") == plain)
            .ok_or_else(|| format!("`{text}` is no signal that ends a process, such as `KILL`, `TERM`, `INT`, `QUIT`, `ABRT` or `HUP`"))
    }
}

impl From<EndSignal> for String {
    fn from(signal: EndSignal) -> Self {
        signal.name().to_owned()
    }
}

impl EndSignal {
    /// Its name, e.g. `SIGKILL`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Term => "SIGTERM",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Abrt => "SIGABRT",
            Self::Hup => "SIGHUP",
        }
    }

    const fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Abrt => Signal::ABORT,
            Self::Hup => Signal::HUP,
        }
    }
}

impl Kill {
    pub(super) fn prepare(&mut self) {
        self.pid = read_pid(&self.pid_file).ok();
    }
}

impl Act for Kill {
    fn check(&self) -> Result<String, String> {
        process::check_running(&self.pid_file)
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let pid = process::still(&self.pid_file, self.pid)?;
        process::check_running(&self.pid_file)?;
        let handle = Handle::open(pid)?;
        handle.send(self.signal.signal())?;
        if !wait_for_end(pid, GONE_WITHIN) {
            let name = self.signal.name();
            return Err(Failed::Half(format!("process {pid} does not end on {name}")));
        }
        let (deed, at) = (self.clone(), Timestamp::now());
        Ok(Box::new(Killed { deed, at }))
    }

    fn undo(&self) -> Result<String, String> {
        // Only a signal that is being handled leaves it there; who is about to end must not be taken for alive.
        if let Some(pid) = self.pid.filter(|pid| state(*pid).is_some()) {
            wait_for_end(pid, LAST_MOMENTS);
        }
        process::revive(&self.pid_file, &self.start)
    }

    fn verify(&self) -> Result<String, String> {
        process::check_running(&self.pid_file)
    }

    fn takes(&self) -> Duration {
        START_LIMIT
    }
}

struct Killed {
    deed: Kill,
    at: Timestamp,
}

impl Hold for Killed {
    fn look(&mut self) -> Seen {
        let pid = read_pid(&self.deed.pid_file).ok();
        let runs = pid.filter(|pid| state(*pid).is_some() && Some(*pid) != self.deed.pid);
        let state = runs.map_or(State::Holds, |pid| {
            State::Over(format!("somebody else started it again: process {pid} runs"))
        });
        Seen::once(self.at, state)
    }

    fn undo(&mut self) -> Result<String, String> {
        self.deed.undo()
    }

    fn every(&self) -> Duration {
        LOOK_EVERY
    }
}

fn wait_for_end(pid: i32, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while state(pid).is_some() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}
