//! A connection's socket: TCP, or a unix socket.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// Either kind; what only TCP has does nothing on the other.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same call on either kind.
macro_rules! either {
    ($self:ident, $socket:ident => $call:expr) => {
        match $self {
            Self::Tcp($socket) => $call,
            Self::Unix($socket) => $call,
        }
    };
}

impl Socket {
    pub(crate) async fn readable(&self) -> io::Result<()> {
        either!(self, socket => socket.readable().await)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        either!(self, socket => socket.writable().await)
    }

    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, socket => socket.poll_read_ready(context))
    }

    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, socket => socket.poll_write_ready(context))
    }

    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_read(into))
    }

    pub(crate) fn try_read_buf(&self, into: &mut impl BufMut) -> io::Result<usize> {
        either!(self, socket => socket.try_read_buf(into))
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_write(bytes))
    }

    pub(crate) fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, socket => socket.try_write_vectored(parts))
    }

    /// Reads what there is. When that is less than `little`, the socket is taken to be empty, which saves the read that
    /// would say so.
    pub(crate) fn try_read_out(&self, into: &mut [u8], little: usize) -> io::Result<usize> {
        let socket = SockRef::from(self);
        let mut length = None;
        let read = || {
            let read = (&*socket).read(into)?;
            length = Some(read);
            // Said from within, so that what comes after the read makes the socket readable again.
            if (1..little).contains(&read) {
                Err(ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        };
        let emptied = either!(self, socket => socket.try_io(Interest::READABLE, read));
        length.map_or_else(|| emptied.map(|()| 0), Ok)
    }

    /// Waits for a byte and leaves it there; 0 is the end of the stream.
    pub(crate) async fn peek(&self) -> io::Result<usize> {
        let look = || SockRef::from(self).peek(&mut [MaybeUninit::uninit(); 1]);
        either!(self, socket => socket.async_io(Interest::READABLE, look).await)
    }

    /// Sends a FIN. An error means that the peer is gone already, which is what it was to be told.
    pub(crate) fn finish(&self) {
        SockRef::from(self).shutdown(Shutdown::Write).ok();
    }

    /// Makes the socket's end a reset, which unix sockets do not have: theirs is a close.
    pub(crate) fn reset_at_end(&self) {
        if let Self::Tcp(socket) = self {
            // It can only fail on a socket that is gone.
            socket.set_zero_linger().ok();
        }
    }

    /// The addresses of its two ends, on TCP.
    pub(crate) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().zip(socket.peer_addr().ok()),
            Self::Unix(_) => None,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, socket => socket.as_fd())
    }
}
