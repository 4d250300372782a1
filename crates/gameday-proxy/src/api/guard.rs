//! Who may ask: programs on this machine, not web pages that a browser on it happens to show.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN, USER_AGENT};
use axum::http::{HeaderMap, Uri};

/// Refuses what only a browser sends: an `Origin`, or the name of a foreign host that was pointed at us.
pub(super) fn check(headers: &HeaderMap, uri: &Uri) -> Result<(), &'static str> {
    if headers.contains_key(ORIGIN) {
        return Err("requests with an `Origin` header are refused: this API is not for web pages");
    }
    let hosts = headers
        .get_all(HOST)
        .iter()
        .map(|host| host.to_str().unwrap_or_default());
    if hosts
        .chain(uri.authority().map(axum::http::uri::Authority::as_str))
        .all(is_loopback)
    {
        Ok(())
    } else {
        Err("the `Host` header must name this machine: `localhost` or a loopback address")
    }
}

/// Toxiproxy refuses browsers by their user agent.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:8474",
            "127.0.0.1:8474",
            "127.9.9.9",
            "[::1]:8474",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:8474",
            "10.0.0.1",
            "[::]:1",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
