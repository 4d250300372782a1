//! Where datagrams of clients come in and those to them leave: one socket, which closes at once.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// Room for bursts; the kernel gives what it allows.
const KERNEL_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A socket of datagrams that can be closed from outside of the tasks that use it.
pub(crate) struct Hatch {
    socket: Mutex<Option<UdpSocket>>,
    pub(crate) address: SocketAddr,
}

impl Hatch {
    /// Takes an address; must be called on the runtime.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Arc<Self>> {
        let socket = match bind(address) {
            // Without IPv6, "all interfaces" are those of IPv4.
            Err(error)
                if address.ip().is_unspecified()
                    && address.is_ipv6()
                    && error.kind() != ErrorKind::AddrInUse =>
            {
                bind((Ipv4Addr::UNSPECIFIED, address.port()).into())
            }
            result => result,
        }?;
        let address = socket.local_addr()?;
        Ok(Arc::new(Self {
            socket: Mutex::new(Some(socket)),
            address,
        }))
    }

    /// Gives the address up, now.
    pub(crate) fn close(&self) {
        self.lock().take();
    }

    /// The next datagram and who sent it; for one task at a time.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|context| self.poll_receive(context, buffer)).await
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        match &*self.lock() {
            Some(socket) => socket
                .poll_recv_from(context, &mut buffer)
                .map_ok(|from| (buffer.filled().len(), from)),
            // Behind a closed hatch one waits for ever: the task is being aborted.
            None => Poll::Pending,
        }
    }

    /// Sends a datagram, or fails at once when the kernel has no room for it.
    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        match &*self.lock() {
            Some(socket) => SockRef::from(socket).send_to(bytes, &to.into()).map(drop),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<UdpSocket>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    widen(SockRef::from(&socket));
    UdpSocket::from_std(socket)
}

/// Asks the kernel for room; it never fails a proxy that it gives less.
pub(super) fn widen(socket: SockRef<'_>) {
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES).ok();
    socket.set_send_buffer_size(KERNEL_BUFFER_BYTES).ok();
}
