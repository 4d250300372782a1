//! `prober: websocket`.

use futures_util::{SinkExt, StreamExt};
use gameday_core::{Problems, Reason};
use hyper::header::{HeaderMap, HeaderName};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::choose::Choice;
use super::client::{self, Client};
use super::config::Block;
use super::look::Look;
use super::metrics::{Name, Phase};
use super::ssl;
use super::talk::{self, Turn};
use super::tls::Text;
use crate::net::{Alpn, Io, Route, Trail};
use crate::observation::Fault;

const STATUS: Name = Name("probe_websocket_status_code", "Response HTTP status code");
const UPGRADED: Name = Name(
    "probe_websocket_connection_upgraded",
    "Indicates if the websocket connection was successfully upgraded",
);
const FAILED_REGEX: Name = Name(
    "probe_websocket_failed_due_to_regex",
    "Indicates if probe failed due to regex",
);
const DURATION: Name = Name(
    "probe_websocket_duration_seconds",
    "Duration of websocket request by phase",
);
const RESOLVE: Phase = Phase("{phase=\"resolve\"}");
const CONNECT: Phase = Phase("{phase=\"connect\"}");
const PROCESSING: Phase = Phase("{phase=\"processing\"}");
const TRANSFER: Phase = Phase("{phase=\"transfer\"}");
/// A longer message is an error.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

type Socket = WebSocketStream<Box<dyn Io>>;

/// A module's `websocket` block.
#[derive(Debug)]
pub(crate) struct Websocket {
    choice: Choice,
    client: Client,
    headers: Vec<(HeaderName, Vec<Text>)>,
    turns: Vec<Turn>,
}

