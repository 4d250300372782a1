//! A process is paused by a helper: a child that lets it run again when we renew no more.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{SourceName, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Effect, Fault, FaultError, Undo};
use crate::process;

/// Stops a process with SIGSTOP, through a helper.
#[derive(Debug)]
pub struct PauseFault {
    program: PathBuf,
    pid_file: PathBuf,
    start: Vec<String>,
    clock: SourceName,
    helper: Mutex<Option<Helper>>,
    /// The very process that was stopped; the pid file may name another by the time it is undone.
    paused: Mutex<Option<i32>>,
}

#[derive(Debug)]
struct Helper {
    child: Child,
    renewals: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    /// The process that it stopped, and when; none while it has not said so.
    paused: Option<(i32, Timestamp)>,
}

/// Why a pause is lost.
const ENDED_BY_HELPER: &str = "the helper ended the pause: the runner did not renew it in time";
/// A helper answers at once or not at all.
const ANSWER: Duration = Duration::from_secs(5);

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

    fn spawn(&self, lease: Duration) -> Result<Helper, FaultError> {
        // In a process group of its own, so that Ctrl-C reaches the runner alone.
        let mut child = Command::new(&self.program)
            .args([
                "helper",
                "pause",
                "--lease-ms",
                &lease.as_millis().to_string(),
                "--pid-file",
            ])
            .arg(&self.pid_file)
            .arg("--")
            .args(&self.start)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(self.helper_error("starting the helper"))?;
        let renewals = child.stdin.take();
        let stdout = child.stdout.take().expect("its standard output is a pipe");
        Ok(Helper {
            child,
            renewals,
            lines: BufReader::new(stdout).lines(),
            paused: None,
        })
    }
}

impl Helper {
    /// What the pause has done, and why it is over if nobody of ours ended it.
    fn effect(&mut self) -> std::io::Result<Effect> {
        let Some((pid, at)) = self.paused else {
            return Ok(Effect::default());
        };
        let told_to_end = self.renewals.is_none();
        let lost = match (self.child.try_wait()?, process::state(pid)) {
            _ if told_to_end => None,
            (Some(_), _) => Some(ENDED_BY_HELPER.to_owned()),
            (None, Some('T')) => None,
            (None, Some(_)) => Some(format!("somebody else let process {pid} run again")),
            (None, None) => Some(format!("process {pid} ended while it was paused")),
        };
        let (touched, first_touched) = (1, Some(at));
        Ok(Effect {
            touched,
            first_touched,
            lost,
            clock: None,
        })
    }

    /// The helper's next line; an error when it ended or is silent.
    async fn line(&mut self) -> std::io::Result<String> {
        let line = timeout(ANSWER, self.lines.next_line())
            .await
            .map_err(|_| std::io::Error::new(ErrorKind::TimedOut, "it is silent"))?;
        line?.ok_or_else(|| std::io::Error::other("it ended"))
    }

    /// End of file tells it to undo; it says so and ends.
    async fn undo(&mut self) -> std::io::Result<()> {
        drop(self.renewals.take());
        while self.line().await? != "undone" {}
        timeout(ANSWER, self.child.wait())
            .await
            .map_err(|_| std::io::Error::new(ErrorKind::TimedOut, "it does not end"))??;
        Ok(())
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
            let helper = slot.insert(self.spawn(lease)?);
            let said = helper
                .line()
                .await
                .map_err(self.helper_error("waiting for the helper"))?;
            let pid = said.strip_prefix("paused ").and_then(|pid| pid.parse().ok());
            let pid = pid.ok_or(FaultError::Refused(said))?;
            helper.paused = Some((pid, Timestamp::now()));
            *self.paused.lock().await = Some(pid);
            Ok(())
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(helper) = slot.as_mut() else {
                return Ok(Effect::default());
            };
            let mut effect = helper
                .effect()
                .map_err(self.helper_error("looking at the helper"))?;
            if effect.lost.is_none()
                && let Some(pipe) = helper.renewals.as_mut()
                && pipe.write_all(b".").await.is_err()
            {
                effect.lost = Some(ENDED_BY_HELPER.to_owned());
            }
            Ok(effect)
        })
    }

    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(helper) = slot.as_mut() else {
                return Ok(Effect::default());
            };
            let effect = helper
                .effect()
                .map_err(self.helper_error("looking at the helper"))?;
            let was_paused = helper.paused.is_some();
            let undone = helper.undo().await;
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
