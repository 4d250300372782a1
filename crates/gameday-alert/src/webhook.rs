//! Our receiver of notifications: what reaches it has reached on-call.
//!
//! It speaks one method, and on each of its paths one payload: Alertmanager's (and Grafana's, which is nearly the
//! same), PagerDuty's events, and whatever a mapping describes. A sender gets its answer at once; a sender that is
//! slow, or one of too many, gets none. A web page is no sender.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gameday_core::{Notification, SourceName, Timestamp, redact_url};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::SourceError;
use crate::error::one_line;
use crate::recorder::{Recorder, Told};
use door::Door;
pub use hook::{Hook, Query};

mod door;
mod hook;
mod pagerduty;
mod payload;
mod sender;

/// The most that is read of one notification.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// So many reasons for a refusal are kept until somebody takes them.
const MOST_REASONS: usize = 20;
/// A notification that is not read whole within this time is refused.
const BODY_TIME: Duration = Duration::from_secs(5);

/// A receiver that listens and does not answer yet.
#[derive(Debug)]
pub struct Webhook {
    listener: TcpListener,
    address: SocketAddr,
    path: String,
    hooks: Vec<Hook>,
    recorder: Option<Events>,
    counts: Arc<WebhookCounts>,
}

/// Where the events of Alertmanager's recorder are taken, how they are read, and where they go.
#[derive(Debug, Clone)]
struct Events {
    path: Arc<str>,
    recorder: Arc<Recorder>,
    out: mpsc::Sender<Told>,
}

/// What became of the requests so far.
#[derive(Debug, Default)]
pub struct WebhookCounts {
    /// Notifications that were passed on.
    pub accepted: AtomicU64,
    /// Requests to our path that were no notification.
    pub refused: AtomicU64,
    /// Notifications that found the queue full; their sender was told to try again.
    pub overflowed: AtomicU64,
    /// Why requests were refused, as far as nobody has taken it yet.
    reasons: Mutex<Vec<String>>,
}

impl WebhookCounts {
    /// Why requests to our paths were refused since this was asked last; the first of them, one line each.
    pub fn take_reasons(&self) -> Vec<String> {
        self.reasons
            .lock()
            .map(|mut reasons| std::mem::take(&mut *reasons))
            .unwrap_or_default()
    }

    fn refuse(&self, path: &str, reason: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut reasons) = self.reasons.lock()
            && reasons.len() < MOST_REASONS
        {
            reasons.push(format!("{path}: {}", one_line(reason)));
        }
    }
}

impl Webhook {
    /// Listens on `url`, e.g. `http://127.0.0.1:9095/webhook`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`SourceError::BadAddress`] when the URL is no `http://IP:PORT/path`, [`SourceError::Listen`] when
    /// it cannot be listened on, e.g. because the port is in use.
    pub async fn bind(url: &str) -> Result<Self, SourceError> {
        let name = SourceName::new("webhook").expect("a name");
        let (address, path) = listen_on(url.trim()).map_err(|why| SourceError::BadAddress {
            name: name.clone(),
            url: redact_url(url.trim()),
            why,
        })?;
        let failed = |source| SourceError::Listen {
            name,
            address,
            source,
        };
        let listener = TcpListener::bind(address).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(failed)?;
        Ok(Self {
            listener,
            address,
            path,
            hooks: Vec::new(),
            recorder: None,
            counts: Arc::default(),
        })
    }

    /// The same, which takes these webhooks as well.
    #[must_use]
    pub fn with_hooks(self, hooks: Vec<Hook>) -> Self {
        Self { hooks, ..self }
    }

    /// The same, which takes the events of Alertmanager's recorder at `path` and passes them to `out`.
    #[must_use]
    pub fn with_recorder(self, path: &str, recorder: Arc<Recorder>, out: mpsc::Sender<Told>) -> Self {
        let path = path.into();
        Self {
            recorder: Some(Events { path, recorder, out }),
            ..self
        }
    }

