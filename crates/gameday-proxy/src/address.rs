//! Listen addresses as Go reads them: `""` and `":9"` mean all interfaces, port 0 any free port.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A name that is not found by then is not found.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// The address that a text means, if no name has to be looked up for it.
pub(crate) fn literal(listen: &str) -> Option<SocketAddr> {
    if listen.is_empty() {
        return Some((Ipv6Addr::UNSPECIFIED, 0).into());
    }
    if let Ok(address) = listen.parse() {
        return Some(address);
    }
    let (host, port) = listen.rsplit_once(':')?;
    let ip = match host {
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => return None,
    };
    Some((ip, port.parse().ok()?).into())
}

/// The address that a text means; an error is in Go's words.
pub(crate) async fn resolve(listen: &str) -> Result<SocketAddr, String> {
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
    found
        .iter()
        .find(|address| address.is_ipv4())
        .or(found.first())
        .copied()
        .ok_or_else(missing)
}

/// A listen failure in Go's words, which clients look for.
pub(crate) fn listen_error(address: SocketAddr, error: &io::Error) -> String {
    let cause = match error.kind() {
        ErrorKind::AddrInUse => "address already in use".to_owned(),
        ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!("listen tcp {address}: bind: {cause}")
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
            assert_eq!(resolve(text).await, Ok(address.parse().unwrap()), "{text:?}");
        }
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
