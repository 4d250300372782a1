//! A TCP connection to the first address that accepts one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gameday_core::Reason;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::lacking;
use crate::observation::Fault;

/// How long an address has for itself before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// More addresses than this are not tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to the first of these that accepts.
pub(super) async fn dial(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Fault> {
    let mut rest = addresses.iter().take(MAX_ADDRESSES);
    let mut attempts = FuturesUnordered::new();
    let mut failure: Option<(SocketAddr, io::Error)> = None;
    loop {
        if let Some(ip) = rest.next() {
            attempts.push(attempt(SocketAddr::new(*ip, port)));
        }
        let head_start = sleep(if rest.len() == 0 {
            Duration::MAX
        } else {
            HEAD_START
        });
        tokio::select! {
            biased;
            ended = attempts.next() => match ended {
                Some((_, Ok(stream))) => return Ok(stream),
                Some((address, Err(error))) => failure = Some(worse(failure, address, error)),
                None => break,
            },
            () = head_start => {}
        }
    }
    Err(failure.map_or_else(
        || Fault::new(Reason::CannotLook, "there is no address to connect to"),
        |(address, error)| fault(address, &error),
    ))
}

async fn attempt(address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    let connected = TcpStream::connect(address).await;
    // Without it, a small request may wait for the answer to a packet before it.
    let ready = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    (address, ready)
}

/// Of several failures, one that a host answered says more than a missing route.
fn worse(
    old: Option<(SocketAddr, io::Error)>,
    address: SocketAddr,
    new: io::Error,
) -> (SocketAddr, io::Error) {
    match old {
        Some(old) if !is_unreachable(&old.1) => old,
        _ => (address, new),
    }
}

fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        HostUnreachable | NetworkUnreachable | AddrNotAvailable
    )
}

fn fault(address: SocketAddr, error: &io::Error) -> Fault {
    if let Some(lack) = lacking(error) {
        return lack;
    }
    let (reason, said) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (Reason::ConnectRefused, "nothing listens there".to_owned()),
        io::ErrorKind::TimedOut => (Reason::ConnectTimeout, "no answer".to_owned()),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            (Reason::ConnectionReset, "reset while connecting".to_owned())
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            (Reason::ConnectUnreachable, "no route".to_owned())
        }
        // No free local port, no permission, no such family: none of it is the service's doing.
        _ => (Reason::CannotLook, error.to_string()),
    };
    Fault::new(reason, format!("connect to {address}: {said}"))
}
