//! The client's end of a session, with the stream toxics in its path.
//!
//! ```text
//!  client socket ─► upstream link   ─► Toxified::poll_read      (what the protocol reads)
//!  client socket ◄─ downstream link ◄─ Toxified::poll_write     (what the protocol writes)
//! ```
//!
//! While no toxic acts, both directions go straight to the socket. Otherwise [`Pipe::drive`], which runs beside the
//! protocol in the same task, reads and writes the socket as the links say. So a reset reaches a session that waits
//! for its upstream, and a chunk is late by its own delay, however seldom the protocol reads. What was written is on
//! its way, as with a socket: flushing and closing do not wait for it, and the session ends after the last of it.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pipe::{CHUNK, Pipe};
use super::socket;
use crate::attached::Stream;
use crate::link::Input;

/// The client's byte stream behind its toxics; what was sent still leaves after it is dropped.
pub(crate) struct Toxified(pub(super) Arc<Pipe>);

impl AsyncRead for Toxified {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let pipe = &*self.0;
        let mut state = pipe.lock();
        let before = into.filled().len();
        let polled = if !state.ready.is_empty() {
            let length = state.ready.len().min(into.remaining());
            into.put_slice(&state.ready[..length]);
            state.ready.advance(length);
            // There may be room for more now.
            pipe.wake_driver();
            Poll::Ready(Ok(()))
        } else if state.ended {
            Poll::Ready(Ok(()))
        } else if state.reads_pass() {
            let polled = socket::poll_read(&pipe.socket, context, into);
            pipe.received(Stream::Upstream, into.filled().len() - before);
            polled
        } else {
            Poll::Pending
        };
        match polled {
            // Even the socket's own reader: the toxics may change while it waits.
            Poll::Pending => state.reader.register(context),
            Poll::Ready(_) => pipe.passed(Stream::Upstream, into.filled().len() - before),
        }
        polled
    }
}

impl AsyncWrite for Toxified {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pipe = &*self.0;
        let mut state = pipe.lock();
        if state.broken || state.shut {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        // A server that speaks first speaks no TLS.
        pipe.no_hello(&mut state);
        if state.writes_pass() {
            let polled = socket::poll_write(&pipe.socket, context, parts);
            match &polled {
                Poll::Pending => state.writer.register(context),
                Poll::Ready(Ok(length)) => {
                    pipe.received(Stream::Downstream, *length);
                    pipe.passed(Stream::Downstream, *length);
                }
                Poll::Ready(Err(_)) => {}
            }
            return polled;
        }
        if !state.down.wants_data() {
            state.writer.register(context);
            return Poll::Pending;
        }
        let part = parts.iter().find(|part| !part.is_empty());
        let part = part.map_or(&[][..], |part| &part[..part.len().min(CHUNK)]);
        if !part.is_empty() {
            pipe.received(Stream::Downstream, part.len());
            state
                .down
                .handle(Instant::now(), Input::Data(Bytes::copy_from_slice(part)));
            pipe.wake_driver();
        }
        Poll::Ready(Ok(part.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut(true);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Toxified {
    fn drop(&mut self) {
        self.0.shut(false);
    }
}
