//! `/v1/events`: what happens, as it happens, as server-sent events (WHATWG HTML 9.2) or as JSON lines.
//!
//! A reader that comes back names the last event it knows (`Last-Event-ID`, or `?from=`) and misses nothing that the
//! ring still holds; what it no longer holds is counted in an event `missed`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response, Uri};
use futures_util::stream;

use crate::control::Control;
use crate::events::ProxyEvent;

/// Silence is no longer than this: a connection that is dead is found out, and one that is not is kept.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Sse,
    Lines,
}

/// Streams events until the reader goes away.
pub(super) fn stream(control: Arc<Control>, headers: &HeaderMap, uri: &Uri) -> Response<Body> {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (format, content_type) = if accept.contains("application/x-ndjson") {
        (Format::Lines, "application/x-ndjson")
    } else {
        (Format::Sse, "text/event-stream")
    };
    let latest = control.events().latest();
    let from = known(headers, uri).unwrap_or(*latest.borrow());
    // A first line at once, so that the reader knows that it is connected.
    let hello = stream::once(async move { Ok::<_, Infallible>(Bytes::from_static(heartbeat(format))) });
    let events = stream::unfold(
        (control, latest, from),
        move |(control, mut latest, from)| async move {
            let (text, from) = loop {
                let (events, missed) = control.events().after(from);
                if let Some(last) = events.last() {
                    break (render(&events, missed, format), last.id);
                }
                match tokio::time::timeout(HEARTBEAT, latest.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => break (String::from_utf8_lossy(heartbeat(format)).into_owned(), from),
                }
            };
            Some((Ok(Bytes::from(text)), (control, latest, from)))
        },
    );
    let body = futures_util::StreamExt::chain(hello, events);
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The last event that the reader knows.
fn known(headers: &HeaderMap, uri: &Uri) -> Option<u64> {
    let in_header = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let query = uri.query().unwrap_or_default().split('&');
    let in_query = || {
        query
            .filter_map(|pair| pair.strip_prefix("from=")?.parse().ok())
            .next()
    };
    in_header.or_else(in_query)
}

const fn heartbeat(format: Format) -> &'static [u8] {
    match format {
        Format::Sse => b":\n\n",
        Format::Lines => b"\n",
    }
}

fn render(events: &[ProxyEvent], missed: u64, format: Format) -> String {
    let mut text = String::new();
    if missed > 0 {
        let lost = serde_json::json!({ "event": "missed", "count": missed });
        text += &match format {
            Format::Sse => format!("event: missed\ndata: {lost}\n\n"),
            Format::Lines => format!("{lost}\n"),
        };
    }
    for event in events {
        let data = serde_json::to_string(event).expect("an event has text for keys");
        text += &match format {
            Format::Sse => format!("id: {}\ndata: {data}\n\n", event.id),
            Format::Lines => format!("{data}\n"),
        };
    }
    text
}
