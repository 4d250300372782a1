//! What a running lab can be told: to start its database again, which a drill has killed.
//!
//! ```text
//!   DIR/start-db ─► gameday lab start db --dir DIR ── DIR/control ──► supervisor ─► the part, as it was started first
//! ```
//!
//! The supervisor starts it and nobody else, so that it dies with the lab however often it was started.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::LabError;

/// The part that can be started again, whatever program it is.
pub(super) const DB: &str = "db";

const SOCKET: &str = "control";
/// Whoever asks has this long to say what for.
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// The part has this long to come back: less than a drill waits for a `start` command.
pub(super) const START_LIMIT: Duration = Duration::from_secs(25);
const MAX_BYTES: u64 = 4096;

/// Where the lab listens for what it is told.
#[derive(Debug)]
pub(super) struct Control(UnixListener);

/// Somebody who waits for the part to run.
#[derive(Debug)]
pub(super) struct Asked(UnixStream);

impl Control {
    /// Listens in the lab's folder, and leaves a program there that asks.
    pub(super) fn open(dir: &Path, program: &Path) -> Result<Self, LabError> {
        let doing = || LabError::io(format!("listen in {}", dir.display()));
        let path = dir.join(SOCKET);
        let listener = UnixListener::bind(&path).map_err(doing())?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(doing())?;
        let text = format!(
            "#!/bin/sh\nexec {} lab start {DB} --dir {}\n",
            quoted(program),
            quoted(dir)
        );
        let mut options = OpenOptions::new();
        options.create_new(true).write(true).mode(0o700);
        options
            .open(dir.join(format!("start-{DB}")))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(doing())?;
        Ok(Self(listener))
    }

    /// Waits for somebody who wants the database to run.
    pub(super) async fn asked(&self) -> Asked {
        loop {
            let Ok((mut stream, _)) = self.0.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            match timeout(ASK_LIMIT, line(&mut stream)).await {
                Ok(Ok(asked)) if asked == format!("start {DB}") => return Asked(stream),
                Ok(Ok(asked)) => {
                    Asked(stream)
                        .answer(&Err(format!("`{asked}` is nothing that a lab does")))
                        .await;
                }
                _ => {}
            }
        }
    }
}

impl Asked {
    /// Tells how it went.
    pub(super) async fn answer(mut self, how: &Result<String, String>) {
        let text = match how {
            Ok(done) => format!("ok {done}\n"),
            Err(why) => format!("error {why}\n"),
        };
        // Who has gone needs no answer.
        let _ = timeout(ASK_LIMIT, self.0.write_all(text.as_bytes())).await;
    }
}

/// Has the lab in `dir` start a part again; says what it did.
pub async fn start_again(dir: &Path, part: &str) -> Result<String, LabError> {
    let doing = || format!("ask the lab in {} for `{part}`", dir.display());
    let ask = async {
        let mut stream = UnixStream::connect(dir.join(SOCKET)).await?;
        stream.write_all(format!("start {part}\n").as_bytes()).await?;
        line(&mut stream).await
    };
    let answer = timeout(START_LIMIT + ASK_LIMIT, ask).await;
    let answer = answer
        .map_err(|_| LabError::io(doing())(io::ErrorKind::TimedOut.into()))?
        .map_err(LabError::io(doing()))?;
    match answer.split_once(' ') {
        Some(("ok", done)) => Ok(done.to_owned()),
        Some(("error", why)) => Err(LabError::io(doing())(io::Error::other(why.to_owned()))),
        _ => Err(LabError::io(doing())(io::ErrorKind::UnexpectedEof.into())),
    }
}

async fn line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_BYTES))
        .read_line(&mut line)
        .await?;
    Ok(line.trim_end().to_owned())
}

/// For `sh`.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
