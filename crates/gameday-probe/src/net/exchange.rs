//! HTTP/1.1 over a connection that is there: the request out, the answer in.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use gameday_core::Reason;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

use super::laps::{Laps, Stamped};
use super::url::Url;
use crate::observation::Fault;
use crate::response::Response;

/// The answer's head may not be longer.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The answer's body may not be longer.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What is asked; its headers win over the usual ones. No `Debug`: secrets are in it.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// A JSON text.
    pub(crate) body: Option<Bytes>,
}

impl Request {
    fn to_hyper(&self) -> Result<hyper::Request<Full<Bytes>>, Fault> {
        let refuse =
            |error: hyper::http::Error| Fault::new(Reason::CannotLook, format!("no request: {error}"));
        let body = Full::new(self.body.clone().unwrap_or_default());
        let mut request = hyper::Request::builder()
            .method(self.method.clone())
            .uri(&self.url.target)
            .version(Version::HTTP_11)
            .body(body)
            .map_err(refuse)?;
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&self.url.authority).map_err(|error| refuse(error.into()))?;
        headers.insert(HOST, host);
        let agent = concat!("gameday/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Ok(request)
    }
}

/// Sends the request and reads the whole answer, stamping send, wait and transfer.
pub(super) async fn converse<S>(
    stream: S,
    request: &Request,
    deadline: Instant,
    laps: &mut Laps,
) -> Result<Response, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let traffic = laps.traffic();
    let stream = Stamped::new(stream, traffic.clone());
    let result = talk(stream, request, deadline).await;
    laps.end_conversation(&traffic);
    result
}

async fn talk<S>(stream: S, request: &Request, deadline: Instant) -> Result<Response, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let place = &request.url.authority;
    let outgoing = request.to_hyper()?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| fault(place, &error))?;
    let mut connection = pin!(connection.fuse());
    let head = beside(connection.as_mut(), sender.send_request(outgoing));
    let head = timeout_at(deadline.into(), head).await.map_err(|_| {
        let message = format!("no response head from `{place}` in time");
        Fault::new(Reason::HeaderTimeout, message)
    })?;
    let (head, body) = head.map_err(|error| fault(place, &error))?.into_parts();
    let body = beside(connection.as_mut(), read_body(place, body));
    let body = timeout_at(deadline.into(), body).await.map_err(|_| {
        let message = format!("the response body from `{place}` did not end in time");
        Fault::new(Reason::BodyTimeout, message)
    })??;
    // One more turn, which closes a TLS connection politely if that needs no waiting.
    beside(connection, async {}).await;
    Ok(Response::new(head.status.as_u16(), head.headers, body))
}

/// Drives the connection while waiting for something that comes over it.
async fn beside<T>(mut connection: Pin<&mut impl Future>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        // However the connection ends, what is waited for hears of it.
        let _ = connection.as_mut().poll(cx);
        wanted.as_mut().poll(cx)
    })
    .await
}

async fn read_body(place: &str, mut body: Incoming) -> Result<Bytes, Fault> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault(place, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > MAX_BODY_BYTES {
            let message = format!("the response body from `{place}` is over {MAX_BODY_BYTES} bytes");
            return Err(Fault::new(Reason::BodyTooLarge, message));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

fn fault(place: &str, error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::new(
            Reason::HttpProtocol,
            format!("what `{place}` answered is not HTTP: {error}"),
        );
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        let message = format!("`{place}` closed the connection before the answer was whole");
        return Fault::new(Reason::ConnectionReset, message);
    }
    match io_error(error) {
        Some(io) => super::lacking(io).unwrap_or_else(|| {
            Fault::new(
                Reason::ConnectionReset,
                format!("the connection to `{place}` broke: {io}"),
            )
        }),
        None => Fault::new(
            Reason::HttpProtocol,
            format!("HTTP with `{place}` failed: {error}"),
        ),
    }
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref() {
            return Some(io);
        }
        source = inner.source();
    }
    None
}
