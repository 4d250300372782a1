//! Connections that the proxy understands as HTTP: 1.1, 2 and gRPC, over TCP or a terminated TLS.
//!
//! A client is answered in the version it speaks, and the upstream is asked in the same. Bodies stream. Without a fault
//! the proxy is not seen: header names keep their case, nothing is added, an upstream that cannot be reached ends the
//! client's connection as a TCP proxy would.

mod body;
mod fault;
mod here;
mod rewind;
mod rules;
mod serve;
#[cfg(test)]
mod tests;
mod upstream;

pub use fault::{Abort, HttpFault, RstCode};

use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt;

use crate::session::{BoxIo, Session};
use here::Here;
use rewind::Rewind;
use serve::Service;

/// What a client that speaks HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Carries one connection to its end.
pub(crate) fn carry<'a>(session: &'a Session<'a>, client: BoxIo) -> BoxFuture<'a, ()> {
    Box::pin(begin(session, client))
}

async fn begin(session: &Session<'_>, mut client: BoxIo) {
    let mut first = Vec::with_capacity(PREFACE.len());
    while is_preface(&first).is_none() {
        // At most as much as the preface has: what is more belongs to the request.
        let mut more = [0; PREFACE.len()];
        let room = PREFACE.len() - first.len();
        match client.read(&mut more[..room]).await {
            Ok(0) | Err(_) => break,
            Ok(length) => first.extend_from_slice(&more[..length]),
        }
    }
    if first.is_empty() {
        return;
    }
    let http2 = is_preface(&first) == Some(true);
    let here = Here::default();
    let service = Service::new(session, here.clone(), http2);
    let client = Rewind::new(first, client);
    here.run(service.serve(client)).await;
}

/// Whether a connection begins with HTTP/2's preface; nothing while that cannot be told.
fn is_preface(first: &[u8]) -> Option<bool> {
    let length = first.len().min(PREFACE.len());
    match first[..length] == PREFACE[..length] {
        false => Some(false),
        true => (length == PREFACE.len()).then_some(true),
    }
}
