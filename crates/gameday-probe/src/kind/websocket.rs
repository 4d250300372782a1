//! `[websocket]`: an upgrade (RFC 6455), what is said over it, and a ping.
//!
//! ```text
//! url = "wss://host/path", headers = { … }, protocols = ["…"], talk = [{ send = "…" }, { expect = "/…/" }], ping = true
//! ```

use std::sync::Arc;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use gameday_core::{Reason, Table};
use hyper::header::{HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use toml::Spanned;

use super::Means;
use super::talk::{MAX_HEARD_BYTES, Memory, Turn, read_talk};
use crate::evidence::Exhibit;
use crate::file::{Scope, Times, read_family, read_pairs, read_tls};
use crate::net::{Alpn, Io, Place, Route, Trail, Url};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::values::Values;

/// So much is taken at once: who sends small frames without end is looked at piece by piece.
const READ_BYTES: usize = 16 * 1024;

/// A WebSocket that must open and answer.
#[derive(Debug, Clone)]
pub(crate) struct Websocket {
    url: Template,
    headers: Vec<(String, Template)>,
    protocols: Vec<String>,
    talk: Vec<Turn>,
    ping: bool,
    route: Arc<Route>,
}

type Socket = WebSocketStream<Box<dyn Io>>;

impl Websocket {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let typed: Option<Spanned<String>> = table.need_spanned("url");
        let url = typed.as_ref().and_then(|url| scope.template(url));
        let begins = url.as_ref().and_then(Template::beginning).unwrap_or("ws://");
        if let (Some(typed), false) = (
            &typed,
            begins.starts_with("ws://") || begins.starts_with("wss://"),
        ) {
            scope
                .problems()
                .add(typed.span(), "a WebSocket's URL begins with `ws://` or `wss://`");
        }
        let headers = read_pairs(&mut table, "headers", scope);
        let route = Route {
            family: read_family(&mut table, scope),
            tls: read_tls(&mut table, scope),
            ..Route::default()
        };
        let websocket = Self {
            url: url?,
            headers,
            protocols: table.get("protocols").unwrap_or_default(),
            talk: read_talk(&mut table, scope, false),
            ping: table.get("ping").unwrap_or(false),
            route: Arc::new(route),
        };
        table.finish();
        Some(websocket)
    }

    /// Whether certificates may be looked at.
    pub(crate) fn uses_tls(&self) -> bool {
        !self
            .url
            .beginning()
            .is_some_and(|start| start.starts_with("ws://"))
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let mut readings = Vec::new();
        let fault = self.hold(means, values, &mut trail, &mut readings).await.err();
        let mut observation = trail.observe(fault);
        observation.readings = readings;
        observation
    }

    async fn hold(
        &self,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
        readings: &mut Vec<Reading>,
    ) -> Result<(), Fault> {
        let mut socket = self.open(means, values, trail).await?;
        trail.laps.end(|phases| &mut phases.wait_us);
        let mut memory = Memory::default();
        for turn in &self.talk {
            let taken = timeout_at(
                means.deadline.into(),
                take(turn, &mut socket, &mut memory, values, trail),
            )
            .await;
            trail.laps.end(|phases| &mut phases.transfer_us);
            taken.map_err(|_| late("what was expected"))??;
        }
        if self.ping {
            let began = Instant::now();
            let answered = timeout_at(means.deadline.into(), ping(&mut socket)).await;
            answered.map_err(|_| late("a pong"))??;
            readings.push(Reading {
                name: "websocket_ping_seconds",
                labels: Vec::new(),
                value: began.elapsed().as_secs_f64(),
            });
        }
        timeout_at(means.deadline.into(), socket.close(None)).await.ok();
        Ok(())
    }

    async fn open(&self, means: &Means<'_>, values: &Values<'_>, trail: &mut Trail) -> Result<Socket, Fault> {
        let text = self.url.render(values).map_err(super::missing)?;
        let unusable = |why: String| Fault::new(Reason::CannotLook, format!("its URL: {why}"));
        let url = Url::parse(&text.replacen("ws", "http", 1)).map_err(unusable)?;
        let mut request = text
            .as_str()
            .into_client_request()
            .map_err(|error| unusable(error.to_string()))?;
        for (name, value) in &self.headers {
            let value = value.render(values).map_err(super::missing)?;
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) else {
                return Err(Fault::new(
                    Reason::CannotLook,
                    format!("`{name}` cannot be sent as a header"),
                ));
            };
            request.headers_mut().append(name, value);
        }
        if !self.protocols.is_empty()
            && let Ok(value) = HeaderValue::from_str(&self.protocols.join(", "))
        {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        let place = Place {
            host: &url.host,
            port: url.port,
            tls: url.tls.then_some(Alpn::Http1),
        };
        let link = means
            .connector
            .open(place, &self.route, means.deadline, trail)
            .await?;
        trail.show(Exhibit::Request {
            head: format!("GET {} host {} (upgrade)", url.target, url.authority),
            body: String::new(),
        });
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(MAX_HEARD_BYTES))
            .max_frame_size(Some(MAX_HEARD_BYTES));
        let shaking = client_async_with_config(request, link.stream, Some(limits));
        let shaken = timeout_at(means.deadline.into(), shaking).await;
        let (socket, answer) = shaken.map_err(|_| late("the upgrade"))?.map_err(refused)?;
        let chosen = answer
            .headers()
            .get(SEC_WEBSOCKET_PROTOCOL)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        trail.show(Exhibit::Response {
            head: format!("{} {}", answer.status(), chosen.unwrap_or_default()),
            body: String::new(),
            body_bytes: 0,
        });
        Ok(socket)
    }
}

