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
use tokio::time::Sleep;

/// Connections at once; further ones wait in the kernel.
const CONNECTIONS: usize = 64;
/// A connection is over after this time, whatever it is at.
const LIFETIME: Duration = Duration::from_secs(10);

/// A listener whose connections are bounded in number and time.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    lifetime: Duration,
}

/// A connection that ends by itself.
pub(super) struct Visit {
    stream: TcpStream,
    over: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
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
            over: Box::pin(tokio::time::sleep(self.lifetime)),
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
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
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

    async fn door(places: usize, lifetime: Duration) -> (Door, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener);
        (door.places, door.lifetime) = (Arc::new(Semaphore::new(places)), lifetime);
        (door, address)
    }

    #[tokio::test]
    async fn a_visitor_who_drips_is_shown_out() {
        let (mut door, address) = door(1, Duration::from_millis(100)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut visit, _) = door.accept().await;
        let mut byte = [0];
        // A byte now and then must not make the visit longer than its lifetime.
        let dripping = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let reading = async { while visit.read_exact(&mut byte).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(5), async {
            tokio::select! { () = dripping => {}, () = reading => {} }
        })
        .await
        .expect("it ends");
        let error = visit.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_too_many_waits_until_another_has_left() {
        let (mut door, address) = door(1, Duration::from_secs(5)).await;
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
