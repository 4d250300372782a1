//! A TCP connection to the first address that accepts one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gameday_core::Reason;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use super::lacking;
use crate::duration::micros;
use crate::evidence::{Evidence, Exhibit};
use crate::observation::Fault;

/// How long an address has for itself before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// More addresses than this are not tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to the first of these that accepts, from `source` if one is given.
pub(super) async fn dial(
    addresses: &[IpAddr],
    port: u16,
    source: Option<IpAddr>,
    evidence: &mut Evidence,
) -> Result<(TcpStream, SocketAddr), Fault> {
    // One address, as an address for a name is, races nobody.
    if let [only] = addresses {
        let attempt = attempt(SocketAddr::new(*only, port), source).await;
        evidence.add(attempt.exhibit());
        return match attempt.result {
            Ok(stream) => Ok((stream, attempt.address)),
            Err(error) => Err(fault(attempt.address, &error)),
        };
    }
    let mut rest = addresses.iter().take(MAX_ADDRESSES);
    let mut attempts = FuturesUnordered::new();
    let mut failure: Option<(SocketAddr, io::Error)> = None;
    loop {
        if let Some(ip) = rest.next() {
            attempts.push(attempt(SocketAddr::new(*ip, port), source));
        }
        let head_start = sleep(if rest.len() == 0 {
            Duration::MAX
        } else {
            HEAD_START
        });
        tokio::select! {
            biased;
            ended = attempts.next() => {
                let Some(attempt) = ended else { break };
                evidence.add(attempt.exhibit());
                match attempt.result {
                    Ok(stream) => return Ok((stream, attempt.address)),
                    Err(error) => failure = Some(worse(failure, attempt.address, error)),
                }
            }
            () = head_start => {}
        }
    }
    Err(failure.map_or_else(
        || Fault::new(Reason::CannotLook, "there is no address to connect to"),
        |(address, error)| fault(address, &error),
    ))
}

/// One attempt, and how long it took.
struct Attempt {
    address: SocketAddr,
    result: io::Result<TcpStream>,
    took: Duration,
}

impl Attempt {
    fn exhibit(&self) -> Exhibit {
        Exhibit::Connect {
            address: self.address.to_string(),
            outcome: match &self.result {
                Ok(_) => "connected".to_owned(),
                Err(error) => error.to_string(),
            },
            took_us: micros(self.took),
        }
    }
}

async fn attempt(address: SocketAddr, source: Option<IpAddr>) -> Attempt {
    let began = Instant::now();
    let connected = connect(address, source).await;
    // Without it, a small request may wait for the answer to a packet before it.
    let result = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
    Attempt {
        address,
        result,
        took: began.elapsed(),
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(source) = source else {
        return TcpStream::connect(address).await;
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
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