async fn take(
    turn: &Turn,
    socket: &mut Socket,
    memory: &mut Memory,
    values: &Values<'_>,
    trail: &mut Trail,
) -> Result<(), Fault> {
    if let Some(bytes) = turn.bytes(values, memory)? {
        let message = match String::from_utf8(bytes) {
            Ok(text) => Message::text(text),
            Err(error) => Message::binary(error.into_bytes()),
        };
        return socket.send(message).await.map_err(refused);
    }
    loop {
        let message = next(socket).await?;
        if !(message.is_text() || message.is_binary()) {
            continue;
        }
        let heard = message.into_data();
        trail.show(Exhibit::Response {
            head: "message".to_owned(),
            body: String::from_utf8_lossy(&heard).into_owned(),
            body_bytes: heard.len() as u64,
        });
        return match memory.takes(turn, &heard) {
            Some(_) => Ok(()),
            None => Err(turn.unmet(&heard, "")),
        };
    }
}

async fn ping(socket: &mut Socket) -> Result<(), Fault> {
    socket
        .send(Message::Ping("gameday".into()))
        .await
        .map_err(refused)?;
    while !next(socket).await?.is_pong() {}
    Ok(())
}

async fn next(socket: &mut Socket) -> Result<Message, Fault> {
    let message = socket.next().await;
    match message {
        None => Err(Fault::new(
            Reason::ConnectionReset,
            "the server closed the WebSocket",
        )),
        Some(Ok(Message::Close(frame))) => {
            let why = frame
                .map(|frame| format!(" ({} {})", frame.code, frame.reason))
                .unwrap_or_default();
            Err(Fault::new(
                Reason::ConnectionReset,
                format!("the server closed the WebSocket{why}"),
            ))
        }
        Some(message) => message.map_err(refused),
    }
}

fn late(what: &str) -> Fault {
    Fault::new(Reason::Timeout, format!("{what} did not come in time"))
}

fn refused(error: Error) -> Fault {
    match error {
        Error::Http(answer) => Fault::new(
            Reason::HttpStatus,
            format!("status {} instead of an upgrade", answer.status().as_u16()),
        ),
        Error::Io(error) => Fault::new(Reason::ConnectionReset, format!("the connection broke: {error}")),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            Fault::new(Reason::ConnectionReset, "the server closed the WebSocket")
        }
        Error::Capacity(CapacityError::TooManyHeaders) | Error::AttackAttempt => Fault::new(
            Reason::HeaderTooLarge,
            "the answer to the upgrade has too large a head",
        ),
        Error::Capacity(error) => Fault::new(
            Reason::BodyTooLarge,
            format!("a message is over {MAX_HEARD_BYTES} bytes: {error}"),
        ),
        other => Fault::new(Reason::HttpProtocol, format!("this is no WebSocket: {other}")),
    }
}
