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
}

#[derive(Debug)]
struct Helper {
    child: Child,
    renewals: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    paused_at: Timestamp,
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
            paused_at: Timestamp::now(),
        })
    }
}

impl Helper {
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
            helper.paused_at = Timestamp::now();
            if said == "paused" {
                Ok(())
            } else {
                Err(FaultError::Refused(said))
            }
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(helper) = slot.as_mut() else {
                return Ok(Effect::default());
            };
            let mut effect = Effect {
                touched: 1,
                first_touched: Some(helper.paused_at),
                lost: None,
                clock: None,
            };
            let ended = helper
                .child
                .try_wait()
                .map_err(self.helper_error("looking at the helper"))?;
            let renewed = match helper.renewals.as_mut() {
                Some(pipe) if ended.is_none() => pipe.write_all(b".").await.is_ok(),
                _ => false,
            };
            if !renewed {
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
            // It ends when we tell it to, and before that only when the pause is over without us.
            let ended = helper
                .child
                .try_wait()
                .map_err(self.helper_error("looking at the helper"))?;
            let effect = Effect {
                touched: 1,
                first_touched: Some(helper.paused_at),
                lost: ended.map(|_| ENDED_BY_HELPER.to_owned()),
                clock: None,
            };
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
            // Whatever became of the helper, what counts is that the process runs.
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
        }
    }

    fn clock(&self) -> SourceName {
        self.clock.clone()
    }
}
