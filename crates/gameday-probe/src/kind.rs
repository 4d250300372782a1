//! What a probe can be: one table, a file a kind.
//!
//! A file of `probes/` holds either a flow (`[[step]]`) or one table named like a row here; a row that is
//! a panel may also stand as `[check.NAME]` beside any probe.

mod camps;
mod cdn;
mod dns;
pub(crate) mod grpc;
pub(crate) mod icmp;
mod panel;
mod starttls;
mod talk;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod websocket;
mod whom;

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use gameday_core::{Reason, Table};

use crate::file::{Scope, Times};
use crate::net::Connector;
use crate::observation::{Fault, Observation};
use crate::plan::{FlowPlan, StepPlan};
use crate::values::{Missing, Values};
pub(crate) use starttls::Dialogue;

pub(crate) use talk::read_bytes;

/// A probe of some kind, checked.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// HTTP steps, in order; those that run `always` are last.
    Flow(FlowPlan),
    /// What resolvers and the zone's own servers say of a name.
    Dns(dns::Dns),
    /// A TCP connection and what is said over it.
    Tcp(tcp::Tcp),
    /// A datagram and its answer.
    Udp(udp::Udp),
    /// Echo requests.
    Icmp(icmp::Icmp),
    /// The health service of gRPC.
    Grpc(grpc::Grpc),
    /// A WebSocket and what is said over it.
    Websocket(websocket::Websocket),
    /// Certificates, and what a server would speak.
    Tls(tls::Tls),
    /// What the edges of a CDN serve.
    Cdn(cdn::Cdn),
}

/// How a kind is read.
pub(crate) struct Row {
    /// Its table in the file.
    pub(crate) key: &'static str,
    /// Whether it may also be a panel, `[check.KEY]`.
    pub(crate) panel: bool,
    pub(crate) read: fn(Table<'_, '_>, &Scope<'_, '_>, &Times) -> Option<Kind>,
}

/// Every kind but the flow.
#[rustfmt::skip] // A row a line.
pub(crate) const ROWS: &[Row] = &[
    Row { key: "dns", panel: true, read: |t, scope, times| Some(Kind::Dns(dns::Dns::read(t, scope, times)?)) },
    Row { key: "tcp", panel: false, read: |t, scope, times| Some(Kind::Tcp(tcp::Tcp::read(t, scope, times)?)) },
    Row { key: "udp", panel: false, read: |t, scope, times| Some(Kind::Udp(udp::Udp::read(t, scope, times)?)) },
    Row { key: "icmp", panel: false, read: |t, scope, times| Some(Kind::Icmp(icmp::Icmp::read(t, scope, times)?)) },
    Row { key: "grpc", panel: false, read: |t, scope, times| Some(Kind::Grpc(grpc::Grpc::read(t, scope, times)?)) },
    Row { key: "websocket", panel: false, read: |t, scope, times| Some(Kind::Websocket(websocket::Websocket::read(t, scope, times)?)) },
    Row { key: "tls", panel: true, read: |t, scope, times| Some(Kind::Tls(tls::Tls::read(t, scope, times)?)) },
    Row { key: "cdn", panel: true, read: |t, scope, times| Some(Kind::Cdn(cdn::Cdn::read(t, scope, times)?)) },
];

/// Whether a file with these keys is a probe's.
pub fn is_probe(has: impl Fn(&str) -> bool) -> bool {
    has("step") || has("check") || ROWS.iter().any(|row| has(row.key))
}

/// What a look may use.
pub(crate) struct Means<'a> {
    pub(crate) connector: &'a Connector,
    /// The verdict is reached by then.
    pub(crate) deadline: Instant,
}

impl Kind {
    /// Looks once; messages and evidence are redacted by the caller.
    pub(crate) fn look<'a>(
        &'a self,
        means: &'a Means<'_>,
        values: &'a mut Values<'_>,
    ) -> BoxFuture<'a, Observation> {
        match self {
            Self::Flow(flow) => Box::pin(crate::flow::look(flow, means, values)),
            Self::Dns(dns) => Box::pin(dns.look(means, values)),
            Self::Tcp(tcp) => Box::pin(tcp.look(means, values)),
            Self::Udp(udp) => Box::pin(udp.look(means, values)),
            Self::Icmp(icmp) => Box::pin(icmp.look(means, values)),
            Self::Grpc(grpc) => Box::pin(grpc.look(means, values)),
            Self::Websocket(websocket) => Box::pin(websocket.look(means, values)),
            Self::Tls(tls) => Box::pin(tls.look(means, values)),
            Self::Cdn(cdn) => Box::pin(cdn.look(means, values)),
        }
    }

    /// Whether this machine's trusted certificates may be needed.
    pub(crate) fn may_use_tls(&self) -> bool {
        match self {
            Self::Flow(flow) => !flow.steps.iter().all(StepPlan::is_plain),
            Self::Dns(_) | Self::Udp(_) | Self::Icmp(_) => false,
            Self::Tcp(tcp) => tcp.uses_tls(),
            Self::Grpc(grpc) => grpc.uses_tls(),
            Self::Websocket(websocket) => websocket.uses_tls(),
            Self::Tls(_) => true,
            Self::Cdn(cdn) => cdn.uses_tls(),
        }
    }

    /// How much longer than its `timeout` a look may take, since it waits for something to come about.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Cdn(cdn) => cdn.patience(),
            _ => Duration::ZERO,
        }
    }
}

/// Takes `host:port` apart, or `host` alone; an IPv6 address with a port stands in brackets.
fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), Fault> {
    let wrong = || Fault::new(Reason::CannotLook, format!("`{text}` is not HOST:PORT"));
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((text.to_owned(), default_port));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
        None => (text, default_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.is_empty() || port == 0 {
        true => Err(wrong()),
        false => Ok((host.to_owned(), port)),
    }
}

/// A name that has no value in this run.
fn missing(missing: Missing) -> Fault {
    Fault::new(Reason::CannotLook, format!("`{}` has no value", missing.0))
}
