//! HTTP/2 over a connection of its own, by h2; one stream.
//!
//! The server's settings may come before the request is out, so the first byte of the *answer* is its head.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use futures_util::FutureExt;
use gameday_core::Reason;
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, SendStream};
use hyper::Version;

use super::body::Sink;
use super::connector::Io;
use super::exchange::{Answer, Head, MAX_HEAD_BYTES, Talk, beside, broken, head_too_large};
use crate::observation::Fault;

/// So much may be on its way before it is read.
const WINDOW_BYTES: u32 = 1024 * 1024;

pub(super) async fn talk(stream: Box<dyn Io>, talk: &Talk<'_>) -> Result<Answer, Fault> {
    let place = talk.place();
    let head_limit = u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_header_list_size(head_limit);
    let shaking = async {
        builder
            .handshake(stream)
            .await
            .map_err(|error| fault(place, &error))
    };
    let (sender, connection) = talk.head(shaking).await?;
    let mut connection = pin!(connection.fuse());
    let asking = beside(connection.as_mut(), ask(sender, talk));
    let (head, incoming) = talk.head(asking).await?;
    let read = async |sink: &mut Sink| beside(connection.as_mut(), drain(place, incoming, sink)).await;
    let answer = talk.body(head, read).await;
    beside(connection, async {}).await;
    Ok(answer)
}

async fn ask(sender: SendRequest<Bytes>, talk: &Talk<'_>) -> Result<(Head, RecvStream), Fault> {
    let place = talk.place();
    let mut sender = sender.ready().await.map_err(|error| fault(place, &error))?;
    let head = talk.request.head(Version::HTTP_2)?;
    let body = talk.request.body.clone().unwrap_or_default();
    let (answer, mut out) = sender
        .send_request(head, body.is_empty())
        .map_err(|error| fault(place, &error))?;
    // The connection, which is polled first, writes what was just queued.
    tokio::task::yield_now().await;
    send(&mut out, body).await.map_err(|error| fault(place, &error))?;
    talk.traffic.wrote();
    let (head, incoming) = answer.await.map_err(|error| fault(place, &error))?.into_parts();
    talk.traffic.read();
    let head = Head {
        status: head.status.as_u16(),
        version: Version::HTTP_2,
        headers: head.headers,
    };
    Ok((head, incoming))
}

/// Sends the body as the server makes room for it (RFC 9113, 5.2).
async fn send(out: &mut SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        out.reserve_capacity(body.len());
        let Some(room) = poll_fn(|cx| out.poll_capacity(cx)).await.transpose()? else {
            return Ok(());
        };
        let part = body.split_to(room.min(body.len()));
        out.send_data(part, body.is_empty())?;
    }
    Ok(())
}

async fn drain(place: &str, mut body: RecvStream, sink: &mut Sink) -> Result<(), Fault> {
    while let Some(data) = body.data().await {
        let data = data.map_err(|error| fault(place, &error))?;
        sink.push(&data)?;
        // Without it, the server has no room to send more.
        body.flow_control().release_capacity(data.len()).ok();
    }
    Ok(())
}

fn fault(place: &str, error: &h2::Error) -> Fault {
    if let Some(io) = error.get_io() {
        return broken(place, io);
    }
    let said = error.to_string();
    // Only the text tells which limit it was that a peer went over.
    if error.is_library() && (said.contains("header_list") || said.contains("continuations")) {
        return head_too_large(place);
    }
    if error.is_library() {
        let message = format!("what `{place}` sends is not HTTP/2: {error}");
        return Fault::new(Reason::HttpProtocol, message);
    }
    if error.is_go_away() || error.is_reset() {
        let message = format!("`{place}` ended the HTTP/2 exchange: {error}");
        let reason = match error.reason() {
            Some(h2::Reason::PROTOCOL_ERROR | h2::Reason::FRAME_SIZE_ERROR) => Reason::HttpProtocol,
            _ => Reason::ConnectionReset,
        };
        return Fault::new(reason, message);
    }
    Fault::new(
        Reason::HttpProtocol,
        format!("HTTP/2 with `{place}` failed: {error}"),
    )
}
