//! One request and its answer over a connection that is there, in HTTP/1.1 or HTTP/2.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gameday_core::Reason;
use hyper::Version;
use hyper::header::HeaderMap;
use tokio::time::timeout_at;

use super::body::{Body, Sink, late};
use super::connector::Link;
use super::laps::Traffic;
use super::request::{Request, shown_head};
use super::route::HttpVersion;
use super::trail::Trail;
use super::{http1, http2};
use crate::evidence::Exhibit;
use crate::observation::Fault;
use crate::response::Response;
use crate::tls::{handshake_words, is_alert};

/// The answer's head may not be longer.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Nor have more headers.
pub(super) const MAX_HEADERS: usize = 256;

/// An answer's first part.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

/// What came of a request: the head, and as much of the body as came before something was wrong with it.
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Body,
    /// What is wrong with the body.
    pub(crate) fault: Option<Fault>,
}

/// What both versions need while they talk.
pub(super) struct Talk<'a> {
    pub(super) request: &'a Request,
    pub(super) deadline: Instant,
    pub(super) traffic: Arc<Traffic>,
    /// Whether the body of an answer with this head is read.
    pub(super) wants_body: &'a (dyn Fn(&Head) -> bool + Sync),
}

impl Talk<'_> {
    pub(super) fn place(&self) -> &str {
        &self.request.url.authority
    }

    /// Waits for the answer's head until the deadline.
    pub(super) async fn head<T>(&self, wanted: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let ended = timeout_at(self.deadline.into(), wanted).await;
        ended.unwrap_or_else(|_| {
            let message = format!("no response head from `{}` in time", self.place());
            Err(Fault::new(Reason::HeaderTimeout, message))
        })
    }

    /// Waits for the answer's body until the deadline.
    pub(super) async fn body(
        &self,
        head: Head,
        read: impl AsyncFnOnce(&mut Sink) -> Result<(), Fault>,
    ) -> Answer {
        let sink = Sink::new(&self.request.reading, &head.headers, self.place(), self.deadline);
        let mut sink = match sink {
            Ok(sink) if (self.wants_body)(&head) => sink,
            unread => {
                let (body, fault) = (Body::default(), unread.err());
                return Answer { head, body, fault };
            }
        };
        let ended = timeout_at(self.deadline.into(), read(&mut sink)).await;
        let stopped = ended.unwrap_or_else(|_| Err(late(self.place())));
        let (body, fault) = sink.finish(stopped.err());
        Answer { head, body, fault }
    }
}

/// Sends the request and reads the whole answer, stamping send, wait and transfer.
pub(super) async fn converse(
    link: Link,
    request: &Request,
    deadline: Instant,
    trail: &mut Trail,
) -> Result<Response, Fault> {
    let remote = link.remote;
    trail.show(request.exhibit());
    let answer = ask(link, request, deadline, trail, &|_| true).await?;
    trail.show(exhibit(request, &answer.head, &answer.body));
    if let Some(fault) = answer.fault {
        return Err(fault);
    }
    Ok(Response::new(answer.head, answer.body, remote, request))
}

/// Sends the request and reads the answer, stamping send, wait and transfer; an answer is there as soon as its head is.
pub(crate) async fn ask(
    link: Link,
    request: &Request,
    deadline: Instant,
    trail: &mut Trail,
    wants_body: &(dyn Fn(&Head) -> bool + Sync),
) -> Result<Answer, Fault> {
    let traffic = trail.laps.traffic();
    let talk = Talk {
        request,
        deadline,
        traffic: Arc::clone(&traffic),
        wants_body,
    };
    let speaks_http2 = match request.route.version {
        HttpVersion::Auto => link.chose_http2,
        HttpVersion::Http1 => false,
        HttpVersion::Http2 => true,
    };
    let result = match speaks_http2 {
        true => http2::talk(link.stream, &talk).await,
        false => http1::talk(link.stream, &talk).await,
    };
    trail.laps.end_conversation(&traffic);
    result
}

fn exhibit(request: &Request, head: &Head, body: &Body) -> Exhibit {
    let first = format!("{:?} {}", head.version, head.status);
    Exhibit::Response {
        head: shown_head(first, &head.headers),
        body: request.sample(&body.kept),
        body_bytes: body.bytes,
    }
}

/// Drives the connection while waiting for something that comes over it.
pub(super) async fn beside<T>(mut connection: Pin<&mut impl Future>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        // However the connection ends, what is waited for hears of it.
        let _ = connection.as_mut().poll(cx);
        wanted.as_mut().poll(cx)
    })
    .await
}

/// What an error of the connection itself means.
pub(super) fn broken(place: &str, error: &io::Error) -> Fault {
    if let Some(lack) = super::lacking(error) {
        return lack;
    }
    match error.kind() {
        // In TLS 1.3 a server says only now that it wants another certificate of ours (RFC 8446, 4.4.2.4).
        _ if is_alert(error) => Fault::new(
            Reason::TlsHandshake,
            format!("TLS with `{place}` failed: {}", handshake_words(error)),
        ),
        io::ErrorKind::UnexpectedEof => cut_short(place),
        _ => {
            let message = format!("the connection to `{place}` broke: {error}");
            Fault::new(Reason::ConnectionReset, message)
        }
    }
}

/// The end came too early.
pub(super) fn cut_short(place: &str) -> Fault {
    let message = format!("`{place}` closed the connection before the answer was whole");
    Fault::new(Reason::ConnectionReset, message)
}

/// The head is more than anybody wants.
pub(super) fn head_too_large(place: &str) -> Fault {
    let message = format!(
        "the response head from `{place}` is over {} KiB or {MAX_HEADERS} headers",
        MAX_HEAD_BYTES / 1024
    );
    Fault::new(Reason::HeaderTooLarge, message)
}

/// Nothing, as a body.
pub(super) const EMPTY: Bytes = Bytes::new();
