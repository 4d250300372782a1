//! What a DNS panel may expect.
//!
//! `rcode == NOERROR` · `resolvers agree` · `ttl in 30..600` · `dnssec == secure` · `answers >= 1` ·
//! `answers all-in 203.0.113.0/24` · `answers contain 203.0.113.9` · `serials agree` · `serial lag <= 1`

use std::net::IpAddr;
use std::ops::RangeInclusive;

use gameday_core::Reason;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};

use super::Facts;
use crate::assertion::Wrong;
use crate::dns::ask::word;
use crate::dns::{Asked, Reply};
use crate::kind::panel::{Expectation, Found};
use crate::observation::Fault;

/// One expectation; it must hold of every server and every type that is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Code {
        word: String,
        is: bool,
    },
    Agree,
    Ttl(RangeInclusive<u32>),
    /// The resolver vouches for the answer's signatures, or not.
    Secure(bool),
    AtLeast(usize),
    Exactly(usize),
    AllIn(Vec<Prefix>),
    Contain(String),
    SerialLag(u32),
    Authoritative,
}

const FIRST_WORDS: [&str; 7] = [
    "rcode",
    "resolvers",
    "ttl",
    "dnssec",
    "answers",
    "serials",
    "serial",
];

/// What is expected when the file says nothing.
pub(super) fn usual() -> Vec<Expectation<Check>> {
    let usual = ["rcode == NOERROR", "answers >= 1", "resolvers agree"];
    let read = usual.into_iter().map(|text| Expectation {
        text: text.to_owned(),
        check: parse(text).expect("an expectation of ours"),
    });
    read.collect()
}

pub(super) fn parse(text: &str) -> Result<Check, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |text: &str| {
        let number = text.parse::<u32>();
        number.map_err(|_| Wrong::new(format!("`{text}` is not a whole number")))
    };
    match words.as_slice() {
        ["rcode", operator @ ("==" | "!="), word] => Ok(Check::Code {
            word: word.to_uppercase(),
            is: *operator == "==",
        }),
        ["resolvers", "agree"] => Ok(Check::Agree),
        ["ttl", "in", range] => {
            let wrong = || {
                Wrong::new(format!("`{range}` is not a range of seconds"))
                    .hint("for example `ttl in 30..600`")
            };
            let (from, to) = range.split_once("..").ok_or_else(wrong)?;
            Ok(Check::Ttl(number(from)?..=number(to)?))
        }
        ["ttl", ">=", least] => Ok(Check::Ttl(number(least)?..=u32::MAX)),
        ["ttl", "<=", most] => Ok(Check::Ttl(0..=number(most)?)),
        ["dnssec", "==", "secure"] => Ok(Check::Secure(true)),
        ["dnssec", "==", "insecure"] => Ok(Check::Secure(false)),
        ["dnssec", ..] => Err(Wrong::new(format!("`{text}` is not an expectation"))
            .hint("`dnssec == secure` or `dnssec == insecure`; bogus is never up")),
        ["answers", "authoritative"] => Ok(Check::Authoritative),
        ["answers", ">=", least] => Ok(Check::AtLeast(
            usize::try_from(number(least)?).unwrap_or(usize::MAX),
        )),
        ["answers", "==", count] => Ok(Check::Exactly(
            usize::try_from(number(count)?).unwrap_or(usize::MAX),
        )),
        ["answers", "contain", value] => Ok(Check::Contain(value.trim_matches('"').to_lowercase())),
        ["answers", "all-in", prefixes @ ..] if !prefixes.is_empty() => {
            let prefixes = prefixes
                .iter()
                .flat_map(|part| part.split(','))
                .filter(|part| !part.is_empty());
            Ok(Check::AllIn(
                prefixes.map(Prefix::parse).collect::<Result<_, _>>()?,
            ))
        }
        ["serials", "agree"] => Ok(Check::SerialLag(0)),
        ["serial", "lag", "<=", most] => Ok(Check::SerialLag(number(most)?)),
        [first, ..] => Err(
            Wrong::new(format!("`{text}` is not an expectation of a DNS panel")).near(first, &FIRST_WORDS),
        ),
        [] => Err(Wrong::new("the expectation is empty").hint("for example `rcode == NOERROR`")),
    }
}

/// Addresses that begin alike (RFC 4632).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix {
    bits: u128,
    length: u32,
    is_v4: bool,
}

