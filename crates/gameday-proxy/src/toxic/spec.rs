//! The list of toxics: which there are, what each is called, and what it can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Accept, Anchor, BadToxic, Bandwidth, Corrupt, Duplicate, Latency, LimitData, LimitTime, Noop, PacketLoss,
    Reorder, ResetPeer, Slicer, SlowClose, Timeout, Toxic,
};
use crate::dns::DnsFault;
use crate::http::HttpFault;
use crate::options::Protocol;
use crate::postgres::PostgresFault;
use crate::redis::RedisFault;
use crate::tls::TlsFault;

/// Which toxic, and its settings: as a scenario writes it, `latency = { delay = "200ms" }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToxicSpec {
    /// Every chunk later by a delay.
    Latency(Latency),
    /// Bytes no faster than a rate.
    Bandwidth(Bandwidth),
    /// The end of the stream later.
    SlowClose(SlowClose),
    /// Silence, and after a time the end of the connection.
    Timeout(Timeout),
    /// A reset of the connection after a time.
    ResetPeer(ResetPeer),
    /// Data in small pieces.
    Slicer(Slicer),
    /// The end of the connection after so many bytes.
    LimitData(LimitData),
    /// Nothing.
    Noop(Noop),
    /// Flipped bits.
    Corrupt(Corrupt),
    /// The end of the connection after a time, although data flows.
    LimitTime(LimitTime),
    /// Clients refused, left hanging, or accepted late.
    Accept(Accept),
    /// Lost packets: of the proxy's own TCP connections, or datagrams.
    PacketLoss(PacketLoss),
    /// Datagrams twice.
    Duplicate(Duplicate),
    /// Datagrams out of order.
    Reorder(Reorder),
    /// Handshakes that fail.
    Tls(Box<TlsFault>),
    /// HTTP requests and responses.
    Http(Box<HttpFault>),
    /// PostgreSQL statements.
    Postgres(Box<PostgresFault>),
    /// Redis commands.
    Redis(Box<RedisFault>),
    /// DNS answers.
    Dns(Box<DnsFault>),
}

impl ToxicSpec {
    /// The toxic for one direction of one connection, if it acts on the stream itself.
    #[must_use]
    pub fn build(&self, anchor: &Anchor) -> Option<Box<dyn Toxic>> {
        Some(match self {
            Self::Latency(latency) => Box::new(latency.lag(anchor.attached_at)),
            Self::Bandwidth(bandwidth) => Box::new(bandwidth.throttle(anchor)),
            Self::SlowClose(slow) => Box::new(*slow),
            Self::Timeout(timeout) => Box::new(*timeout),
            Self::ResetPeer(reset) => Box::new(*reset),
            Self::Slicer(slicer) => Box::new(slicer.knife()),
            Self::LimitData(limit) => Box::new(limit.gate()),
            Self::Noop(noop) => Box::new(*noop),
            Self::Corrupt(corrupt) => Box::new(corrupt.noise(anchor.attached_at)),
            Self::LimitTime(limit) => Box::new(*limit),
            _ => return None,
        })
    }

    /// Whether it acts on the stream itself, and not on what a protocol makes of it.
    #[must_use]
    pub fn is_on_stream(&self) -> bool {
        self.build(&Anchor::at(std::time::Instant::now())).is_some()
    }

    /// Refuses settings that contradict each other.
    ///
    /// # Errors
    /// [`BadToxic::Setting`], which names the setting as a scenario does.
    pub fn check(&self) -> Result<(), BadToxic> {
        let checked = match self {
            Self::Latency(latency) => latency.check(),
            Self::Slicer(slicer) => slicer.check("size", "variation"),
            Self::Reorder(reorder) => reorder.check(),
            Self::Tls(fault) => fault.check(),
            Self::Http(fault) => fault.check(),
            Self::Postgres(fault) => fault.check(),
            Self::Redis(fault) => fault.check(),
            Self::Dns(fault) => fault.check(),
            Self::Accept(accept) => accept.check(),
            Self::PacketLoss(loss) => loss.check(),
            _ => Ok(()),
        };
        checked
            .and_then(|()| self.check_amounts())
            .map_err(|(name, cause)| BadToxic::Setting {
                name: format!("{}.{name}", self.kind()),
                cause,
            })
    }

    /// The words of all kinds; each is one of [`ToxicSpec::kind`]'s.
    pub const KINDS: [&'static str; 19] = [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "noop",
        "corrupt",
        "limit_time",
        "accept",
        "packet_loss",
        "duplicate",
        "reorder",
        "tls",
        "http",
        "postgres",
        "redis",
        "dns",
    ];

    /// The word for it in the APIs and in a scenario.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::SlowClose(_) => "slow_close",
            Self::Timeout(_) => "timeout",
            Self::ResetPeer(_) => "reset_peer",
            Self::Slicer(_) => "slicer",
            Self::LimitData(_) => "limit_data",
            Self::Noop(_) => "noop",
            Self::Corrupt(_) => "corrupt",
            Self::LimitTime(_) => "limit_time",
            Self::Accept(_) => "accept",
            Self::PacketLoss(_) => "packet_loss",
            Self::Duplicate(_) => "duplicate",
            Self::Reorder(_) => "reorder",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Postgres(_) => "postgres",
            Self::Redis(_) => "redis",
            Self::Dns(_) => "dns",
        }
    }

    /// Whether it acts on how a connection begins, so that its first bytes have to be looked at.
    pub(crate) fn acts_on_handshakes(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether it can act on a proxy of this protocol. What it cannot act on is refused, never ignored.
    #[must_use]
    pub fn suits(&self, protocol: Protocol) -> bool {
        let datagrams = matches!(protocol, Protocol::Udp | Protocol::Dns);
        match self {
            Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Noop(_)
            | Self::Corrupt(_)
            | Self::PacketLoss(_) => true,
            Self::SlowClose(_)
            | Self::Timeout(_)
            | Self::ResetPeer(_)
            | Self::Slicer(_)
            | Self::LimitData(_)
            | Self::LimitTime(_)
            | Self::Accept(_)
            | Self::Tls(_) => !datagrams,
            Self::Duplicate(_) | Self::Reorder(_) => datagrams,
            Self::Http(_) => protocol == Protocol::Http,
            Self::Postgres(_) => protocol == Protocol::Postgres,
            Self::Redis(_) => protocol == Protocol::Redis,
            Self::Dns(_) => protocol == Protocol::Dns,
        }
    }
}

/// Its settings for people, e.g. `delay 200ms ±20ms`.
impl fmt::Display for ToxicSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(latency) => latency.fmt(f),
            Self::Bandwidth(bandwidth) => bandwidth.fmt(f),
            Self::Timeout(timeout) => write!(f, "after {}", timeout.after),
            Self::ResetPeer(reset) => write!(f, "after {}", reset.after),
            Self::SlowClose(slow) => slow.fmt(f),
            Self::Slicer(slicer) => slicer.fmt(f),
            Self::LimitData(limit) => limit.fmt(f),
            Self::Noop(noop) => noop.fmt(f),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
            Self::LimitTime(limit) => limit.fmt(f),
            Self::Accept(accept) => accept.fmt(f),
            Self::PacketLoss(loss) => loss.fmt(f),
            Self::Duplicate(duplicate) => duplicate.fmt(f),
            Self::Reorder(reorder) => reorder.fmt(f),
            Self::Tls(fault) => fault.fmt(f),
            Self::Http(fault) => fault.fmt(f),
            Self::Postgres(fault) => fault.fmt(f),
            Self::Redis(fault) => fault.fmt(f),
            Self::Dns(fault) => fault.fmt(f),
        }
    }
}
