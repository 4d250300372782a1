//! A helper process as the runner sees it: told by bytes that it is still wanted, heard line by line.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A helper answers at once or not at all.
const ANSWER: Duration = Duration::from_secs(5);

/// A helper of a fault.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    renewals: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Helper {
    /// Starts `program helper ARGUMENTS`, in a process group of its own, so that Ctrl-C reaches the runner alone.
    pub(super) fn start(program: &Path, arguments: &[&std::ffi::OsStr]) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("helper")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let renewals = child.stdin.take();
        let stdout = child.stdout.take().expect("its standard output is a pipe");
        Ok(Self {
            child,
            renewals,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// Its next line; an error when it ended or is silent.
    pub(super) async fn line(&mut self) -> Result<String> {
        let line = timeout(ANSWER, self.lines.next_line())
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "it is silent"))?;
        line?.ok_or_else(|| Error::other("it ended"))
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

    /// Whether it has ended, for whatever reason.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// End of file tells it to undo; it says so and ends.
    pub(super) async fn undo(&mut self) -> Result<()> {
        drop(self.renewals.take());
        while self.line().await? != "undone" {}
        timeout(ANSWER, self.child.wait())
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, "it does not end"))??;
        Ok(())
    }
}