    /// Where notifications are to be sent; with the real port when it was bound to port 0.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    /// What became of the requests; stays readable while it serves.
    #[must_use]
    pub fn counts(&self) -> Arc<WebhookCounts> {
        Arc::clone(&self.counts)
    }

    /// Passes each notification to `out`, until nobody holds the other end or this future is dropped.
    ///
    /// # Errors
    /// [`SourceError::Listen`] when it cannot accept any more.
    pub async fn serve(self, out: mpsc::Sender<Notification>) -> Result<(), SourceError> {
        let address = self.address;
        let desk = Desk {
            path: self.path.into(),
            hooks: self.hooks.into(),
            recorder: self.recorder,
            open: Arc::default(),
            counts: self.counts,
            out: out.clone(),
        };
        let app = Router::new().fallback(receive).with_state(desk);
        let serving = axum::serve(Door::new(self.listener), app).into_future();
        tokio::select! {
            () = out.closed() => Ok(()),
            ended = serving => ended.map_err(|source| SourceError::Listen {
                name: SourceName::new("webhook").expect("a name"),
                address,
                source,
            }),
        }
    }
}

/// What a request needs to be received.
#[derive(Clone)]
struct Desk {
    path: Arc<str>,
    hooks: Arc<[Hook]>,
    recorder: Option<Events>,
    open: Arc<Mutex<pagerduty::Open>>,
    counts: Arc<WebhookCounts>,
    out: mpsc::Sender<Notification>,
}

/// Who speaks at a path.
#[derive(Clone, Copy)]
enum Speaker {
    Alertmanager,
    PagerDuty,
    /// Alertmanager's event recorder.
    Recorder,
    /// The webhook with this place in the list.
    Hook(usize),
}

/// An answer that is not a success, and why.
type Refusal = (StatusCode, String);

async fn receive(State(desk): State<Desk>, request: Request) -> Response {
    // The head was just read: this is the moment at which the notification arrived.
    let arrived = Timestamp::now();
    let (status, text) = match addressed(&desk, &request) {
        Err(refusal) => refusal,
        Ok(speaker) => match take(&desk, speaker, arrived, request).await {
            Ok(answer) => answer,
            Err(refusal) => refusal,
        },
    };
    // One connection, one notification: a kept connection could be closed by us just as the next one is sent.
    let close = (header::CONNECTION, "close");
    match text.starts_with('{') {
        true => (status, [close, (header::CONTENT_TYPE, "application/json")], text).into_response(),
        false => (status, [close], text).into_response(),
    }
}

fn addressed(desk: &Desk, request: &Request) -> Result<Speaker, Refusal> {
    let path = request.uri().path();
    let hook = desk.hooks.iter().position(|hook| hook.path == path);
    let speaker = match hook {
        _ if *path == *desk.path => Some(Speaker::Alertmanager),
        _ if desk.recorder.as_ref().is_some_and(|events| *path == *events.path) => Some(Speaker::Recorder),
        Some(place) => Some(Speaker::Hook(place)),
        None => (path == pagerduty::PATH).then_some(Speaker::PagerDuty),
    };
    sender::is_program(request.headers(), request.uri()).inspect_err(|refusal| {
        if speaker.is_some() {
            desk.counts.refuse(path, &refusal.1);
        }
    })?;
    let Some(speaker) = speaker else {
        let reason = format!("notifications go to {}\n", desk.path);
        return Err((StatusCode::NOT_FOUND, reason));
    };
    if request.method() != Method::POST {
        let reason = "notifications are POSTed\n".to_owned();
        return Err((StatusCode::METHOD_NOT_ALLOWED, reason));
    }
    Ok(speaker)
}

