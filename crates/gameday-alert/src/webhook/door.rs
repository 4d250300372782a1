//! The receiver's door: so many at once, and none for long.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Connections at once; further ones wait in the kernel.
const CONNECTIONS: usize = 256;
/// A connection whose head is not whole within this time is over: a sender on a LAN sends at once,
/// and one that is silent must not keep a place that a notification waits for.
const HEAD_TIME: Duration = Duration::from_secs(1);
/// A connection is over after this time, whatever it is at.
const LIFETIME: Duration = Duration::from_secs(10);

/// A listener whose connections are bounded in number and time.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    head_time: Duration,
    lifetime: Duration,
}

/// A connection that ends by itself.
pub(super) struct Visit {
    stream: TcpStream,
    head: Head,
    over: Pin<Box<Sleep>>,
    /// When it is over once its head was read.
    end: Instant,
    _place: OwnedSemaphorePermit,
}

/// How far the head of a request was read; it ends with an empty line after one that is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Nothing but line ends so far, which HTTP allows before a request.
    Awaited,
    InLine,
    AfterLine,
    Whole,
}

impl Head {
    fn read(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |head, byte| match (head, byte) {
            (Self::Whole, _) | (Self::AfterLine, b'\n') => Self::Whole,
            (Self::InLine, b'\n') => Self::AfterLine,
            (head, b'\n' | b'\r') => head,
            _ => Self::InLine,
        })
    }
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            head_time: HEAD_TIME,
            lifetime: LIFETIME,
        }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        // tokio's own listener waits a while when descriptors run out, then goes on.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let visit = Visit {
            stream,
            head: Head::Awaited,
            over: Box::pin(tokio::time::sleep(self.head_time)),
            end: Instant::now() + self.lifetime,
            _place: place,
        };
        (visit, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Visit {
    fn check_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Takes note of what was read: with its head whole, a visit may last its lifetime.
    fn note(&mut self, bytes: &[u8], context: &mut Context<'_>) -> io::Result<()> {
        if self.head == Head::Whole {
            return Ok(());
        }
        self.head = self.head.read(bytes);
        if self.head == Head::Whole {
            let end = self.end;
            self.over.as_mut().reset(end);
            // A timer that was set anew wakes nobody until it is asked.
            self.check_time(context)?;
        }
        Ok(())
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(&buffer.filled()[before..], context)?;
        polled
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LONG: Duration = Duration::from_secs(5);

    async fn door(places: usize, head_time: Duration, lifetime: Duration) -> (Door, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener);
        door.places = Arc::new(Semaphore::new(places));
        (door.head_time, door.lifetime) = (head_time, lifetime);
        (door, address)
    }

    /// How long a visitor may stay who sends `head` at once and then a byte now and then.
    async fn stay(head: &[u8], head_time: Duration, lifetime: Duration) -> Duration {
        let (mut door, address) = door(1, head_time, lifetime).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut visit, _) = door.accept().await;
        let since = Instant::now();
        client.write_all(head).await.unwrap();
        let mut byte = [0];
        let dripping = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            std::future::pending::<()>().await;
        };
        let reading = async {
            loop {
                if let Err(error) = visit.read_exact(&mut byte).await {
                    return error;
                }
            }
        };
        let both = async {
            tokio::select! { () = dripping => unreachable!(), error = reading => error }
        };
        let error = tokio::time::timeout(LONG, both).await.expect("it ends");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        since.elapsed()
    }

    #[tokio::test]
    async fn a_visitor_who_drips_is_shown_out() {
        let short = Duration::from_millis(100);
        // A byte now and then must not make the visit longer than its lifetime.
        assert!(stay(b"POST / HTTP/1.1\r\n\r\n", LONG, short).await >= short);
    }

    #[tokio::test]
    async fn a_visitor_without_a_whole_head_has_less_time_than_one_with() {
        let (short, long) = (Duration::from_millis(100), Duration::from_millis(400));
        let head = b"\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n";
        assert!(stay(&head[..head.len() - 2], short, long).await < long);
        assert!(stay(head, short, long).await >= long);
        assert!(
            stay(b"GET / HTTP/1.1\nHost: x\n\n", short, long).await >= long,
            "bare line ends"
        );
    }

    #[tokio::test]
    async fn one_too_many_waits_until_another_has_left() {
        let (mut door, address) = door(1, LONG, LONG).await;
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let (visit, _) = door.accept().await;
        let wait = Duration::from_millis(50);
        assert!(tokio::time::timeout(wait, door.accept()).await.is_err());
        drop(visit);
        let next = tokio::time::timeout(Duration::from_secs(5), door.accept()).await;
        assert!(next.is_ok());
    }
}
