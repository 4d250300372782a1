//! A helper process as the runner sees it: told by bytes that it is still wanted, heard line by line.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use super::FaultError;
use crate::helper::Said;
use crate::process;

/// A helper answers at once or not at all.
const ANSWER: Duration = Duration::from_secs(5);

/// While it undoes, it is looked at this often: one that somebody has stopped never will.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A helper of a fault.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    renewals: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    undone: bool,
    dismissed: Option<Instant>,
}

/// Why a helper did not say what was waited for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// It has ended.
    #[error("it ended")]
    Over,
    /// It said nothing for as long as was waited.
    #[error("it is silent")]
    Silent,
    /// It could not undo its deed yet, and tries again.
    #[error("{0}")]
    NotUndone(String),
    /// It cannot be heard or understood.
    #[error("{0}")]
    Unheard(#[from] io::Error),
}

impl From<Ending> for FaultError {
    fn from(ending: Ending) -> Self {
        Self::Refused(format!("the helper: {ending}"))
    }
}

impl Helper {
    /// Starts `program helper ARGUMENTS`, in a process group of its own, so that Ctrl-C reaches the runner alone.
    pub(super) fn start(program: &Path, arguments: &[&OsStr]) -> Result<Self, FaultError> {
        let mut child = Command::new(program)
            .arg("helper")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| FaultError::Helper {
                what: format!("starting the helper {}", program.display()),
                source,
            })?;
        let renewals = child.stdin.take();
        let stdout = child.stdout.take().expect("its standard output is a pipe");
        Ok(Self {
            child,
            renewals,
            lines: BufReader::new(stdout).lines(),
            undone: false,
            dismissed: None,
        })
    }

    /// What it says next; it may take so long beyond what any answer may.
    pub(super) async fn said(&mut self, takes: Duration) -> Result<Said, Ending> {
        let line = timeout(ANSWER + takes, self.lines.next_line()).await;
        let line = line.map_err(|_| Ending::Silent)??.ok_or(Ending::Over)?;
        let said = serde_json::from_str(&line).map_err(io::Error::from)?;
        self.undone |= matches!(said, Said::Undone(_));
        Ok(said)
    }

    /// Renews its lease; false when it no longer listens.
    pub(super) async fn renew(&mut self) -> bool {
        match self.renewals.as_mut() {
            Some(pipe) => pipe.write_all(b".").await.is_ok(),
            None => false,
        }
    }

    /// Whether it was told to end.
    pub(super) fn is_dismissed(&self) -> bool {
        self.renewals.is_none()
    }

    /// Whether it has said that its deed is undone.
    pub(super) fn has_undone(&self) -> bool {
        self.undone
    }

    /// End of file tells it to undo; it says so and ends.
    pub(super) async fn undo(&mut self, takes: Duration) -> Result<(), Ending> {
        drop(self.renewals.take());
        self.dismissed.get_or_insert_with(Instant::now);
        while !self.undone {
            match timeout(LOOK_EVERY, self.said(takes)).await {
                Ok(Ok(Said::NotUndone(why))) => return Err(Ending::NotUndone(why)),
                Ok(said) => drop(said?),
                Err(_) if self.is_stuck(takes) => return Err(Ending::Silent),
                Err(_) => {}
            }
        }
        let ended = timeout(ANSWER, self.child.wait()).await;
        ended.map_err(|_| Ending::Silent)??;
        Ok(())
    }

    /// Whether it will never undo anything: it was stopped by somebody, or had more than its time.
    pub(super) fn is_stuck(&self, takes: Duration) -> bool {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let overdue = self
            .dismissed
            .is_some_and(|at| at.elapsed() > ANSWER.saturating_add(takes));
        overdue || pid.is_some_and(|pid| process::state(pid) == Some('T'))
    }

    /// Ends it by force.
    pub(super) async fn end(&mut self) {
        let _ = self.child.kill().await;
    }
}
