//! Connections that the proxy understands as Redis, RESP2 and RESP3, pipelined or not.
//!
//! ```text
//!   client ─► Commands ─┬─► server ─► Replies ─┬─► client
//!                       └─ answered by a fault ┘     in the order in which they were asked
//! ```

mod commands;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod replies;
#[cfg(test)]
mod tests;

pub use fault::RedisFault;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use crate::attached::Attached;
use crate::rolls::Rolls;
use crate::session::{BoxIo, Session};
use crate::toxic::ToxicSpec;
use commands::{Commands, Piece};
use replies::Replies;

/// The most that is read at once.
const CHUNK: usize = 32 * 1024;
/// A client that asks more without reading an answer is no longer followed.
const MOST_DUE: usize = 65_536;
/// After these the server says things that nobody asked for, or nothing at all.
const OPAQUE: [&str; 6] = [
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "MONITOR",
    "SYNC",
    "PSYNC",
];

/// What the client will hear next.
enum Due {
    /// The server's reply.
    Server,
    /// An answer of ours.
    Ours(Bytes),
    /// An answer of ours, once the server's reply has come and was dropped.
    Instead(Bytes),
}

#[derive(Default)]
struct State {
    due: VecDeque<Due>,
    /// Everything passes from here on.
    opaque: bool,
    resp3: bool,
    in_multi: bool,
    /// A command within MULTI was refused, so EXEC is as well.
    dirty: bool,
}

/// One connection, seen from both directions.
struct Talk<'a> {
    session: &'a Session<'a>,
    state: Mutex<State>,
    /// There is an answer of ours.
    answered: Notify,
    rolls: Rolls,
}

/// Carries one connection to its end.
pub(crate) fn carry<'a>(session: &'a Session<'a>, client: BoxIo) -> BoxFuture<'a, ()> {
    let talk = Talk {
        session,
        state: Mutex::default(),
        answered: Notify::new(),
        rolls: Rolls::default(),
    };
    Box::pin(async move {
        // Whatever ended it, both sides are closed by being dropped.
        talk.run(client).await.ok();
    })
}

