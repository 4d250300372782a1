//! A lab started by another program, as `gameday run` does.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{LabError, LabExports, LabKind};

/// A lab has this long to tell its addresses.
const START_LIMIT: Duration = Duration::from_secs(60);
/// It has this long to stop once its standard input is closed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const MAX_EXPORTS_BYTES: u64 = 64 << 10;
const TAIL_BYTES: usize = 4_000;

/// A running lab; it stops when this is dropped, as its standard input is closed then.
#[derive(Debug)]
pub struct Lab {
    exports: LabExports,
    child: Child,
    stdin: Option<ChildStdin>,
    _stderr: JoinSet<()>,
}

impl Lab {
    /// Starts `program lab up` with so many requests a second in a process group of its own and waits until it is ready; `say` is told
    /// each line of its progress.
    pub async fn start(kind: LabKind, rps: u32, program: &Path, say: fn(&str)) -> Result<Lab, LabError> {
        let mut child = Command::new(program)
            .args(["lab", "up", "--lab", &kind.to_string(), "--output", "json"])
            .args(["--rps", &rps.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(LabError::io(format!("start `{} lab up`", program.display())))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let tail = Tail::default();
        let mut reading = JoinSet::new();
        reading.spawn(tail.clone().keep(stderr, say));
        match timeout(START_LIMIT, read_exports(stdout)).await {
            Ok(Ok(exports)) => Ok(Lab {
                exports,
                child,
                stdin,
                _stderr: reading,
            }),
            failed => {
                let reason = match failed {
                    Ok(Err(reason)) => reason,
                    _ => format!("it was not ready within {} s", START_LIMIT.as_secs()),
                };
                drop(stdin);
                end(&mut child).await;
                // What it said last is the best reason there is.
                let _ = timeout(Duration::from_secs(1), reading.join_next()).await;
                Err(LabError::NotStarted {
                    reason,
                    tail: tail.text(),
                })
            }
        }
    }

    /// Where its parts are.
    pub fn exports(&self) -> &LabExports {
        &self.exports
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(mut self) -> Result<(), LabError> {
        drop(self.stdin.take());
        if end(&mut self.child).await {
            return Ok(());
        }
        // Killed: its children die with it, but nobody has removed its folder.
        match std::fs::remove_dir_all(&self.exports.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LabError::io(format!(
                "remove {}",
                self.exports.dir.display()
            ))(error)),
            _ => Ok(()),
        }
    }
}

/// Waits for a child whose standard input is closed; kills it if it does not end. True if it did.
async fn end(child: &mut Child) -> bool {
    if timeout(STOP_LIMIT, child.wait()).await.is_ok() {
        return true;
    }
    // It may have ended at this very moment, which is as well.
    let _ = child.kill().await;
    false
}

async fn read_exports(stdout: ChildStdout) -> Result<LabExports, String> {
    let mut line = String::new();
    let mut limited = BufReader::new(stdout.take(MAX_EXPORTS_BYTES));
    limited
        .read_line(&mut line)
        .await
        .map_err(|error| error.to_string())?;
    if line.is_empty() {
        return Err("it ended without a word".into());
    }
    serde_json::from_str(&line).map_err(|error| format!("its answer cannot be read: {error}"))
}

/// The last bytes of a stream.
#[derive(Debug, Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    async fn keep(self, stream: impl AsyncRead + Unpin, say: fn(&str)) {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        // A line without an end is told in pieces rather than kept whole.
        while let Ok(1..) = (&mut lines)
            .take(TAIL_BYTES as u64)
            .read_until(b'\n', &mut line)
            .await
        {
            say(String::from_utf8_lossy(&line).trim_end());
            let mut kept = self.0.lock().expect("no holder of the tail panics");
            kept.extend(line.drain(..));
            let surplus = kept.len().saturating_sub(TAIL_BYTES);
            kept.drain(..surplus);
        }
    }

    fn text(&self) -> String {
        let kept: Vec<u8> = self
            .0
            .lock()
            .expect("no holder of the tail panics")
            .iter()
            .copied()
            .collect();
        String::from_utf8_lossy(&kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    /// A program that does what `script` says, whatever its arguments.
    fn program(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gameday");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    const EXPORTS: &str = r#"{"kind":"embedded","api":"http://a","load":"http://l","proxy_api":"b","prometheus":"c","alertmanager":"d","webhook":"e","dir":"/nowhere/gameday-lab-x","env":{},"pids":{"api":1}}"#;

    #[tokio::test]
    async fn a_lab_tells_its_addresses_and_stops_when_its_input_is_closed() {
        let folder = program(&format!("echo '{EXPORTS}'; cat >/dev/null; touch \"$0.stopped\""));
        let lab = Lab::start(LabKind::Embedded, 75, &folder.path().join("gameday"), |_| {})
            .await
            .unwrap();
        assert_eq!(lab.exports().api, "http://a");
        assert!(!folder.path().join("gameday.stopped").exists());
        lab.stop().await.unwrap();
        assert!(folder.path().join("gameday.stopped").exists());
    }

    #[tokio::test]
    async fn a_dropped_lab_stops_as_well() {
        let folder = program(&format!("echo '{EXPORTS}'; cat >/dev/null; touch \"$0.stopped\""));
        drop(
            Lab::start(LabKind::Embedded, 75, &folder.path().join("gameday"), |_| {})
                .await
                .unwrap(),
        );
        for _ in 0..100 {
            if folder.path().join("gameday.stopped").exists() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the lab went on");
    }

    #[tokio::test]
    async fn a_lab_that_fails_tells_its_last_words() {
        let folder = program("echo 'no port is free' >&2; exit 2");
        let error = Lab::start(LabKind::Real, 75, &folder.path().join("gameday"), |_| {})
            .await
            .unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("ended without a word") && told.contains("no port is free"),
            "{told}"
        );
    }
}
