//! How a service is reached: what a probe may choose beside host and port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::tls::OwnTls;

/// Which addresses of a name may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Family {
    /// Both, the resolver's first one first.
    #[default]
    Any,
    Ip4,
    Ip6,
}

impl Family {
    /// Whether an address is of it.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ip4 => address.is_ipv4(),
            Self::Ip6 => address.is_ipv6(),
        }
    }
}

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum HttpVersion {
    /// Over TLS what the server chooses of HTTP/2 and HTTP/1.1 (RFC 7301), else HTTP/1.1.
    #[default]
    Auto,
    Http1,
    /// Over TLS nothing else is offered; without TLS it begins at once (RFC 9113, 3.3).
    Http2,
}

/// The way to a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// Dialled instead of what the name resolves to; the name stays in SNI and `Host`.
    pub(crate) address: Option<IpAddr>,
    pub(crate) family: Family,
    /// Who is asked for names instead of this machine's resolver.
    pub(crate) resolver: Option<SocketAddr>,
    /// The local address to dial from.
    pub(crate) source: Option<IpAddr>,
    pub(crate) version: HttpVersion,
    /// Trust and identity of the probe's own instead of this machine's.
    pub(crate) tls: Option<Arc<OwnTls>>,
}
