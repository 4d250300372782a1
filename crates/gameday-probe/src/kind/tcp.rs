//! `[tcp]`: a connection, TLS over it or not, and what is said over it.
//!
//! ```text
//! address = "db:5432", family = "ip4", source = "IP", tls = true, alpn = ["…"], roots|cert|key|server_name|insecure,
//! starttls = "smtp", talk = [{ expect = "/^220 /" }, { send = "QUIT\r\n" }]
//! ```

use std::io;
use std::sync::Arc;
use std::time::Instant;

use gameday_core::{Reason, Table};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use toml::Spanned;

use super::starttls::{Dialogue, read_starttls};
use super::talk::{MAX_HEARD_BYTES, Memory, Turn, read_talk};
use super::{Means, host_and_port};
use crate::evidence::Exhibit;
use crate::file::{Scope, Times, address, read_family, read_tls};
use crate::net::{Alpn, Io, Route, Trail};
use crate::observation::{Fault, Observation};
use crate::template::Template;
use crate::values::Values;

/// A TCP connection that must come about, and what is said over it.
#[derive(Debug, Clone)]
pub(crate) struct Tcp {
    /// `host:port`.
    address: Template,
    route: Arc<Route>,
    /// TLS begins at once.
    tls: bool,
    starttls: Option<Dialogue>,
    talk: Vec<Turn>,
}

impl Tcp {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let at: Option<Spanned<String>> = table.need_spanned("address");
        let at = at.and_then(|at| scope.template(&at));
        let tls = table.get("tls").unwrap_or(false);
        let route = Route {
            address: address(&mut table, "connect_to", scope),
            family: read_family(&mut table, scope),
            source: address(&mut table, "source", scope),
            tls: read_tls(&mut table, scope),
            ..Route::default()
        };
        let starttls = read_starttls(&mut table, scope);
        let talk = read_talk(&mut table, scope, !tls && starttls.is_none());
        table.finish();
        Some(Self {
            address: at?,
            route: Arc::new(route),
            tls,
            starttls,
            talk,
        })
    }

    /// Whether certificates are looked at.
    pub(crate) fn uses_tls(&self) -> bool {
        self.tls || self.starttls.is_some() || self.talk.iter().any(|turn| matches!(turn, Turn::StartTls))
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let fault = self.hold(means, values, &mut trail).await.err();
        trail.observe(fault)
    }

    async fn hold(&self, means: &Means<'_>, values: &Values<'_>, trail: &mut Trail) -> Result<(), Fault> {
        let at = self.address.render(values).map_err(super::missing)?;
        let (host, port) = host_and_port(&at, 0)?;
        let (mut stream, _) = means
            .connector
            .reach(&host, port, &self.route, means.deadline, trail)
            .await?;
        if let Some(dialogue) = &self.starttls {
            dialogue.hold(&mut stream, means.deadline).await?;
            trail.laps.end(|phases| &mut phases.send_us);
        }
        let mut line = match self.tls || self.starttls.is_some() {
            true => self.secured(stream, &host, means, trail).await?,
            false => Line::Plain(stream),
        };
        let mut memory = Memory::default();
        for turn in &self.talk {
            line = self
                .take(turn, line, &host, &mut memory, means, values, trail)
                .await?;
        }
        Ok(())
    }

    async fn secured(
        &self,
        stream: TcpStream,
        host: &str,
        means: &Means<'_>,
        trail: &mut Trail,
    ) -> Result<Line, Fault> {
        let connector = means.connector;
        let secure = connector
            .secure(stream, host, Alpn::None, &self.route, means.deadline, trail)
            .await?;
        Ok(Line::Secure(Box::new(secure)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a turn may need anything that the talk has"
    )]
    async fn take(
        &self,
        turn: &Turn,
        mut line: Line,
        host: &str,
        memory: &mut Memory,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
    ) -> Result<Line, Fault> {
        if let Turn::StartTls = turn {
            let Line::Plain(stream) = line else {
                return Err(Fault::new(Reason::CannotLook, "TLS has begun already"));
            };
            // What came in plain text before TLS is not of the talk within it.
            memory.rest.clear();
            return self.secured(stream, host, means, trail).await;
        }
        if let Some(bytes) = turn.bytes(values, memory)? {
            memory.rest.clear();
            let sent = timeout_at(means.deadline.into(), line.io().write_all(&bytes)).await;
            trail.laps.end(|phases| &mut phases.send_us);
            trail.show(Exhibit::Request {
                head: "sent".to_owned(),
                body: String::from_utf8_lossy(&bytes).into_owned(),
            });
            sent.map_err(|_| late())?.map_err(|error| broken(&error))?;
            return Ok(line);
        }
        let heard = hear(turn, line.io(), memory, means.deadline).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        let (heard, result) = heard;
        trail.show(Exhibit::Response {
            head: "heard".to_owned(),
            body: String::from_utf8_lossy(&heard).into_owned(),
            body_bytes: heard.len() as u64,
        });
        result.map(|()| line)
    }
}

/// The connection, before or after TLS.
enum Line {
    Plain(TcpStream),
    Secure(Box<dyn Io>),
}

impl Line {
    fn io(&mut self) -> &mut dyn Io {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => stream,
        }
    }
}

/// Reads until the turn has what it wants; what came with it is left for the next.
async fn hear(
    turn: &Turn,
    line: &mut dyn Io,
    memory: &mut Memory,
    deadline: Instant,
) -> (Vec<u8>, Result<(), Fault>) {
    let mut heard = std::mem::take(&mut memory.rest);
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = memory.takes(turn, &heard).filter(|_| !heard.is_empty()) {
            memory.rest = heard.split_off(end);
            return (heard, Ok(()));
        }
        let read = match timeout_at(deadline.into(), line.read(&mut buffer)).await {
            Err(_) if heard.is_empty() => return (heard, Err(late())),
            Err(_) => {
                let fault = turn.unmet(&heard, " and nothing more in time");
                return (heard, Err(fault));
            }
            Ok(Err(error)) => return (heard, Err(broken(&error))),
            Ok(Ok(read)) => read,
        };
        heard.extend_from_slice(&buffer[..read]);
        if read > 0 && heard.len() <= MAX_HEARD_BYTES {
            continue;
        }
        let ended = if read == 0 {
            ", then it closed"
        } else {
            " and more"
        };
        // The end may be what was waited for.
        let result = match memory.takes(turn, &heard) {
            Some(_) => Ok(()),
            None => Err(turn.unmet(&heard, ended)),
        };
        return (heard, result);
    }
}

fn late() -> Fault {
    Fault::new(Reason::Timeout, "no answer in time")
}

fn broken(error: &io::Error) -> Fault {
    Fault::new(Reason::ConnectionReset, format!("the connection broke: {error}"))
}
