//! How a proxy treats what it carries: which protocol it speaks, and TLS on either side.

use serde::{Deserialize, Serialize};

use crate::datagram::UdpOptions;
use crate::tls::{Authority, TlsOptions};

/// What a proxy understands of the bytes it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Bytes, and nothing of them.
    #[default]
    Tcp,
    /// HTTP/1.1, HTTP/2 and gRPC.
    Http,
    /// PostgreSQL's frontend/backend protocol, version 3.
    Postgres,
    /// Redis' RESP2 and RESP3.
    Redis,
    /// Datagrams, and nothing of them.
    Udp,
    /// DNS, over UDP and TCP.
    Dns,
}

impl Protocol {
    /// Whether it is carried by datagrams, not by connections.
    #[must_use]
    pub const fn is_datagrams(self) -> bool {
        matches!(self, Self::Udp | Self::Dns)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Udp => "udp",
            Self::Dns => "dns",
        }
    }
}

/// What Toxiproxy's API cannot say of a proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What it understands.
    pub protocol: Protocol,
    /// TLS towards clients and towards the upstream.
    pub tls: TlsOptions,
    /// Sessions, for protocols of datagrams.
    #[serde(skip_serializing_if = "is_default")]
    pub udp: UdpOptions,
}

fn is_default(udp: &UdpOptions) -> bool {
    *udp == UdpOptions::default()
}

impl Options {
    /// Reads the files that they name and makes certificates; to be called before a proxy with them starts.
    pub(crate) fn prepare(&mut self, authority: &Authority) -> Result<(), String> {
        self.check()?;
        if self.tls.is_off() {
            return Ok(());
        }
        self.tls.prepare(authority, self.protocol == Protocol::Http)
    }

    /// Refuses what contradicts itself; reads no file.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.udp.check()?;
        if !is_default(&self.udp) && !self.protocol.is_datagrams() {
            return Err("`udp` needs the protocol `udp` or `dns`".to_owned());
        }
        match self.protocol {
            _ if self.tls.is_off() => Ok(()),
            Protocol::Udp | Protocol::Dns => Err("`tls` needs a protocol with connections".to_owned()),
            Protocol::Http | Protocol::Postgres | Protocol::Redis if self.tls.passthrough => {
                let word = self.protocol.as_str();
                Err(format!(
                    "`tls.passthrough`: no `{word}` can be seen in TLS that passes: terminate it"
                ))
            }
            _ => self.tls.check(),
        }
    }

    /// Whether connections are bytes and nothing else, so that the fast path carries them.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.protocol == Protocol::Tcp && self.tls.is_off()
    }
}
