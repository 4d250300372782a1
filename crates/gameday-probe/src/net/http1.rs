//! HTTP/1.1 over a connection of its own, by hyper.

use std::error::Error;
use std::io;
use std::pin::pin;

use futures_util::FutureExt;
use gameday_core::Reason;
use http_body_util::{BodyExt, Full};
use hyper::Version;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::body::Sink;
use super::connector::Io;
use super::exchange::{
    Answer, EMPTY, Head, MAX_HEAD_BYTES, MAX_HEADERS, Talk, beside, broken, cut_short, head_too_large,
};
use super::laps::Stamped;
use crate::observation::Fault;

/// hyper counts a body's bytes up to this.
const MAX_COUNTED_BYTES: u64 = u64::MAX - 2;

pub(super) async fn talk(stream: Box<dyn Io>, talk: &Talk<'_>) -> Result<Answer, Fault> {
    let place = talk.place();
    let stream = Stamped::new(stream, talk.traffic.clone(), talk.request.url.tls);
    let outgoing = talk.request.head(Version::HTTP_11)?;
    let outgoing = outgoing.map(|()| Full::new(talk.request.body.clone().unwrap_or(EMPTY)));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| fault(place, &error))?;
    let mut connection = pin!(connection.fuse());
    let answer = async {
        sender
            .send_request(outgoing)
            .await
            .map_err(|error| head_fault(place, &error, talk.traffic.beginning()))
    };
    let (head, incoming) = talk.head(beside(connection.as_mut(), answer)).await?.into_parts();
    let head = Head {
        status: head.status.as_u16(),
        version: head.version,
        headers: head.headers,
    };
    let read = async |sink: &mut Sink| beside(connection.as_mut(), drain(place, incoming, sink)).await;
    let answer = talk.body(head, read).await;
    // One more turn, which closes a TLS connection politely if that needs no waiting.
    beside(connection, async {}).await;
    Ok(answer)
}

async fn drain(place: &str, mut body: Incoming, sink: &mut Sink) -> Result<(), Fault> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault(place, &error))?;
        if let Ok(data) = frame.into_data() {
            sink.push(&data)?;
        }
    }
    Ok(())
}

/// hyper says the same of a head that is too large and of one that announces more bytes than it can count.
fn head_fault(place: &str, error: &hyper::Error, beginning: &[u8]) -> Fault {
    match announced(beginning).filter(|_| error.is_parse_too_large()) {
        Some(bytes) if bytes > MAX_COUNTED_BYTES => Fault::new(
            Reason::BodyTooLarge,
            format!("`{place}` announces a body of {bytes} bytes"),
        ),
        _ => fault(place, error),
    }
}

/// The length that a head gives its body (RFC 9110, 8.6).
fn announced(head: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(head);
    let mut fields = text.split("\r\n").take_while(|line| !line.is_empty());
    fields.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok()).flatten()
    })
}

fn fault(place: &str, error: &hyper::Error) -> Fault {
    if error.is_parse_too_large() {
        return head_too_large(place);
    }
    if error.is_parse() {
        return Fault::new(
            Reason::HttpProtocol,
            format!("what `{place}` answered is not HTTP: {error}"),
        );
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return cut_short(place);
    }
    match io_error(error) {
        // Chunks that are none (RFC 9112, 7.1).
        Some(io) if is_misframed(io) => {
            let message = format!("the body from `{place}` is not framed as HTTP frames it: {io}");
            Fault::new(Reason::HttpProtocol, message)
        }
        Some(io) => broken(place, io),
        None => Fault::new(
            Reason::HttpProtocol,
            format!("HTTP with `{place}` failed: {error}"),
        ),
    }
}

/// Whether it is what hyper says of the body's bytes; an error of TLS is of the same kind, and holds one of rustls.
fn is_misframed(error: &io::Error) -> bool {
    let kind = matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
    );
    kind && error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_none()
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref() {
            return Some(io);
        }
        source = inner.source();
    }
    None
}
