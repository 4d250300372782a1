//! Which connections a toxic may act on, beside its toxicity.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// Limits a toxic to some connections; the default is all of them. What is given must all be so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Only connections of clients in one of these ranges; empty means any. Clients of a unix socket have no address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Cidr>,
    /// Only the first so many connections that come after the toxic was attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Only every so manieth connection, counted from when the toxic was attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// At most so many connections at a time; one that comes when all places are taken is spared for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active: Option<u64>,
    /// Only connections whose ClientHello asks for such a name, in lower case, e.g. `*.example.test`; the proxy must
    /// have `tls`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sni: Vec<Pattern>,
}

impl Scope {
    /// Whether a connection is meant by the server name in its ClientHello.
    #[must_use]
    pub(crate) fn admits_name(&self, name: Option<&str>) -> bool {
        self.sni.is_empty() || name.is_some_and(|name| self.sni.iter().any(|pattern| pattern.matches(name)))
    }

    /// Whether a connection is meant: by its client's address, and by its number counted from when the toxic was
    /// attached (1 is the first new one; connections that were open then have numbers of 0 and below).
    #[must_use]
    pub fn admits(&self, client: Option<IpAddr>, number: i64) -> bool {
        let is_in = |ip: IpAddr| self.clients.iter().any(|range| range.contains(ip));
        let by_client = self.clients.is_empty() || client.is_some_and(is_in);
        let by_first = self
            .first
            .is_none_or(|first| (1..=first).contains(&number.max(0).cast_unsigned()));
        let by_every = self
            .every
            .is_none_or(|every| number.rem_euclid(every.max(1).cast_signed()) == 0);
        by_client && by_first && by_every
    }

    /// Refuses what would mean no connection at all.
    ///
    /// # Errors
    /// The key, and why.
    pub fn check(&self) -> Result<(), String> {
        let zero = [
            ("first", self.first),
            ("every", self.every),
            ("max_active", self.max_active),
        ]
        .into_iter()
        .find(|(_, number)| *number == Some(0));
        zero.map_or(Ok(()), |(key, _)| Err(format!("`{key}` must be at least 1")))
    }
}

/// For people, e.g. ` from 10.0.0.0/8, every 3rd connection`; nothing when all are meant.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.clients.is_empty() {
            let ranges: Vec<String> = self.clients.iter().map(Cidr::to_string).collect();
            write!(f, " for clients in {}", ranges.join(", "))?;
        }
        if let Some(first) = self.first {
            write!(f, ", first {first} connections")?;
        }
        if let Some(every) = self.every {
            write!(f, ", every {every}. connection")?;
        }
        if !self.sni.is_empty() {
            let names: Vec<String> = self.sni.iter().map(Pattern::to_string).collect();
            write!(f, " for the server name {}", names.join(" or "))?;
        }
        self.max_active
            .map_or(Ok(()), |most| write!(f, ", at most {most} at a time"))
    }
}

/// A range of addresses (RFC 4632), e.g. `10.0.0.0/8` or `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    ip: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether an address is in the range. An IPv4 address that came in through an IPv6 socket is one of IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                same(net.to_bits().into(), ip.to_bits().into(), 32 - self.prefix)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => same(net.to_bits(), ip.to_bits(), 128 - self.prefix),
            _ => false,
        }
    }
}

/// Whether two addresses are the same but for so many low bits.
fn same(a: u128, b: u128, low: u8) -> bool {
    (a ^ b).checked_shr(low.into()).unwrap_or(0) == 0
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let bad = || format!("`{shown}` is no range of addresses, such as \"10.0.0.0/8\" or \"::1\"");
        let (ip, prefix) = text
            .split_once('/')
            .map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
        let ip: IpAddr = ip.parse().map_err(|_| bad())?;
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), str::parse).map_err(|_| bad())?;
        if prefix <= whole {
            Ok(Self { ip, prefix })
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(range: Cidr) -> Self {
        range.to_string()
    }
}

/// The places of a toxic with `max_active`, shared by all connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    taken: Arc<AtomicU64>,
}

impl Places {
    /// A place, unless `most` are taken.
    pub(crate) fn take(&self, most: u64) -> Option<Place> {
        let more = |taken: u64| (taken < most).then_some(taken + 1);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(&self.taken)))
    }
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicU64>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scope: &str, client: &str, numbers: std::ops::RangeInclusive<i64>, admitted: &[i64]) {
        let scope: Scope = toml::from_str(scope).unwrap();
        let found: Vec<i64> = numbers
            .filter(|number| scope.admits(client.parse().ok(), *number))
            .collect();
        assert_eq!(found, admitted);
    }

    #[test]
    fn connections_are_admitted_by_client_and_number() {
        check("", "10.1.2.3", -1..=2, &[-1, 0, 1, 2]);
        check("first = 2", "10.1.2.3", -1..=4, &[1, 2]);
        check("every = 3", "10.1.2.3", -3..=7, &[-3, 0, 3, 6]);
        check("first = 6\nevery = 3", "10.1.2.3", 1..=9, &[3, 6]);
        check("clients = [\"10.0.0.0/8\", \"::1/128\"]", "10.1.2.3", 1..=1, &[1]);
        check("clients = [\"10.0.0.0/8\", \"::1\"]", "::1", 1..=1, &[1]);
        check("clients = [\"10.0.0.0/8\"]", "::ffff:10.1.2.3", 1..=1, &[1]);
        check("clients = [\"10.0.0.0/8\"]", "11.1.2.3", 1..=1, &[]);
        check("clients = [\"0.0.0.0/0\"]", "11.1.2.3", 1..=1, &[1]);
        check("clients = [\"0.0.0.0/0\"]", "a unix socket", 1..=1, &[]);
        for bad in ["10.0.0.0/33", "ten", "", "::/129", "10.0.0.0/-1"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        assert!(
            toml::from_str::<Scope>("every = 0")
                .unwrap()
                .check()
                .unwrap_err()
                .contains("`every`")
        );
    }

    #[test]
    fn places_are_given_back() {
        let places = Places::default();
        let (first, second) = (places.take(2).unwrap(), places.take(2).unwrap());
        assert!(places.take(2).is_none());
        drop(first);
        let third = places.take(2).unwrap();
        assert!(places.take(2).is_none());
        drop((second, third));
        assert_eq!(places.taken.load(Ordering::Relaxed), 0);
    }
}
