//! Hosts as requests name them.

use std::net::IpAddr;

/// Endings that nobody can have registered (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`).
const PRIVATE: [&str; 5] = [".internal", ".local", ".localhost", ".test", ".home.arpa"];

/// A `Host` without its port, an IPv6 address without its brackets.
#[must_use]
pub fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether a `Host` is a name that a stranger can own, and so can point at this machine (DNS rebinding).
///
/// An address cannot be pointed anywhere, and neither can `localhost`, a container's name or `host.docker.internal`.
#[must_use]
pub fn is_public_name(host: &str) -> bool {
    let name = host_name(host).to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let is_private = |name: &str| PRIVATE.iter().any(|ending| name.ends_with(ending));
    name.parse::<IpAddr>().is_err() && name.contains('.') && !is_private(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_can_be_registered_is_public() {
        for ours in [
            "localhost",
            "LOCALHOST:9095",
            "127.0.0.1:9095",
            "10.0.0.5",
            "[::1]:9095",
            "[fe80::1]",
            "gameday:9095",
            "host.docker.internal:9095",
            "drills.local.",
        ] {
            assert!(!is_public_name(ours), "{ours}");
        }
        for public in [
            "evil.example",
            "evil.example:9095",
            "EVIL.example.",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "evillocal.example",
        ] {
            assert!(is_public_name(public), "{public}");
        }
    }
}
