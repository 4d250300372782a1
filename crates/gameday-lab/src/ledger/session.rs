//! One client's session with the embedded ledger.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::books::Books;
use super::raised;
use super::wire::{self, Answer, Opening, ReadError, Request};
use crate::statements::Statement;

/// A client that has connected must say what it wants.
const STARTUP_LIMIT: Duration = Duration::from_secs(10);
/// A client must take its answer; one that does not read is dropped.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Encryption may be asked for twice (TLS, then GSSAPI) before the real startup.
const MAX_OPENINGS: usize = 3;

/// Serves one client to its end; without a place in the server it is told so.
pub(super) async fn serve(stream: TcpStream, books: Arc<Books>, place: Option<OwnedSemaphorePermit>) {
    let _ = stream.set_nodelay(true);
    let mut session = Session {
        stream: BufStream::new(stream),
        books,
        out: BytesMut::new(),
    };
    let started = timeout(STARTUP_LIMIT, session.start(place.is_some())).await;
    if matches!(started, Ok(Ok(true))) {
        // However it ends, the client is gone and nothing is left to tell.
        let _ = session.answer_requests().await;
    }
}

struct Session {
    stream: BufStream<TcpStream>,
    books: Arc<Books>,
    out: BytesMut,
}

impl Session {
    /// Reads up to the startup; true when the session may go on.
    async fn start(&mut self, admitted: bool) -> io::Result<bool> {
        for _ in 0..MAX_OPENINGS {
            match wire::read_opening(&mut self.stream).await {
                Ok(Opening::Encryption) => {
                    self.stream.write_all(b"N").await?;
                    self.stream.flush().await?;
                }
                Ok(Opening::Startup) if admitted => {
                    wire::write_welcome(&mut self.out);
                    self.send().await?;
                    return Ok(true);
                }
                Ok(Opening::Startup) => return self.fatal("53300", "sorry, too many clients already").await,
                Ok(Opening::Unknown(code)) => {
                    let told = format!("unsupported frontend protocol {}.{}", code >> 16, code & 0xffff);
                    return self.fatal("0A000", &told).await;
                }
                Ok(Opening::Cancel) | Err(ReadError::Gone) => return Ok(false),
                Err(ReadError::Malformed(told)) => return self.fatal("08P01", told).await,
            }
        }
        self.fatal("08P01", "no startup message").await
    }

    async fn answer_requests(&mut self) -> io::Result<bool> {
        // After an error in the extended protocol everything is skipped up to the next Sync.
        let mut skipping = false;
        loop {
            match wire::read_request(&mut self.stream).await {
                Ok(Request::Terminate) | Err(ReadError::Gone) => return Ok(false),
                Err(ReadError::Malformed(told)) => return self.fatal("08P01", told).await,
                Ok(Request::Sync) => {
                    skipping = false;
                    wire::write_ready(&mut self.out);
                }
                Ok(Request::Flush) => {}
                Ok(_) if skipping => {}
                Ok(Request::Query(sql)) if !self.answer(&sql).await => {
                    return self.fatal("53100", "the ledger's log cannot be written").await;
                }
                Ok(Request::Query(_)) => {}
                Ok(Request::Other(_)) => {
                    skipping = true;
                    refuse("only simple queries are").write(&mut self.out);
                }
            }
            self.send().await?;
        }
    }

    /// False when what was asked could not be kept.
    async fn answer(&mut self, sql: &str) -> bool {
        match Statement::parse(sql) {
            Some(statement) => {
                let Ok(answers) = self.books.execute(statement).await else {
                    return false;
                };
                answers.iter().for_each(|answer| answer.write(&mut self.out));
            }
            None if sql.trim_matches([' ', ';', '\n', '\t']).is_empty() => wire::write_empty(&mut self.out),
            None => raised::refusal(sql)
                .unwrap_or_else(|| refuse("only the statements of the payments API are"))
                .write(&mut self.out),
        }
        wire::write_ready(&mut self.out);
        true
    }

    async fn fatal(&mut self, sqlstate: &str, told: &str) -> io::Result<bool> {
        wire::write_error(&mut self.out, "FATAL", sqlstate, told);
        self.send().await?;
        Ok(false)
    }

    async fn send(&mut self) -> io::Result<()> {
        let writing = async {
            self.stream.write_all_buf(&mut self.out).await?;
            self.stream.flush().await
        };
        timeout(WRITE_LIMIT, writing)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }
}

fn refuse(what: &str) -> Answer {
    Answer::refused("0A000", format!("{what} supported by gameday's embedded ledger"))
}
