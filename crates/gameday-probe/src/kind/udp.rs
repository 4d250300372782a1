//! `[udp]`: a datagram, and the answer to it.
//!
//! ```text
//! address = "host:53", family = "ip4", send = "text" | send_base64 = "…", expect = "/…/" | expect_base64 = "…", quiet = "200ms"
//! ```
//!
//! Without `expect`, silence is up: nobody said that nothing listens there, within `quiet`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use gameday_core::{Reason, Table};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;
use toml::Spanned;

use super::talk::{MAX_HEARD_BYTES, Memory, Turn, read_bytes, read_pattern};
use super::{Means, host_and_port};
use crate::evidence::Exhibit;
use crate::file::{Scope, Times, read_family, span};
use crate::net::{Route, Trail};
use crate::observation::{Fault, Observation};
use crate::template::Template;
use crate::values::Values;

const DEFAULT_QUIET: Duration = Duration::from_millis(500);

/// A datagram and what must come back.
#[derive(Debug, Clone)]
pub(crate) struct Udp {
    address: Template,
    route: Route,
    send: Turn,
    expect: Option<Turn>,
    quiet: Duration,
}

impl Udp {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let address: Option<Spanned<String>> = table.need_spanned("address");
        let address = address.and_then(|address| scope.template(&address));
        let text: Option<Spanned<String>> = table.spanned("send");
        let text = text.and_then(|text| scope.template(&text)).map(Turn::Send);
        let bytes = read_bytes(&mut table, "send_base64", scope).map(Turn::SendBytes);
        let expect: Option<Spanned<String>> = table.spanned("expect");
        let expect = expect
            .and_then(|pattern| read_pattern(&pattern, scope))
            .map(Turn::Expect);
        let expect_bytes = read_bytes(&mut table, "expect_base64", scope).map(Turn::ExpectBytes);
        let quiet = span(&mut table, "quiet", scope);
        let route = Route {
            family: read_family(&mut table, scope),
            ..Route::default()
        };
        let place = table.span();
        table.finish();
        let send = text.or(bytes);
        if send.is_none() {
            scope
                .problems()
                .add(place, "`send` or `send_base64` says what the datagram holds");
        }
        Some(Self {
            address: address?,
            route,
            send: send?,
            expect: expect.or(expect_bytes),
            quiet: quiet.map_or(DEFAULT_QUIET, Spanned::into_inner),
        })
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let fault = self.ask(means, values, &mut trail).await.err();
        trail.observe(fault)
    }

    async fn ask(&self, means: &Means<'_>, values: &Values<'_>, trail: &mut Trail) -> Result<(), Fault> {
        let at = self.address.render(values).map_err(super::missing)?;
        let (host, port) = host_and_port(&at, 0)?;
        let found = means
            .connector
            .resolve(&host, &self.route, means.deadline, trail)
            .await?;
        let address = SocketAddr::new(found[0], port);
        let broken = |error: io::Error| match crate::net::lacking(&error) {
            Some(lack) => lack,
            None if error.kind() == io::ErrorKind::ConnectionRefused => Fault::new(
                Reason::ConnectRefused,
                format!("nothing listens at {address} (ICMP port unreachable)"),
            ),
            None => Fault::new(Reason::ConnectUnreachable, format!("{address}: {error}")),
        };
        let from: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0)).await.map_err(broken)?;
        socket.connect(address).await.map_err(broken)?;
        let bytes = self.send.bytes(values, &Memory::default())?.unwrap_or_default();
        socket.send(&bytes).await.map_err(broken)?;
        trail.laps.end(|phases| &mut phases.send_us);
        trail.show(Exhibit::Request {
            head: format!("datagram to {address}"),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        });
        let heard = self.hear(&socket, means.deadline).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        let Some(heard) = heard.map_err(broken)? else {
            return match &self.expect {
                None => Ok(()),
                Some(_) => Err(Fault::new(
                    Reason::Timeout,
                    format!("no answer from {address} in time"),
                )),
            };
        };
        trail.show(Exhibit::Response {
            head: format!("datagram from {address}"),
            body: String::from_utf8_lossy(&heard).into_owned(),
            body_bytes: heard.len() as u64,
        });
        match &self.expect {
            Some(turn) if Memory::default().takes(turn, &heard).is_none() => Err(turn.unmet(&heard, "")),
            _ => Ok(()),
        }
    }

    /// The first answer, if one comes in time.
    async fn hear(&self, socket: &UdpSocket, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
        let until = match self.expect {
            Some(_) => deadline,
            None => deadline.min(Instant::now() + self.quiet),
        };
        let mut buffer = vec![0; MAX_HEARD_BYTES];
        match timeout_at(until.into(), socket.recv(&mut buffer)).await {
            Err(_) => Ok(None),
            Ok(read) => {
                buffer.truncate(read?);
                Ok(Some(buffer))
            }
        }
    }
}
