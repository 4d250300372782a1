//! What the client asks: startup, then statements, each passed on, delayed, or replaced by one that fails.

use std::io;

use bytes::{BufMut, BytesMut};
use rand::RngExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::exchange::Due;
use super::frames::{Frame, Frames, body, message, text};
use super::{PostgresFault, Talk, fault_of};
use crate::session::BoxIo;

/// Codes in the place of a version (PostgreSQL's manual, 55.7).
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// No startup message of a real client is longer; PostgreSQL has the same limit.
const LONGEST_STARTUP: usize = 10_000;
/// The most that is read at once.
const CHUNK: usize = 32 * 1024;

impl Talk<'_> {
    /// The startup message, once the client is done asking for what it does not get; nothing if it was refused.
    pub(super) async fn startup(&self, client: &mut BoxIo) -> io::Result<Option<BytesMut>> {
        loop {
            let mut head = [0; 8];
            client.read_exact(&mut head).await?;
            let [length, code] =
                [0, 4].map(|at| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
            let mut first = BytesMut::from(&head[..]);
            match (code, usize::try_from(length).unwrap_or(usize::MAX)) {
                (SSL_REQUEST | GSS_REQUEST, 8) => {
                    client.write_all(b"N").await?;
                    client.flush().await?;
                    continue;
                }
                (CANCEL_REQUEST, _) => return Ok(Some(first)),
                (_, length @ 8..=LONGEST_STARTUP) => {
                    first.resize(length, 0);
                    client.read_exact(&mut first[8..]).await?;
                }
                // It is no PostgreSQL: the server will say so in its own words.
                _ => return Ok(Some(first)),
            }
            let refused = self.met(|fault| fault.too_many_connections);
            let Some(toxic) = refused.first() else {
                return Ok(Some(first));
            };
            toxic.touches.note();
            client.write_all(&refusal()).await?;
            client.flush().await?;
            client.shutdown().await?;
            return Ok(None);
        }
    }

    /// Passes everything that the client asks, until it ends.
    pub(super) async fn pass_questions(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
        startup: BytesMut,
    ) -> io::Result<()> {
        server.write_all(&startup).await?;
        server.flush().await?;
        let (mut frames, mut stream, mut out) = (Frames::default(), BytesMut::new(), BytesMut::new());
        loop {
            while let Some(frame) = frames.next(&mut stream, |tag| b"QPBECDSF".contains(&tag)) {
                match frame {
                    Frame::Pass(bytes) => out.put(bytes),
                    Frame::Message(tag, bytes) => self.ask(tag, &bytes, &mut server, &mut out).await?,
                }
            }
            if frames.is_lost() {
                self.exchange().is_lost = true;
            }
            if !out.is_empty() {
                server.write_all(&out).await?;
                server.flush().await?;
                out.clear();
            }
            stream.reserve(CHUNK);
            if client.read_buf(&mut stream).await? == 0 {
                server.write_all(&stream).await?;
                return server.shutdown().await;
            }
        }
    }

    /// One message of which the beginning matters; `out` is what is written to the server next.
    async fn ask(
        &self,
        tag: u8,
        bytes: &[u8],
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut BytesMut,
    ) -> io::Result<()> {
        let inside = body(bytes);
        let statement = {
            let mut exchange = self.exchange();
            match tag {
                b'Q' => Some(text(inside).0),
                b'E' => exchange.executed(&text(inside).0).map(str::to_owned),
                b'P' => {
                    let (name, rest) = text(inside);
                    exchange.prepare(name, text(rest).0);
                    exchange.ask(Due::Parse(false));
                    None
                }
                b'B' => {
                    let (portal, rest) = text(inside);
                    exchange.bind(portal, text(rest).0);
                    exchange.ask(Due::Bind(false));
                    None
                }
                b'C' => {
                    let (kind, name) = inside
                        .split_first()
                        .map_or((0, &[][..]), |(kind, rest)| (*kind, rest));
                    exchange.close(kind, &text(name).0);
                    exchange.ask(Due::Close);
                    None
                }
                b'D' => {
                    exchange.ask(Due::Describe);
                    None
                }
                _ => {
                    exchange.ask(Due::Ready);
                    None
                }
            }
        };
        let replaced = match statement {
            Some(statement) => self.disturb(tag, &statement, server, out).await?,
            None => None,
        };
        let due = if tag == b'Q' { Due::Ready } else { Due::Execute };
        match replaced {
            Some(instead) => out.put(&instead[..]),
            None => out.put(bytes),
        }
        if matches!(tag, b'Q' | b'E') {
            self.exchange().ask(due);
        }
        Ok(())
    }

    /// Does what faults do to a statement; gives what the server is to get instead of it.
    async fn disturb(
        &self,
        tag: u8,
        statement: &str,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut BytesMut,
    ) -> io::Result<Option<Vec<u8>>> {
        for toxic in self.met(|fault| fault.matches(statement)) {
            let fault = fault_of(&toxic);
            if let Some(delay) = fault.delay {
                toxic.touches.note();
                // What was asked before is not to wait as well.
                server.write_all(out).await?;
                server.flush().await?;
                out.clear();
                let jitter = fault.jitter.map(gameday_core::Span::get).unwrap_or_default();
                let stray = self.draw(&toxic, |rng| jitter.mul_f64(2.0 * rng.random::<f64>()));
                self.session
                    .hold((delay.get() + stray).saturating_sub(jitter), &toxic)
                    .await;
            }
            let mut exchange = self.exchange();
            if let Some(size) = fault.cut {
                toxic.touches.note();
                exchange.cut_after.get_or_insert(size.get());
            }
            if fault.commit_lost {
                toxic.touches.note();
                exchange.lose_commit = true;
            }
            if fault.error.is_some() && !exchange.is_lost {
                toxic.touches.note();
                if tag == b'Q' {
                    return Ok(Some(message(b'Q', &zero_ended(&failing(fault)))));
                }
                exchange.ask(Due::Parse(true));
                exchange.ask(Due::Bind(true));
                return Ok(Some(executing(&failing(fault))));
            }
        }
        Ok(None)
    }
}

/// A statement that fails as a fault says. The code was checked; quotes of the message are doubled.
fn failing(fault: &PostgresFault) -> String {
    let code = fault.error.as_deref().unwrap_or("XX000");
    let message = fault
        .message
        .clone()
        .unwrap_or_else(|| format!("{code} raised by a fault of gameday"));
    let message = message.replace('\0', "").replace('\'', "''");
    format!(
        "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''{code}'', MESSAGE = ''{}''; END'",
        message.replace('\'', "''")
    )
}

/// Parse, Bind and Execute of a statement, unnamed: the server discards all that follows up to the next Sync.
fn executing(statement: &str) -> Vec<u8> {
    let parse = [b"\0".as_slice(), &zero_ended(statement), &[0, 0]].concat();
    let bind = [0_u8; 8];
    let execute = [0_u8; 5];
    [
        message(b'P', &parse),
        message(b'B', &bind),
        message(b'E', &execute),
    ]
    .concat()
}

fn zero_ended(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// `FATAL: sorry, too many clients already`, as the server says it.
fn refusal() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    message(b'E', fields)
}
