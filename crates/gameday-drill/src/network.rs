//! A part of the network and what is lost in it, as rules of nftables (nft(8)).
//!
//! The rules stand in the *input* hook: what an output hook drops does not look like loss to the TCP that sent it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whom a fault of the network may touch: an address or a range of them, and one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    ip: IpAddr,
    prefix: u8,
    port: u16,
}

/// `10.0.0.5:5432`, `10.0.0.0/24:5432` or `[fd00::/8]:5432` is written; this is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address and port, such as \"10.0.0.5:5432\", \"10.0.0.0/24:5432\" or \"[fd00::1]:5432\""
)]
pub struct BadPeer(String);

impl FromStr for Peer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Self, BadPeer> {
        let bad = || BadPeer(text.chars().take(80).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let (ip, prefix) = host
            .split_once('/')
            .map_or((host, None), |(ip, prefix)| (ip, Some(prefix)));
        let ip: IpAddr = ip.parse().map_err(|_| bad())?;
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), str::parse).map_err(|_| bad())?;
        // A prefix of 0 is the whole world, which is nobody's blast radius.
        if (1..=whole).contains(&prefix) {
            Ok(Self { ip, prefix, port })
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.range();
        match self.ip {
            IpAddr::V4(_) => write!(f, "{range}:{}", self.port),
            IpAddr::V6(_) => write!(f, "[{range}]:{}", self.port),
        }
    }
}

impl TryFrom<String> for Peer {
    type Error = BadPeer;

    fn try_from(text: String) -> Result<Self, BadPeer> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

impl Peer {
    fn range(&self) -> String {
        let whole = if self.ip.is_ipv4() { 32 } else { 128 };
        if self.prefix == whole {
            self.ip.to_string()
        } else {
            format!("{}/{}", self.network(), self.prefix)
        }
    }

    /// The first address of the range.
    fn network(&self) -> IpAddr {
        match self.ip {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << (32 - self.prefix))).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << (128 - self.prefix))).into(),
        }
    }
}

/// Of which packets the rules speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP segments.
    #[default]
    Tcp,
    /// UDP datagrams.
    Udp,
}

impl Transport {
    /// The word for it, in files and in nft.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What is lost of what comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Whom it touches.
    pub peer: Peer,
    /// Which packets.
    pub transport: Transport,
    /// Packets from the peer's port: its answers.
    pub downstream: bool,
    /// Packets to the peer's port, where the peer is this machine: requests to it.
    pub upstream: bool,
    /// Packets of a million that are lost, at random; a million is a partition.
    pub per_million: u32,
}

/// The name of the counter of lost packets.
pub(crate) const COUNTER: &str = "lost";

impl Loss {
    /// Commands for `nft` that put the rules in a table which the kernel deletes when that `nft` ends.
    ///
    /// All on one line: an interactive nft reads lines.
    #[must_use]
    pub fn ruleset(&self, table: &str) -> String {
        let family = if self.peer.ip.is_ipv4() { "ip" } else { "ip6" };
        let (range, port, transport) = (self.peer.range(), self.peer.port, self.transport.as_str());
        let chance = match self.per_million {
            1_000_000.. => String::new(),
            share => format!("numgen random mod 1000000 < {share} "),
        };
        let rule = |side: &str, end: &str| {
            format!(
                "{family} {side} {range} {transport} {end} {port} {chance}counter name \"{COUNTER}\" drop; "
            )
        };
        let down = if self.downstream {
            rule("saddr", "sport")
        } else {
            String::new()
        };
        let up = if self.upstream {
            rule("daddr", "dport")
        } else {
            String::new()
        };
        format!(
            "add table inet {table} {{ flags owner; counter {COUNTER} {{ }}; chain in {{ \
             type filter hook input priority filter; policy accept; {down}{up}}}; }}\n"
        )
    }
}

/// For people, e.g. `1% of tcp from and to 127.0.0.1:5432`.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = match (self.downstream, self.upstream) {
            (true, false) => "from",
            (false, _) => "to",
            (true, true) => "from and to",
        };
        let share = gameday_core::Ratio::from_value(f64::from(self.per_million) / 1e6);
        write!(f, "{share} of {} {sides} {}", self.transport.as_str(), self.peer)
    }
}

/// A table's name for a fault of a drill: letters, digits and `_`, as nft wants them.
#[must_use]
pub(crate) fn table_name(drill: &str, fault: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = format!("gameday_{drill}_{fault}").chars().map(plain).collect();
    // nft allows 255; the drill's time of start stands near the front of what is kept.
    name.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn peers_are_read_strictly_and_written_back() {
        for (text, written) in [
            ("127.0.0.1:5432", "127.0.0.1:5432"),
            ("10.1.2.3/24:53", "10.1.2.0/24:53"),
            ("[fd00::1]:80", "[fd00::1]:80"),
            ("[fd00::1/8]:80", "[fd00::/8]:80"),
        ] {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), written);
        }
        for bad in [
            "",
            "db:5432",
            "127.0.0.1",
            "127.0.0.1:0",
            "0.0.0.0/0:80",
            "10.0.0.0/33:1",
            "::1:5432x",
            "1.2.3.4; drop:1",
        ] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_touch_the_peer_and_nothing_else() {
        let mut loss = Loss {
            peer: "127.0.0.1:5432".parse().unwrap(),
            transport: Transport::Tcp,
            downstream: true,
            upstream: true,
            per_million: 10_000,
        };
        expect![[r#"
            add table inet t { flags owner; counter lost { }; chain in { type filter hook input priority filter; policy accept; ip saddr 127.0.0.1 tcp sport 5432 numgen random mod 1000000 < 10000 counter name "lost" drop; ip daddr 127.0.0.1 tcp dport 5432 numgen random mod 1000000 < 10000 counter name "lost" drop; }; }
        "#]]
        .assert_eq(&loss.ruleset("t"));
        assert_eq!(loss.to_string(), "1% of tcp from and to 127.0.0.1:5432");
        (loss.upstream, loss.per_million, loss.peer) = (false, 1_000_000, "[fd00::/8]:53".parse().unwrap());
        expect![[r#"
            add table inet t { flags owner; counter lost { }; chain in { type filter hook input priority filter; policy accept; ip6 saddr fd00::/8 tcp sport 53 counter name "lost" drop; }; }
        "#]]
        .assert_eq(&loss.ruleset("t"));
    }

    #[test]
    fn table_names_hold_nothing_that_nft_could_misread() {
        assert_eq!(
            table_name("db-20261122T133645.486Z", "lossy"),
            "gameday_db_20261122T133645_486Z_lossy"
        );
        assert!(table_name(&"x; drop".repeat(100), "y").len() <= 200);
    }
}
