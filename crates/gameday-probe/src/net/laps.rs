//! The stamps of one request: consecutive moments of one clock, so that the phases add up exactly.
//!
//! ```text
//!  0      resolved   connected   secured        last write      first read        end
//!  ├─resolve─┼──connect──┼────tls────┼─────send─────┼──────wait──────┼───transfer───┤
//! ```

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use gameday_core::Phases;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::duration::micros;

/// So much of an answer's beginning is kept.
const MAX_BEGINNING_BYTES: usize = 4096;
/// Not yet.
const UNSET: u64 = u64::MAX;

/// A phase's place among the phases.
pub(crate) type Phase = fn(&mut Phases) -> &mut u64;

/// What has been stamped so far.
#[derive(Debug)]
pub(crate) struct Laps {
    start: Instant,
    last_us: u64,
    phases: Phases,
}

impl Laps {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            last_us: 0,
            phases: Phases::default(),
        }
    }

    /// A phase ends now.
    pub(crate) fn end(&mut self, phase: Phase) {
        let now = micros(self.start.elapsed());
        self.end_at(phase, now);
    }

    /// A phase ended then, though not before the one before it.
    fn end_at(&mut self, phase: Phase, at_us: u64) {
        let at = at_us.max(self.last_us);
        *phase(&mut self.phases) += at - self.last_us;
        self.last_us = at;
    }

    /// Stamps for what goes over the connection.
    pub(super) fn traffic(&self) -> Arc<Traffic> {
        Arc::new(Traffic {
            start: self.start,
            last_write_us: AtomicU64::new(UNSET),
            first_read_us: AtomicU64::new(UNSET),
            beginning: OnceLock::new(),
        })
    }

    /// The conversation is over: what is not over by then ends now.
    pub(super) fn end_conversation(&mut self, traffic: &Traffic) {
        let now = micros(self.start.elapsed());
        let read = traffic.first_read_us.load(Ordering::Relaxed).min(now);
        let written = traffic.last_write_us.load(Ordering::Relaxed).min(read);
        self.end_at(|phases| &mut phases.send_us, written);
        self.end_at(|phases| &mut phases.wait_us, read);
        self.end_at(|phases| &mut phases.transfer_us, now);
    }

    pub(crate) fn phases(&self) -> Phases {
        self.phases
    }
}

/// When the request's last byte left and the answer's first byte came.
#[derive(Debug)]
pub(super) struct Traffic {
    start: Instant,
    last_write_us: AtomicU64,
    first_read_us: AtomicU64,
    /// The answer's first bytes, for what its parser does not tell apart.
    beginning: OnceLock<Box<[u8]>>,
}

impl Traffic {
    pub(super) fn wrote(&self) {
        if self.first_read_us.load(Ordering::Relaxed) == UNSET {
            self.last_write_us
                .store(micros(self.start.elapsed()), Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) {
        let now = micros(self.start.elapsed());
        // Only the first one counts; the others find it set.
        self.first_read_us
            .compare_exchange(UNSET, now, Ordering::Relaxed, Ordering::Relaxed)
            .ok();
    }

    /// Keeps the beginning of the first bytes that came.
    fn keep(&self, bytes: &[u8]) {
        self.beginning
            .get_or_init(|| bytes[..bytes.len().min(MAX_BEGINNING_BYTES)].into());
    }

    pub(super) fn beginning(&self) -> &[u8] {
        self.beginning.get().map_or(&[], |bytes| bytes)
    }
}

/// A connection that stamps what goes over it.
#[derive(Debug)]
pub(super) struct Stamped<S> {
    stream: S,
    traffic: Arc<Traffic>,
    /// Bytes were taken that a flush may still have to send (TLS keeps records back).
    unflushed: bool,
    /// The end of what is written is told before the connection closes: TLS does (RFC 8446, 6.1), TCP needs no word for it.
    says_goodbye: bool,
}

impl<S> Stamped<S> {
    pub(super) fn new(stream: S, traffic: Arc<Traffic>, says_goodbye: bool) -> Self {
        Self {
            stream,
            traffic,
            unflushed: false,
            says_goodbye,
        }
    }

    fn took(&mut self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(1..)) = result {
            self.traffic.wrote();
            self.unflushed = true;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.traffic.read();
            self.traffic.keep(&buf.filled()[before..]);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.took(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.took(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        if result.is_ready() && std::mem::take(&mut self.unflushed) {
            self.traffic.wrote();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.says_goodbye {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_out_of_order_still_add_up_to_the_last_one() {
        let mut laps = Laps::start();
        laps.end_at(|phases| &mut phases.connect_us, 100);
        // An answer before the request was written whole: a server that refuses early.
        laps.end_at(|phases| &mut phases.send_us, 90);
        laps.end_at(|phases| &mut phases.wait_us, 350);
        let phases = laps.phases();
        assert_eq!((phases.connect_us, phases.send_us, phases.wait_us), (100, 0, 250));
        assert_eq!(phases.total_us(), 350);
    }
}
