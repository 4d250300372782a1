//! One request over one connection: resolve, connect, TLS, send, wait, transfer.
//!
//! A prober wants what a pool hides: the cost of a fresh connection, the phase that failed, and the
//! certificate's own fault. So each request has its own connection, made here from hickory's
//! resolver, a `TcpStream`, tokio-rustls, and hyper's HTTP/1.1 or h2's HTTP/2. Nothing is spawned: the future that
//! waits for the answer also drives the connection, and dropping it closes the socket.

mod body;
mod connector;
mod decode;
mod dial;
mod exchange;
mod fair;
mod http1;
mod http2;
mod laps;
mod request;
mod resolve;
mod route;
mod scan;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod trail;
mod unchecked;
mod url;

pub(crate) use body::{Body, BodyPlan, DEFAULT_MAX_BODY, MAX_KEPT_BYTES, UNNEEDED_KEPT_BYTES};
pub use connector::Connector;
pub(crate) use connector::{Io, Link, Place};
pub(crate) use decode::ACCEPTED;
pub(crate) use exchange::{Answer, Head, ask};
pub(crate) use request::Request;
pub(crate) use route::{Family, HttpVersion, Route};
pub(crate) use scan::Scan;
pub(crate) use tls::{Alpn, Hello, Identity, OwnTls, pem};
pub(crate) use trail::Trail;
pub(crate) use unchecked::Unchecked;
pub(crate) use url::Url;

use std::io;

use crate::observation::Fault;
use gameday_core::Reason;

/// Our own lack of resources says nothing about the service.
pub(crate) fn lacking(error: &io::Error) -> Option<Fault> {
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
