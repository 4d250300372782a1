//! A process is paused by a helper: a child that lets it run again when we renew no more.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{SourceName, Timestamp};
use tokio::sync::Mutex;

use super::child::Helper;
use super::{Effect, Fault, FaultError, Undo};
use crate::process;

/// Stops a process with SIGSTOP, through a helper.
#[derive(Debug)]
pub struct PauseFault {
    program: PathBuf,
    pid_file: PathBuf,
    start: Vec<String>,
    clock: SourceName,
    helper: Mutex<Option<Pauser>>,
    /// The very process that was stopped; the pid file may name another by the time it is undone.
    paused: Mutex<Option<i32>>,
}

/// A helper, and what it has said.
#[derive(Debug)]
struct Pauser {
    helper: Helper,
    /// The process that it stopped, and when; none while it has not said so.
    paused: Option<(i32, Timestamp)>,
}

/// Why a pause is lost.
const ENDED_BY_HELPER: &str = "the helper ended the pause: the runner did not renew it in time";

impl PauseFault {
    /// A pause of the process whose id is in `pid_file`; `program` is the binary that has the helper.
    #[must_use]
    pub fn new(program: &Path, pid_file: &Path, start: &[String], clock: SourceName) -> Self {
        Self {
            program: program.to_owned(),
            pid_file: pid_file.to_owned(),
            start: start.to_vec(),
            clock,
            helper: Mutex::new(None),
            paused: Mutex::new(None),
        }
    }

    fn helper_error(&self, what: &str) -> impl FnOnce(std::io::Error) -> FaultError {
        let what = format!("{what} (process of {})", self.pid_file.display());
        move |source| FaultError::Helper { what, source }
    }

    fn start_helper(&self, lease: Duration) -> Result<Helper, FaultError> {
        let lease_ms = lease.as_millis().to_string();
        let fixed = ["pause", "--lease-ms", &lease_ms, "--pid-file"].map(OsStr::new);
        let start = self.start.iter().map(OsStr::new);
        let arguments: Vec<&OsStr> = fixed
            .into_iter()
            .chain([self.pid_file.as_os_str(), OsStr::new("--")])
            .chain(start)
            .collect();
        Helper::start(&self.program, &arguments).map_err(self.helper_error("starting the helper"))
    }
}

impl Pauser {
    /// What the pause has done, and why it is over if nobody of ours ended it.
    fn effect(&mut self) -> std::io::Result<Effect> {
        let Some((pid, at)) = self.paused else {
            return Ok(Effect::default());
        };
        let lost = match (self.helper.has_ended()?, process::state(pid)) {
            _ if self.helper.is_dismissed() => None,
            (true, _) => Some(ENDED_BY_HELPER.to_owned()),
            (false, Some('T')) => None,
            (false, Some(_)) => Some(format!("somebody else let process {pid} run again")),
            (false, None) => Some(format!("process {pid} ended while it was paused")),
        };
        let (touched, first_touched) = (1, Some(at));
        Ok(Effect {
            touched,
            first_touched,
            lost,
            clock: None,
        })
    }
}

impl Fault for PauseFault {
    fn check(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(async {
            let pid = process::read_pid(&self.pid_file).map_err(FaultError::Refused)?;
            match process::state(pid) {
                Some('T') => Err(FaultError::Refused(format!("process {pid} is stopped already"))),
                Some(_) => Ok(format!("process {pid} runs")),
                None => Err(FaultError::Refused(format!(
                    "process {pid} of {} is gone",
                    self.pid_file.display()
                ))),
            }
        })
    }

    fn inject(&self, lease: Duration) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async move {
            let mut slot = self.helper.lock().await;
            let pauser = slot.insert(Pauser {
                helper: self.start_helper(lease)?,
                paused: None,
            });
            let said = pauser
                .helper
                .line()
                .await
                .map_err(self.helper_error("waiting for the helper"))?;
            let pid = said.strip_prefix("paused ").and_then(|pid| pid.parse().ok());
            let pid = pid.ok_or(FaultError::Refused(said))?;
            pauser.paused = Some((pid, Timestamp::now()));
            *self.paused.lock().await = Some(pid);
            Ok(())
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(pauser) = slot.as_mut() else {
                return Ok(Effect::default());
            };
            let mut effect = pauser
                .effect()
                .map_err(self.helper_error("looking at the helper"))?;
            if effect.lost.is_none() && !pauser.helper.is_dismissed() && !pauser.helper.renew().await {
                effect.lost = Some(ENDED_BY_HELPER.to_owned());
            }
            Ok(effect)
        })
    }

    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(pauser) = slot.as_mut() else {
                return Ok(Effect::default());
            };
            let effect = pauser
                .effect()
                .map_err(self.helper_error("looking at the helper"))?;
            let was_paused = pauser.paused.is_some();
            let undone = pauser.helper.undo().await;
            if undone
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::TimedOut)
            {
                // It is at it, perhaps with a slow `start`: to start the target as well would start two.
                return Err(FaultError::Refused(
                    "the helper has not undone the pause yet".to_owned(),
                ));
            }
            *slot = None;
            drop(slot);
            if !was_paused {
                // It refused, and has ended: what it found stopped was not stopped by us.
                return Ok(effect);
            }
            // Whatever became of the helper, what counts is that the process runs, the one it stopped first.
            if let Some(pid) = *self.paused.lock().await
                && process::state(pid) == Some('T')
            {
                process::wake_pid(pid).map_err(FaultError::Refused)?;
            }
            let runs = match &undone {
                Ok(()) => process::wake(&self.pid_file),
                Err(_) => process::revive(&self.pid_file, &self.start),
            };
            runs.map(|_| effect).map_err(|why| match undone {
                Ok(()) => FaultError::Refused(why),
                Err(error) => FaultError::Refused(format!("{why} (helper: {error})")),
            })
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(async {
            if let Some(pid) = *self.paused.lock().await
                && process::state(pid) == Some('T')
            {
                return Err(FaultError::Refused(format!("process {pid} is still stopped")));
            }
            let pid = process::read_pid(&self.pid_file).map_err(FaultError::Refused)?;
            match process::state(pid) {
                Some(state) if state != 'T' => Ok(format!("process {pid} runs")),
                Some(_) => Err(FaultError::Refused(format!("process {pid} is still stopped"))),
                None => Err(FaultError::Refused(format!("process {pid} is gone"))),
            }
        })
    }

    fn undo(&self) -> Undo {
        Undo::Process {
            pid_file: self.pid_file.clone(),
            start: self.start.clone(),
            pid: process::read_pid(&self.pid_file).ok(),
        }
    }

    fn clock(&self) -> SourceName {
        self.clock.clone()
    }
}
