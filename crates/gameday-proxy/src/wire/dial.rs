//! Connections to upstreams: every address of a name in turn, or a unix socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream, UnixStream, lookup_host};

use super::loss::{SEGMENT_BYTES, is_lossy};
use super::socket::Socket;
use crate::address::unix_path;
use crate::attached::{Attached, Stream};

/// Connects to an upstream, with small segments if what it sends is to be lost.
pub(crate) async fn dial(upstream: &str, toxics: &[Arc<Attached>]) -> io::Result<Socket> {
    if let Some(path) = unix_path(upstream) {
        return UnixStream::connect(path).await.map(Socket::Unix);
    }
    let stream = if is_lossy(toxics, Stream::Downstream) {
        dial_small(upstream).await
    } else {
        TcpStream::connect(upstream).await
    }?;
    // It can only fail on a socket that is gone, which reading will tell.
    stream.set_nodelay(true).ok();
    Ok(Socket::Tcp(stream))
}

async fn dial_small(upstream: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in lookup_host(upstream).await? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // Larger segments are still lost, only fewer of them.
        SockRef::from(&socket).set_tcp_mss(SEGMENT_BYTES).ok();
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
