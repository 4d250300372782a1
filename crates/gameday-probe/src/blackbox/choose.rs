//! One address of a name, of the family that a module prefers; only ever one is tried.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use gameday_core::Reason;
use tokio::time::timeout_at;

use super::config::Block;
use super::log::Value;
use super::look::Look;
use super::metrics::Name;
use crate::observation::Fault;

const LOOKUP: Name = Name(
    "probe_dns_lookup_time_seconds",
    "Returns the time taken for probe dns lookup in seconds",
);
const PROTOCOL: Name = Name(
    "probe_ip_protocol",
    "Specifies whether probe ip protocol is IP4 or IP6",
);
const HASH: Name = Name(
    "probe_ip_addr_hash",
    "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
);

const FNV_OFFSET: u32 = 0x811c_9dc5;

/// Which address is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    prefers_ip4: bool,
    fallback: bool,
}

impl Choice {
    pub(super) fn read(block: &Block) -> Self {
        Self {
            // Whatever else is typed, also nothing, means `ip6` there.
            prefers_ip4: block.text("preferred_ip_protocol") == "ip4",
            fallback: block.flag("ip_protocol_fallback"),
        }
    }

    /// Finds an address, and tells how long it took; none when there is none, which is written down.
    pub(super) async fn choose(self, look: &mut Look<'_>, host: &str) -> (Option<IpAddr>, Duration) {
        let family = if self.prefers_ip4 { "ip4" } else { "ip6" };
        look.metrics.set(PROTOCOL, 0.0);
        look.metrics.set(HASH, 0.0);
        look.log.info(
            "Resolving target address",
            [("target", host.into()), ("ip_protocol", Value::Word(family))],
        );
        let began = Instant::now();
        let found = addresses(look, host).await;
        let took = began.elapsed();
        look.metrics.set(LOOKUP, took.as_secs_f64());
        look.resolved(took);
        let chosen = found.and_then(|all| {
            self.of(&all).ok_or_else(|| {
                let message =
                    format!("`{host}` has no address of the family {family}, and no other may be used");
                Fault::new(Reason::DnsNoAddress, message)
            })
        });
        match chosen {
            Ok(ip) => {
                look.metrics.set(PROTOCOL, if ip.is_ipv4() { 4.0 } else { 6.0 });
                look.metrics.set(HASH, f64::from(hash(ip)));
                look.log.info(
                    "Resolved target address",
                    [("target", host.into()), ("ip", ip.into())],
                );
                (Some(ip), took)
            }
            Err(fault) => {
                look.fail("Resolution with IP protocol failed", fault);
                (None, took)
            }
        }
    }

    /// The first of the preferred family, else the last of the other: that one is theirs.
    fn of(self, all: &[IpAddr]) -> Option<IpAddr> {
        let preferred = all.iter().find(|ip| ip.is_ipv4() == self.prefers_ip4);
        let other = all.last().filter(|_| self.fallback);
        preferred.or(other).copied()
    }
}

async fn addresses(look: &Look<'_>, host: &str) -> Result<Vec<IpAddr>, Fault> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse() {
        return Ok(vec![ip]);
    }
    let late = || Fault::new(Reason::DnsTimeout, format!("`{host}` was not resolved in time"));
    let asking = async {
        // What `localhost` is stands in this machine's files: often it has no IPv6 address there.
        if host.eq_ignore_ascii_case("localhost") {
            let found = tokio::net::lookup_host((host, 0)).await;
            let found = found.map_err(|error| Fault::new(Reason::DnsNoAddress, error.to_string()))?;
            return Ok(found.map(|address| address.ip()).collect());
        }
        look.connector.addresses(host).await
    };
    timeout_at(look.deadline.into(), asking)
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// FNV-1a, 32 bits, of the address's 4 or 16 bytes.
fn hash(ip: IpAddr) -> u32 {
    let add = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    match ip {
        IpAddr::V4(v4) => v4.octets().into_iter().fold(FNV_OFFSET, add),
        IpAddr::V6(v6) => v6.octets().into_iter().fold(FNV_OFFSET, add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_theirs() {
        assert_eq!(hash("127.0.0.1".parse().unwrap()), 3_668_918_509);
    }

    #[test]
    fn one_family_is_preferred_and_the_other_is_used_if_it_may_be() {
        let all: Vec<IpAddr> = ["10.0.0.1", "10.0.0.2", "::1", "::2"]
            .map(|ip| ip.parse().unwrap())
            .into();
        let chosen = |prefers_ip4, fallback, all: &[IpAddr]| {
            let choice = Choice {
                prefers_ip4,
                fallback,
            };
            choice.of(all).map(|ip| ip.to_string())
        };
        assert_eq!(chosen(false, true, &all).as_deref(), Some("::1"));
        assert_eq!(chosen(true, false, &all).as_deref(), Some("10.0.0.1"));
        assert_eq!(chosen(false, true, &all[..2]).as_deref(), Some("10.0.0.2"));
        assert_eq!(chosen(false, false, &all[..2]), None);
    }
}