impl Talk<'_> {
    async fn run(&self, client: BoxIo) -> io::Result<()> {
        let server = self.session.dial().await?;
        let (client_in, client_out) = tokio::io::split(client);
        let (server_in, server_out) = tokio::io::split(server);
        let mut asking = std::pin::pin!(self.pass_commands(client_in, server_out));
        let mut answering = std::pin::pin!(self.pass_replies(server_in, client_out));
        tokio::select! {
            asked = &mut asking => {
                asked?;
                // A client that asks no more may still be answered.
                answering.await
            }
            answered = &mut answering => answered,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass_commands(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let (mut commands, mut stream, mut out) = (Commands::default(), BytesMut::new(), BytesMut::new());
        loop {
            while let Some(piece) = commands.next(&mut stream) {
                match piece {
                    Piece::Rest(bytes) => out.put(bytes),
                    Piece::Command { name, key, bytes } => {
                        let faults = self.met(&name, key.as_deref());
                        self.delay(&faults, &mut server, &mut out).await?;
                        let passed = self.ask(&name, key.as_deref(), bytes, &faults);
                        commands.settle(passed.is_none());
                        out.put(passed.unwrap_or_default());
                    }
                }
            }
            if commands.is_lost() {
                self.state().opaque = true;
            }
            flush(&mut server, &mut out).await?;
            stream.reserve(CHUNK);
            if client.read_buf(&mut stream).await? == 0 {
                server.write_all(&stream).await?;
                return server.shutdown().await;
            }
        }
    }

    /// What the server gets of a command's beginning; nothing if a fault answers it.
    fn ask(&self, name: &str, key: Option<&str>, bytes: Bytes, faults: &[Arc<Attached>]) -> Option<Bytes> {
        let mut state = self.state();
        if state.opaque || name.is_empty() {
            return Some(bytes);
        }
        // `CLIENT REPLY OFF` and `SKIP` leave commands without a reply.
        let mutes = name == "CLIENT" && key.is_some_and(|word| word.eq_ignore_ascii_case("REPLY"));
        if state.due.len() >= MOST_DUE || OPAQUE.contains(&name) || mutes {
            state.opaque = true;
            return Some(bytes);
        }
        let answer = faults
            .iter()
            .find_map(|toxic| Some((toxic, state.answer(fault_of(toxic))?)));
        if let Some((toxic, answer)) = answer {
            toxic.touches.note();
            state.dirty |= state.in_multi;
            state.due.push_back(Due::Ours(answer));
            drop(state);
            self.answered.notify_one();
            return None;
        }
        match name {
            "HELLO" => state.resp3 = key == Some("3"),
            "MULTI" => (state.in_multi, state.dirty) = (true, false),
            "DISCARD" => (state.in_multi, state.dirty) = (false, false),
            "EXEC" => {
                let dirty = state.dirty;
                (state.in_multi, state.dirty) = (false, false);
                if dirty {
                    // As a real server does with a transaction in which a command was refused.
                    let aborted = Bytes::from_static(
                        b"-EXECABORT Transaction discarded because of previous errors.\r\n",
                    );
                    state.due.push_back(Due::Instead(aborted));
                    return Some(Bytes::from_static(b"*1\r\n$7\r\nDISCARD\r\n"));
                }
            }
            _ => {}
        }
        state.due.push_back(Due::Server);
        Some(bytes)
    }

    async fn delay(
        &self,
        faults: &[Arc<Attached>],
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut BytesMut,
    ) -> io::Result<()> {
        for toxic in faults {
            let fault = fault_of(toxic);
            let Some(delay) = fault.delay else { continue };
            toxic.touches.note();
            // What was asked before is not to wait as well.
            flush(server, out).await?;
            let jitter = fault.jitter.map(gameday_core::Span::get).unwrap_or_default();
            let stray = self.draw(toxic, |rng| jitter.mul_f64(2.0 * rng.random::<f64>()));
            self.session
                .hold((delay.get() + stray).saturating_sub(jitter), toxic)
                .await;
        }
        Ok(())
    }

    async fn pass_replies(
        &self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let (mut replies, mut stream, mut out) = (Replies::default(), BytesMut::new(), BytesMut::new());
        loop {
            while !stream.is_empty() {
                self.pass_reply(&mut replies, &mut stream, &mut out);
            }
            self.state().say_ours(&mut out);
            flush(&mut client, &mut out).await?;
            stream.reserve(CHUNK);
            tokio::select! {
                read = server.read_buf(&mut stream) => if read? == 0 {
                    return client.shutdown().await;
                },
                () = self.answered.notified() => {}
            }
        }
    }

    /// Passes the bytes of one reply, or as many as there are of it.
    fn pass_reply(&self, replies: &mut Replies, stream: &mut BytesMut, out: &mut BytesMut) {
        let mut state = self.state();
        state.say_ours(out);
        if state.opaque && state.due.is_empty() || replies.is_lost() {
            state.opaque = true;
            out.put(stream.split());
            return;
        }
        let (length, ended) = replies.take(stream);
        let reply = stream.split_to(length);
        let dropped = matches!(state.due.front(), Some(Due::Instead(_)));
        if !dropped {
            out.put(reply);
        }
        if ended && let Some(Due::Instead(answer)) = state.due.pop_front() {
            out.put(answer);
        }
    }

    /// The faults that a command meets, in the order in which they were attached.
    fn met(&self, name: &str, key: Option<&str>) -> Vec<Arc<Attached>> {
        let toxics = self.session.toxics();
        let meets = |toxic: &&Arc<Attached>| match &toxic.spec {
            ToxicSpec::Redis(fault) => {
                fault.matches(name, key) && self.session.is_meant(toxic) && self.is_hit(toxic, fault)
            }
            _ => false,
        };
        toxics.iter().filter(meets).map(Arc::clone).collect()
    }

    fn is_hit(&self, toxic: &Attached, fault: &RedisFault) -> bool {
        let share = fault.share.map_or(1.0, gameday_core::Ratio::get);
        share >= 1.0 || self.draw(toxic, |rng| rng.random::<f64>() < share)
    }

    fn draw<T>(&self, toxic: &Attached, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        self.rolls.draw(toxic, self.session.visitor.number, draw)
    }
}

impl State {
    /// What a fault answers, if it does at this point.
    fn answer(&self, fault: &RedisFault) -> Option<Bytes> {
        if let Some(line) = fault.error_line() {
            return Some(format!("-{line}\r\n").into());
        }
        let nil: &[u8] = if self.resp3 { b"_\r\n" } else { b"$-1\r\n" };
        (fault.nil && !self.in_multi).then(|| Bytes::from_static(nil))
    }

    /// Says those answers of ours that are next.
    fn say_ours(&mut self, out: &mut BytesMut) {
        while let Some(Due::Ours(_)) = self.due.front() {
            if let Some(Due::Ours(answer)) = self.due.pop_front() {
                out.put(answer);
            }
        }
    }
}

async fn flush(to: &mut (impl AsyncWrite + Unpin), out: &mut BytesMut) -> io::Result<()> {
    if !out.is_empty() {
        to.write_all(out).await?;
        to.flush().await?;
        out.clear();
    }
    Ok(())
}

fn fault_of(toxic: &Attached) -> &RedisFault {
    match &toxic.spec {
        ToxicSpec::Redis(fault) => fault,
        _ => unreachable!("only faults of Redis are met here"),
    }
}
