//! DNS over TCP (RFC 1035, 4.2.2; RFC 7766): each message behind its length, several on their way at a time.
//!
//! ```text
//!   client ─► ask ─┬──────────► server ─► answer ─► queue by when each leaves ─► client
//!                  └─ answered by a fault ────────────────┘
//! ```

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::{Asked, Messages};
use crate::session::{BoxIo, Session};

/// No more answers than this wait to leave; then no more messages are read.
const MOST_QUEUED: usize = 1024;
/// Nor more bytes of them than this and one message.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// One connection, seen from both directions.
struct Talk<'a> {
    session: &'a Session<'a>,
    state: Mutex<State>,
    /// An answer was queued, or left.
    moved: Notify,
}

struct State {
    messages: Messages,
    /// By when each leaves, then in the order of arrival.
    queue: BTreeMap<(Instant, u64), Bytes>,
    bytes: usize,
    queued: u64,
    /// Neither the server nor a fault will answer anything more.
    over: bool,
}

/// Carries one connection to its end.
pub(crate) fn carry<'a>(session: &'a Session<'a>, client: BoxIo) -> BoxFuture<'a, ()> {
    let state = State {
        messages: Messages::new(Arc::clone(&session.visitor), false),
        queue: BTreeMap::new(),
        bytes: 0,
        queued: 0,
        over: false,
    };
    let talk = Talk {
        session,
        state: Mutex::new(state),
        moved: Notify::new(),
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
        tokio::try_join!(
            self.pass_queries(client_in, server_out),
            self.take_answers(server_in),
            self.send_answers(client_out),
            self.hurry(),
        )?;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass_queries(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        while let Some(query) = read(&mut client).await? {
            let toxics = self.session.toxics();
            let asked = self.state().messages.ask(&toxics, &query);
            match asked {
                Asked::Pass => write(&mut server, &query).await?,
                Asked::Lost => {}
                Asked::Answered(answer, delay) => self.enqueue(answer, delay).await,
            }
        }
        server.shutdown().await
    }

    async fn take_answers(&self, mut server: impl AsyncRead + Unpin) -> io::Result<()> {
        while let Some(answer) = read(&mut server).await? {
            let toxics = self.session.toxics();
            let (answer, delay) = self.state().messages.answer(&toxics, answer);
            self.enqueue(answer, delay).await;
        }
        self.state().over = true;
        self.moved.notify_waiters();
        Ok(())
    }

    async fn enqueue(&self, answer: Bytes, delay: Duration) {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if self.state().put(answer.clone(), delay) {
                self.moved.notify_waiters();
                return;
            }
            moved.await;
        }
    }

    async fn send_answers(&self, mut client: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut alarm = self.session.route.timer.alarm();
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            let (answer, due, over) = self.state().next(Instant::now());
            if let Some(answer) = answer {
                self.moved.notify_waiters();
                write(&mut client, &answer).await?;
                continue;
            }
            if over && due.is_none() {
                client.shutdown().await?;
                // The rest of the connection is of no use to anyone.
                return Err(ErrorKind::ConnectionAborted.into());
            }
            tokio::select! {
                () = alarm.until(due) => {}
                () = moved => {}
            }
        }
    }

    /// When the toxics change, what waits leaves at once.
    async fn hurry(&self) -> io::Result<()> {
        let mut feed = self.session.route.toxics.clone();
        while feed.changed().await.is_ok() {
            self.state().hurry(Instant::now());
            self.moved.notify_waiters();
        }
        // A proxy that is gone takes its connections with it.
        std::future::pending().await
    }
}

impl State {
    fn put(&mut self, answer: Bytes, delay: Duration) -> bool {
        if self.queue.len() >= MOST_QUEUED || self.bytes >= MOST_BYTES {
            return false;
        }
        self.bytes += answer.len();
        self.queued += 1;
        self.queue.insert((Instant::now() + delay, self.queued), answer);
        true
    }

    fn hurry(&mut self, now: Instant) {
        let waiting = std::mem::take(&mut self.queue);
        let sooner = |((due, number), answer): ((Instant, u64), Bytes)| ((due.min(now), number), answer);
        self.queue = waiting.into_iter().map(sooner).collect();
    }

    /// The answer that is due, or else when the next is; and whether there will be no more.
    fn next(&mut self, now: Instant) -> (Option<Bytes>, Option<Instant>, bool) {
        let Some(first) = self.queue.first_entry() else {
            return (None, None, self.over);
        };
        let due = first.key().0;
        let answer = (due <= now).then(|| first.remove());
        self.bytes -= answer.as_ref().map_or(0, Bytes::len);
        (answer, Some(due), self.over)
    }
}

/// The next message; nothing at the end of the stream.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Bytes>> {
    let length = match from.read_u16().await {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        length => usize::from(length?),
    };
    let mut message = BytesMut::zeroed(length);
    from.read_exact(&mut message).await?;
    Ok(Some(message.freeze()))
}

/// A message and its length in one go, as RFC 7766, 8 asks.
async fn write(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    let framed = [&length.to_be_bytes(), message].concat();
    to.write_all(&framed).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attached::Visitor;

    #[test]
    fn long_answers_fill_the_queue_sooner_and_room_comes_back_as_they_leave() {
        let mut state = State {
            messages: Messages::new(Visitor::new(None, 1), false),
            queue: BTreeMap::new(),
            bytes: 0,
            queued: 0,
            over: false,
        };
        let long = Bytes::from_static(&[0; 65_535]);
        let mut fitted = 0;
        while state.put(long.clone(), Duration::ZERO) {
            fitted += 1;
        }
        assert_eq!(fitted, MOST_BYTES.div_ceil(long.len()));
        let later = Instant::now();
        assert!(state.next(later).0.is_some() && state.put(long.clone(), Duration::ZERO));
        while state.next(Instant::now()).0.is_some() {}
        assert_eq!((state.bytes, state.queue.len()), (0, 0));
        let short = Bytes::from_static(b"short");
        let fitted = (0..2 * MOST_QUEUED).filter(|_| state.put(short.clone(), Duration::ZERO));
        assert_eq!(fitted.count(), MOST_QUEUED);
    }
}
