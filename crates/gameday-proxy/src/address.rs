//! Listen addresses as Go reads them: `""` and `":9"` mean all interfaces, port 0 any free port. Beside them, `unix:PATH`.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A name that is not found by then is not found.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// Where a proxy listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Net(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Whether any free port will do.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self, Self::Net(address) if address.port() == 0)
    }

    /// Whether who listens on one may be in the way of who wants the other.
    pub(crate) fn is_in_the_way_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Net(one), Self::Net(other)) => one.port() == other.port(),
            _ => self == other,
        }
    }

    /// Whether who listens here listens there as well: without IPv6, "all interfaces" have become those of IPv4.
    pub(crate) fn covers(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Net(bound), Self::Net(wanted)) if wanted.is_ipv6() && wanted.ip().is_unspecified() => {
                bound.ip().is_unspecified() && bound.port() == wanted.port()
            }
            _ => self == wanted,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The path of a unix socket, if a text names one.
pub(crate) fn unix_path(text: &str) -> Option<&Path> {
    text.strip_prefix("unix:").map(Path::new)
}

/// The address that a text means, if no name has to be looked up for it.
pub(crate) fn literal(listen: &str) -> Option<Address> {
    if let Some(path) = unix_path(listen) {
        return Some(Address::Unix(path.to_owned()));
    }
    if listen.is_empty() {
        return Some(Address::Net((Ipv6Addr::UNSPECIFIED, 0).into()));
    }
    if let Ok(address) = listen.parse() {
        return Some(Address::Net(address));
    }
    let (host, port) = listen.rsplit_once(':')?;
    let ip = match host {
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => return None,
    };
    Some(Address::Net((ip, port.parse().ok()?).into()))
}

/// The address that a text means; an error is in Go's words.
pub(crate) async fn resolve(listen: &str) -> Result<Address, String> {
    if let Some(address) = literal(listen) {
        return Ok(address);
    }
    let Some((host, port)) = listen.rsplit_once(':') else {
        return Err(format!("listen tcp: address {listen}: missing port in address"));
    };
    if port.parse::<u16>().is_err() {
        return Err(format!("listen tcp: address {port}: invalid port"));
    }
    let missing = || format!("listen tcp: lookup {host}: no such host");
    let found = tokio::time::timeout(LOOKUP_LIMIT, tokio::net::lookup_host(listen)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| missing())?.map_err(|_| missing())?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().map(Address::Net).ok_or_else(missing)
}

/// A listen failure in Go's words, which clients look for.
pub(crate) fn listen_error(address: &Address, error: &io::Error) -> String {
    let cause = match error.kind() {
        ErrorKind::AddrInUse => "address already in use".to_owned(),
        ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    match address {
        Address::Net(address) => format!("listen tcp {address}: bind: {cause}"),
        Address::Unix(path) => format!("listen unix {}: bind: {cause}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listen_addresses_are_read_as_go_reads_them() {
        for (text, address) in [
            ("", "[::]:0"),
            (":9", "[::]:9"),
            ("localhost:0", "127.0.0.1:0"),
            ("127.0.0.1:28001", "127.0.0.1:28001"),
            ("[::1]:5", "[::1]:5"),
        ] {
            assert_eq!(
                resolve(text).await,
                Ok(Address::Net(address.parse().unwrap())),
                "{text:?}"
            );
        }
        assert_eq!(
            resolve("unix:/run/a.sock").await,
            Ok(Address::Unix("/run/a.sock".into()))
        );
        assert_eq!(
            resolve("nonsense").await.unwrap_err(),
            "listen tcp: address nonsense: missing port in address"
        );
        assert_eq!(
            resolve("127.0.0.1:99999").await.unwrap_err(),
            "listen tcp: address 99999: invalid port"
        );
    }
}