impl Prefix {
    fn parse(text: &str) -> Result<Self, Wrong> {
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

    fn has(&self, address: IpAddr) -> bool {
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

impl Check {
    pub(super) fn is_about_serials(&self) -> bool {
        matches!(self, Self::SerialLag(_))
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> Found {
        match self {
            Self::Agree => facts.agree(),
            Self::SerialLag(most) => serials(facts, *most),
            _ => {
                let mut count = 0;
                for (asked, reply) in facts.answers() {
                    self.holds_of(asked, reply)?;
                    count += 1;
                }
                Ok(format!("in {count} answers"))
            }
        }
    }

    fn holds_of(&self, asked: &Asked, reply: &Reply) -> Result<(), Fault> {
        let kind = asked.question.kind;
        let records: Vec<_> = reply.records(kind).collect();
        let what = format!("{} says of {} {kind}", asked.server, asked.question.name);
        let unmet = |found: String| Err(Fault::new(Reason::AssertFailed, format!("{what}: {found}")));
        match self {
            Self::Code { word: wanted, is } => {
                let found = word(reply.code());
                if (found == *wanted) != *is {
                    let why = reply
                        .why
                        .as_ref()
                        .map(|why| format!(" [{why}]"))
                        .unwrap_or_default();
                    return Err(Fault::new(
                        code_reason(reply.code()),
                        format!("{what}: {found}{why}"),
                    ));
                }
            }
            Self::Ttl(range) => {
                if let Some(record) = records.iter().find(|record| !range.contains(&record.ttl)) {
                    return unmet(format!("a TTL of {} seconds", record.ttl));
                }
            }
            Self::Secure(wanted) => {
                let is_secure = reply.message.metadata.authentic_data;
                if is_secure != *wanted && !asked.server.is_authority {
                    return unmet(if is_secure {
                        "secure".to_owned()
                    } else {
                        "it does not vouch for it (no AD)".to_owned()
                    });
                }
            }
            Self::AtLeast(least) if records.len() < *least => {
                let message = format!("{what}: {} records, {}", records.len(), word(reply.code()));
                let reason = match reply.code() {
                    ResponseCode::NoError if records.is_empty() => Reason::DnsNoAddress,
                    ResponseCode::NoError => Reason::AssertFailed,
                    code => code_reason(code),
                };
                return Err(Fault::new(reason, message));
            }
            Self::Exactly(count) if records.len() != *count => {
                return unmet(format!("{} records", records.len()));
            }
            Self::AllIn(prefixes) => {
                let addresses = records.iter().filter_map(|record| record.data.ip_addr());
                let outside = addresses.into_iter().find(|address| {
                    // A prefix of one family says nothing of the other.
                    let mut mine = prefixes
                        .iter()
                        .filter(|prefix| prefix.is_v4 == address.is_ipv4())
                        .peekable();
                    mine.peek().is_some() && !mine.any(|prefix| prefix.has(*address))
                });
                if let Some(outside) = outside {
                    return unmet(format!("{outside}, which is in none of the prefixes"));
                }
            }
            Self::Contain(wanted) => {
                let same = |text: String| {
                    text.trim_matches('"').trim_end_matches('.').to_lowercase()
                        == *wanted.trim_end_matches('.')
                };
                if !records.iter().any(|record| same(record.data.to_string())) {
                    return unmet(format!("{} other records", records.len()));
                }
            }
            Self::Authoritative if !reply.message.metadata.authoritative => {
                return unmet("it does not hold the zone (no AA)".to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

fn code_reason(code: ResponseCode) -> Reason {
    match code {
        ResponseCode::NXDomain => Reason::DnsNxdomain,
        ResponseCode::NoError => Reason::AssertFailed,
        _ => Reason::DnsServfail,
    }
}

/// How far the servers of the zone are apart, in serial-number arithmetic (RFC 1982).
fn serials(facts: &Facts<'_>, most: u32) -> Found {
    let soa = facts
        .asked
        .iter()
        .filter(|asked| asked.question.kind == RecordType::SOA);
    let mut serials: Vec<(String, u32)> = Vec::new();
    for asked in soa {
        let Ok(reply) = &asked.result else { continue };
        // A name that is no zone's apex has the zone's SOA beside, in the authority section.
        let records = reply.message.answers.iter().chain(&reply.message.authorities);
        let serial = records.into_iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        });
        match serial {
            Some(serial) => serials.push((asked.server.to_string(), serial)),
            None => {
                return Err(Fault::new(
                    Reason::AssertFailed,
                    format!("{} tells no serial", asked.server),
                ));
            }
        }
    }
    let Some((_, first)) = serials.first() else {
        return Ok("nobody told a serial".to_owned());
    };
    let newest = serials
        .iter()
        .map(|(_, serial)| *serial)
        .fold(*first, |newest, serial| {
            if serial.wrapping_sub(newest) < u32::MAX / 2 {
                serial
            } else {
                newest
            }
        });
    match serials
        .iter()
        .find(|(_, serial)| newest.wrapping_sub(*serial) > most)
    {
        Some((server, serial)) => Err(Fault::new(
            Reason::ResolverDisagree,
            format!(
                "{server} has serial {serial}, {} behind {newest}",
                newest.wrapping_sub(*serial)
            ),
        )),
        None => Ok(format!("serial {newest} at {} servers", serials.len())),
    }
}