impl Websocket {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        let nothing = Block::bare("http", block.span.clone());
        let config = block.block("http_config").unwrap_or(&nothing);
        if let Some(basic) = config.block("basic_auth") {
            let has = |key: &str, file: &str| !basic.text(key).is_empty() || basic.has(file);
            if has("username", "username_file") != has("password", "password_file") {
                let message = "both username and password must be set for websocket basic_auth";
                problems.add(basic.span.clone(), message);
            }
        }
        if config.has("bearer_token") && config.text("bearer_token").trim().is_empty() {
            let message = "`bearer_token` cannot be empty or whitespace only";
            problems.add(config.place("bearer_token"), message);
        }
        Self {
            choice: Choice::read(block),
            client: Client::read(config, problems),
            headers: client::named_headers(block, "headers", problems),
            turns: talk::read(block, problems),
        }
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, target: &str) -> bool {
        for name in [STATUS, UPGRADED, FAILED_REGEX] {
            look.metrics.set(name, 0.0);
        }
        let url = match parse(target) {
            Ok(url) => url,
            Err(why) => {
                look.unmet(Reason::CannotLook, "Could not parse target URL", why);
                return false;
            }
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (Some(ip), took) = self.choice.choose(look, &host).await else {
            return false;
        };
        look.metrics.add(DURATION, RESOLVE, took.as_secs_f64());
        let mut trail = Trail::start();
        let route = Route {
            address: Some(ip),
            ..Route::default()
        };
        let opened = self.open(look, &url, &host, &route, &mut trail).await;
        let success = match opened {
            Ok(mut socket) => {
                look.metrics.set(UPGRADED, 1.0);
                self.talk(look, &mut socket, &mut trail).await
            }
            Err(fault) => {
                look.fail("Error dialing websocket", fault);
                false
            }
        };
        look.took(&trail);
        let phases = trail.laps.phases();
        let seconds = |us: u64| std::time::Duration::from_micros(us).as_secs_f64();
        look.metrics
            .add(DURATION, CONNECT, seconds(phases.connect_us + phases.tls_us));
        look.metrics
            .add(DURATION, PROCESSING, seconds(phases.send_us + phases.wait_us));
        look.metrics.add(DURATION, TRANSFER, seconds(phases.transfer_us));
        success
    }

    async fn open(
        &self,
        look: &mut Look<'_>,
        url: &Url,
        host: &str,
        route: &Route,
        trail: &mut Trail,
    ) -> Result<Socket, Fault> {
        let ours = |why: String| Fault::new(Reason::CannotLook, why);
        let mut request = url
            .as_str()
            .into_client_request()
            .map_err(|error| ours(error.to_string()))?;
        let mut headers = HeaderMap::new();
        for (name, texts) in &self.headers {
            for text in texts {
                headers.append(name, client::hidden(&text.get().map_err(ours)?)?);
            }
        }
        self.client.sign(look, &mut headers, true).await?;
        request.headers_mut().extend(headers);
        let port = url.port_or_known_default().unwrap_or(80);
        let (stream, _) = look
            .connector
            .reach(host, port, route, look.deadline, trail)
            .await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        if url.scheme() == "wss" {
            let name = self.client.tls.server_name.as_deref().unwrap_or(host);
            let (secured, _) = ssl::secure(look, stream, name, Alpn::Http1, &self.client.tls, trail).await?;
            stream = Box::new(secured);
        }
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let shaking = client_async_with_config(request, stream, Some(limits));
        let shaken = timeout_at(look.deadline.into(), shaking).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        match shaken {
            Err(_) => Err(Fault::new(Reason::Timeout, "the upgrade did not come in time")),
            Ok(Ok((socket, answer))) => {
                look.metrics.set(STATUS, f64::from(answer.status().as_u16()));
                Ok(socket)
            }
            Ok(Err(Error::Http(answer))) => {
                look.metrics.set(STATUS, f64::from(answer.status().as_u16()));
                Err(Fault::new(Reason::HttpStatus, "websocket: bad handshake"))
            }
            Ok(Err(error)) => Err(Fault::new(Reason::HttpProtocol, error.to_string())),
        }
    }

    async fn talk(&self, look: &mut Look<'_>, socket: &mut Socket, trail: &mut Trail) -> bool {
        for turn in &self.turns {
            let taken = timeout_at(look.deadline.into(), take(turn, socket)).await;
            trail.laps.end(|phases| &mut phases.transfer_us);
            let late = || Fault::new(Reason::Timeout, "i/o timeout");
            if let Err(fault) = taken.unwrap_or_else(|_| Err(late())) {
                look.metrics.set(FAILED_REGEX, 1.0);
                look.fail("Error reading message", fault);
                return false;
            }
        }
        timeout_at(look.deadline.into(), socket.close(None)).await.ok();
        true
    }
}

async fn take(turn: &Turn, socket: &mut Socket) -> Result<(), Fault> {
    let broken = |error: Error| Fault::new(Reason::ConnectionReset, error.to_string());
    let mut send = turn.send.clone().into_bytes();
    if let Some(expect) = &turn.expect {
        let message = loop {
            match socket.next().await {
                Some(Ok(message)) if message.is_text() || message.is_binary() => break message.into_data(),
                Some(Ok(message)) if !message.is_close() => {}
                Some(Err(error)) => return Err(broken(error)),
                _ => {
                    return Err(Fault::new(
                        Reason::ConnectionReset,
                        "the server closed the WebSocket",
                    ));
                }
            }
        };
        let Some(found) = expect.regex.captures(&message) else {
            let why = format!("the message does not match `{}`", expect.text);
            return Err(Fault::new(Reason::UnexpectedReply, why));
        };
        send = talk::expanded(&turn.send, &found);
    }
    if !send.is_empty() {
        let text = String::from_utf8_lossy(&send).into_owned();
        socket.send(Message::text(text)).await.map_err(broken)?;
    }
    Ok(())
}

fn parse(target: &str) -> Result<Url, String> {
    let url = Url::parse(target).map_err(|error| error.to_string())?;
    match url.scheme() {
        "ws" | "wss" => Ok(url),
        other => Err(format!(
            "a target begins with `ws://` or `wss://`, not `{other}://`"
        )),
    }
}