async fn take(
    desk: &Desk,
    speaker: Speaker,
    arrived: Timestamp,
    request: Request,
) -> Result<(StatusCode, String), Refusal> {
    let path = request.uri().path().to_owned();
    let refused = |refusal: &Refusal| desk.counts.refuse(&path, &pagerduty::reason(&refusal.1));
    sender::says_json(request.headers(), speaker).inspect_err(refused)?;
    let body = read(request).await.inspect_err(refused)?;
    if let (Speaker::Recorder, Some(events)) = (speaker, &desk.recorder) {
        return events.take(&desk.counts, &body).inspect_err(refused);
    }
    let notification = understand(desk, speaker, arrived, &body).inspect_err(refused)?;
    let answer = match speaker {
        Speaker::PagerDuty => (StatusCode::ACCEPTED, pagerduty::taken(&notification)),
        _ => (StatusCode::OK, String::new()),
    };
    match desk.out.try_send(notification) {
        Ok(()) => {
            desk.counts.accepted.fetch_add(1, Ordering::Relaxed);
            Ok(answer)
        }
        Err(TrySendError::Full(_)) => {
            desk.counts.overflowed.fetch_add(1, Ordering::Relaxed);
            let reason = "too many notifications at once, try again\n".to_owned();
            Err((StatusCode::SERVICE_UNAVAILABLE, reason))
        }
        Err(TrySendError::Closed(_)) => Err((StatusCode::SERVICE_UNAVAILABLE, "closing\n".to_owned())),
    }
}

fn understand(
    desk: &Desk,
    speaker: Speaker,
    arrived: Timestamp,
    body: &[u8],
) -> Result<Notification, Refusal> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let no = |why: crate::error::Unreadable| bad(format!("no notification: {why}\n"));
    match speaker {
        Speaker::Alertmanager | Speaker::Recorder => payload::notification(arrived, body).map_err(no),
        Speaker::Hook(place) => desk.hooks[place].read(arrived, body).map_err(no),
        Speaker::PagerDuty => {
            let mut open = desk.open.lock().expect("nobody panics while holding it");
            open.take(arrived, body)
                .map_err(|errors| bad(pagerduty::refused(&errors)))
        }
    }
}

impl Events {
    /// Passes on what is told of alerts that matter; the recorder tries again what finds no room.
    fn take(&self, counts: &WebhookCounts, body: &[u8]) -> Result<(StatusCode, String), Refusal> {
        let no = |why: String| {
            (
                StatusCode::BAD_REQUEST,
                format!("no event of a recorder: {why}\n"),
            )
        };
        for told in self.recorder.read(body).map_err(no)? {
            if self.out.try_send(told).is_err() {
                counts.overflowed.fetch_add(1, Ordering::Relaxed);
                let reason = "too many events at once, try again\n".to_owned();
                return Err((StatusCode::SERVICE_UNAVAILABLE, reason));
            }
        }
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        Ok((StatusCode::OK, String::new()))
    }
}

async fn read(request: Request) -> Result<axum::body::Bytes, Refusal> {
    let body = axum::body::to_bytes(request.into_body(), BODY_LIMIT);
    match tokio::time::timeout(BODY_TIME, body).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => {
            let reason = format!("the body cannot be read, or is over {BODY_LIMIT} bytes: {error}\n");
            Err((StatusCode::BAD_REQUEST, reason))
        }
        Err(_) => {
            let reason = format!("the body did not end within {} s\n", BODY_TIME.as_secs());
            Err((StatusCode::REQUEST_TIMEOUT, reason))
        }
    }
}

/// The address and path of `http://IP:PORT/path`.
fn listen_on(url: &str) -> Result<(SocketAddr, String), String> {
    let url: Url = url.parse().map_err(|error| format!("{error}"))?;
    if url.scheme() != "http" {
        return Err("it must begin with http://".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("it is made of http://, an IP address, a port and a path".to_owned());
    }
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    let ip = match host.as_str() {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        literal => literal
            .parse()
            .map_err(|_| format!("`{literal}` is not an IP address of this machine or `localhost`"))?,
    };
    let port = url.port_or_known_default().unwrap_or(80);
    Ok((SocketAddr::new(ip, port), url.path().to_owned()))
}

#[cfg(test)]
mod tests;
