//! Addresses that begin alike (RFC 4632).

use std::net::IpAddr;

use hickory_proto::rr::RecordType;

use crate::assertion::Wrong;

/// A prefix, or one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix {
    bits: u128,
    length: u32,
    is_v4: bool,
}

impl Prefix {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::new(format!("`{text}` is not a prefix")).hint("for example `203.0.113.0/24`");
        let (address, length) = text
            .split_once('/')
            .map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if length > most {
            return Err(wrong());
        }
        Ok(Self {
            bits: bits(address),
            length,
            is_v4: address.is_ipv4(),
        })
    }

    /// The type of the records that it is about.
    pub(super) fn kind(&self) -> RecordType {
        if self.is_v4 {
            RecordType::A
        } else {
            RecordType::AAAA
        }
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        let width = if self.is_v4 { 32 } else { 128 };
        let shift = width - self.length;
        let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
        address.is_ipv4() == self.is_v4 && cut(bits(address)) == cut(self.bits)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_prefix_or_not() {
        let has = |prefix: &str, address: &str| Prefix::parse(prefix).unwrap().has(address.parse().unwrap());
        assert!(has("203.0.113.0/24", "203.0.113.255") && !has("203.0.113.0/24", "203.0.114.0"));
        assert!(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "::1"));
        assert!(has("2001:db8::/32", "2001:db8:1::1") && !has("2001:db8::/32", "2001:db9::"));
        assert!(has("::/0", "::1") && has("10.0.0.1", "10.0.0.1") && !has("10.0.0.1", "10.0.0.2"));
        assert!(
            has("10.0.0.77/8", "10.1.2.3"),
            "what is behind the prefix does not matter"
        );
        for wrong in ["10.0.0.0/33", "10.0.0/8", "::/129", "x", "10.0.0.0/"] {
            assert!(Prefix::parse(wrong).is_err(), "{wrong}");
        }
    }
}
