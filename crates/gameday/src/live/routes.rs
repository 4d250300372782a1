//! What can be asked of a live page, and said to its drill.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use gameday_drill::Said;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::hub::Hub;
use super::page;

/// Changes that come closer together than this are told as one.
const PACE: Duration = Duration::from_millis(200);
/// A connection without news is shown to be alive this often.
const ALIVE: Duration = Duration::from_secs(10);
const MOST_BODY: usize = 32 * 1024;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PAGE: HeaderName = HeaderName::from_static("gameday-page");
/// Nothing from elsewhere, nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Every path.
pub(super) fn router(hub: Arc<Hub>) -> Router {
    let text = |kind: &'static str, text: &'static str| {
        let head = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")];
        get(move || async move { (head, text) })
    };
    Router::new()
        .route("/", get(whole))
        .route("/page/style.css", text("text/css", page::STYLE))
        .route("/page/live.js", text("text/javascript", page::SCRIPT))
        .route("/page/draw.js", text("text/javascript", page::DRAW))
        .route("/events", get(events))
        .route("/say", post(say))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(hub)
}

async fn whole(State(hub): State<Arc<Hub>>) -> Response {
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (head, page::render(&hub)).into_response()
}

#[derive(Deserialize)]
struct Asked {
    from: Option<u64>,
}

/// The state as it changes: first what a page that knows the state of event `from` lacks, then each change.
async fn events(State(hub): State<Arc<Hub>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    // What the browser remembers of a connection that was lost is newer than what the address says.
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let listener = Listener::new(hub, last.or(asked.from));
    let body = stream::unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok::<_, Infallible>(text), listener))
    });
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (head, Body::from_stream(body)).into_response()
}

/// Somebody who looks. Nothing is kept for them: who is slow is told less often.
struct Listener {
    hub: Arc<Hub>,
    changes: watch::Receiver<u64>,
    seq: Option<u64>,
    next: Option<Instant>,
    /// Which drill is shown, and whose end was seen.
    turn: u64,
    saw_the_end_of: Option<u64>,
}

impl Listener {
    fn new(hub: Arc<Hub>, seq: Option<u64>) -> Self {
        hub.look_begins();
        Self {
            changes: hub.changes(),
            turn: hub.turn(),
            hub,
            seq,
            next: None,
            saw_the_end_of: None,
        }
    }

    async fn next(&mut self) -> Option<String> {
        // Whoever asks for the next one has been handed the last one.
        if let Some(at) = self.next {
            sleep_until(at).await;
            match timeout(ALIVE, self.changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(": alive\n\n".to_owned()),
            }
        }
        self.next = Some(Instant::now() + PACE);
        self.changes.mark_unchanged();
        let (over, turn) = (self.hub.is_over(), self.hub.turn());
        if turn != self.turn {
            (self.turn, self.seq) = (turn, None);
        }
        let (seq, said) = self.hub.since(self.seq);
        self.seq = seq;
        if over && self.saw_the_end_of != Some(turn) {
            self.saw_the_end_of = Some(turn);
            self.hub.saw_the_end();
        }
        let id = seq.map(|seq| format!("id: {seq}\n")).unwrap_or_default();
        Some(format!("{id}retry: 1000\ndata: {said}\n\n"))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.look_ends(self.saw_the_end_of);
    }
}

/// A button of our own page was pressed: it sends back what only a page that we served can know.
async fn say(State(hub): State<Arc<Hub>>, headers: HeaderMap, Json(said): Json<Said>) -> Response {
    let known = headers
        .get(PAGE)
        .is_some_and(|given| given.as_bytes() == hub.secret.as_bytes());
    if !known {
        let why = json!({ "error": "this page is of another run of gameday: load it again" });
        return (StatusCode::FORBIDDEN, Json(why)).into_response();
    }
    match hub.say(said).await {
        Ok(answer) => Json(json!({ "answer": answer })).into_response(),
        Err(error) => (StatusCode::CONFLICT, Json(json!({ "error": error }))).into_response(),
    }
}
