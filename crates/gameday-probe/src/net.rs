//! One request over one connection: resolve, connect, TLS, send, wait, transfer.
//!
//! A prober wants what a pool hides: the cost of a fresh connection, the phase that failed, and the
//! certificate's own fault. So each request has its own connection, made here from hickory's
//! resolver, a `TcpStream`, tokio-rustls and hyper's HTTP/1.1. Nothing is spawned: the future that
//! waits for the answer also drives the connection, and dropping it closes the socket.

mod connector;
mod dial;
mod exchange;
mod laps;
mod resolve;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod url;

pub(crate) use connector::Connector;
pub(crate) use exchange::Request;
pub(crate) use laps::Laps;
pub(crate) use url::Url;

use std::io;

use crate::observation::Fault;
use gameday_core::Reason;

/// Our own lack of resources says nothing about the service.
fn lacking(error: &io::Error) -> Option<Fault> {
    use nix::libc::{EMFILE, ENFILE, ENOBUFS, ENOMEM};
    match error.raw_os_error()? {
        EMFILE | ENFILE => Some(Fault::new(
            Reason::NoDescriptors,
            "we ran out of file descriptors (`ulimit -n`)",
        )),
        ENOMEM | ENOBUFS => Some(Fault::new(
            Reason::NoDescriptors,
            "we ran out of memory for sockets",
        )),
        _ => None,
    }
}
