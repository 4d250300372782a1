//! Whether what servers said is as expected, type by type.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use gameday_core::Reason;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, Record, RecordType};
use jiff::Timestamp;

use super::Facts;
use super::expect::{Check, Line, plain};
use super::prefix::Prefix;
use crate::dns::ask::word;
use crate::dns::is_internet;
use crate::dns::signatures::{Signed, signed};
use crate::dns::{Asked, Reply};
use crate::kind::panel::{Expectation, Found};
use crate::observation::Fault;

/// What was expected of which type, and what was found.
pub(super) struct Finding {
    pub(super) expected: String,
    pub(super) kind: Option<RecordType>,
    pub(super) found: Found,
}

impl Facts<'_> {
    /// What came of one line: a finding for each type that it is about.
    pub(super) fn findings_of(&self, line: &Expectation<Line>) -> Vec<Finding> {
        let Expectation {
            text,
            check: Line { only, check },
        } = line;
        if let Check::SerialLag(most) = check {
            return vec![Finding {
                expected: text.clone(),
                kind: None,
                found: self.serials(*most),
            }];
        }
        let types = self.panel.types.iter().copied();
        let kinds = types.filter(|kind| only.is_none_or(|only| only == *kind));
        let is_one = only.is_some() || self.panel.types.len() == 1;
        let findings = kinds.map(|kind| Finding {
            expected: if is_one {
                text.clone()
            } else {
                format!("{text} ({kind})")
            },
            kind: Some(kind),
            found: self.holds(check, kind),
        });
        findings.collect()
    }

    fn holds(&self, check: &Check, kind: RecordType) -> Found {
        if let Check::Agree { least } = check {
            return self.agree(kind, *least);
        }
        let answers = self.answers().filter(|(asked, _)| asked.question.kind == kind);
        let (mut count, mut beyond) = (0, None);
        for (asked, reply) in answers {
            // What is beyond an authority's zone is for others to tell.
            let away = reply.leads_away(kind).filter(|_| asked.server.is_authority);
            if let (Some(away), true) = (away, check.is_about_records()) {
                beyond = Some(away);
                continue;
            }
            count += 1;
            let told = format!("{} says of {} {kind}", asked.server, asked.question.name);
            let put = |fault: Fault| Fault::new(fault.reason, format!("{told}: {}", fault.message));
            self.holds_of(check, asked, reply).map_err(put)?;
        }
        match (count, beyond) {
            (0, Some(away)) => Err(unmet(format!(
                "the zone's servers lead to {away}, and nobody was asked who follows"
            ))),
            (0, None) => Err(unmet("nobody answered".to_owned())),
            _ => Ok(format!("in {count} answers")),
        }
    }

    fn holds_of(&self, check: &Check, asked: &Asked, reply: &Reply) -> Result<(), Fault> {
        let kind = asked.question.kind;
        let records: Vec<_> = reply.records(kind).collect();
        // A zone's own server has answered with where its CNAME leads.
        let leads_away = asked.server.is_authority && reply.leads_away(kind).is_some();
        match check {
            Check::Code { words, is } if words.contains(&word(reply.code())) != *is => {
                return Err(of_code(reply));
            }
            Check::Ttl(range) => return self.ttl(range, asked, reply),
            Check::Secure(wanted) => return secure(*wanted, asked, reply),
            Check::AtLeast(least) if records.len() < *least && !leads_away => {
                return Err(match records.is_empty() {
                    true => none_of(kind, reply),
                    false => unmet(format!("only {} records", records.len())),
                });
            }
            Check::Exactly(count) if records.len() != *count => {
                return Err(unmet(format!("{} records", records.len())));
            }
            // A prefix of one family says nothing of the other.
            Check::AllIn(prefixes) if prefixes.iter().any(|one| one.kind() == kind) => {
                return all_in(prefixes, &records, reply, kind);
            }
            Check::Contain(wanted) => {
                let same = |record: &&Record| plain(&record.data.to_string()) == *wanted;
                if !records.iter().any(same) {
                    return Err(unmet(shown(&records)));
                }
            }
            Check::Are(wanted) => {
                let found: BTreeSet<_> = records
                    .iter()
                    .map(|record| plain(&record.data.to_string()))
                    .collect();
                if found != wanted.iter().cloned().collect() {
                    return Err(unmet(shown(&records)));
                }
            }
            Check::Authoritative if !reply.message.metadata.authoritative => {
                return Err(unmet("it does not hold the zone (no AA)".to_owned()));
            }
            Check::Duration(most) if asked.took > *most => {
                return Err(unmet(format!("it took {} ms", asked.took.as_millis())));
            }
            _ => {}
        }
        Ok(())
    }

    /// A resolver counts a TTL down to nothing: where the zone's own servers are asked, only they are held
    /// to the least one.
    fn ttl(&self, range: &RangeInclusive<u32>, asked: &Asked, reply: &Reply) -> Result<(), Fault> {
        let counts_down = !asked.server.is_authority && self.has_authorities();
        let least = if counts_down { 0 } else { *range.start() };
        let mut records = reply.records_and_links(asked.question.kind).peekable();
        if records.peek().is_none() {
            return Err(none_of(asked.question.kind, reply));
        }
        match records.find(|record| !(least..=*range.end()).contains(&ttl(record))) {
            Some(record) => Err(unmet(format!(
                "a TTL of {} seconds ({} {})",
                ttl(record),
                record.name,
                record.record_type()
            ))),
            None => Ok(()),
        }
    }

    /// How far the servers of the zone are apart, in serial-number arithmetic (RFC 1982); resolvers lag by
    /// design, and count only when nobody else is asked.
    fn serials(&self, most: u32) -> Found {
        let only_authorities = self.has_authorities();
        let soa = self.asked.iter().filter(|asked| {
            asked.question.kind == RecordType::SOA && (asked.server.is_authority || !only_authorities)
        });
        let mut serials: Vec<(String, u32)> = Vec::new();
        for asked in soa {
            let Ok(reply) = &asked.result else { continue };
            // A name that is no zone's apex has the zone's SOA beside, in the authority section.
            let records = reply.message.answers.iter().chain(&reply.message.authorities);
            let serial = records
                .filter(|record| is_internet(record))
                .find_map(|record| match &record.data {
                    RData::SOA(soa) => Some(soa.serial),
                    _ => None,
                });
            let none = || unmet(format!("{} tells no serial", asked.server));
            serials.push((asked.server.to_string(), serial.ok_or_else(none)?));
        }
        let Some((_, first)) = serials.first() else {
            return Err(unmet("nobody told a serial".to_owned()));
        };
        if let [(server, _)] = serials.as_slice() {
            return Err(unmet(format!(
                "only {server} told a serial: there is nothing to compare"
            )));
        }
        let newer = |newest: u32, serial: u32| match serial.wrapping_sub(newest) < 1 << 31 {
            true => serial,
            false => newest,
        };
        let newest = serials.iter().map(|(_, serial)| *serial).fold(*first, newer);
        let behind = serials
            .iter()
            .map(|(server, serial)| (server, serial, newest.wrapping_sub(*serial)))
            .max_by_key(|(_, _, lag)| *lag);
        match behind {
            Some((server, serial, lag)) if lag > most => Err(Fault::new(
                Reason::ResolverDisagree,
                format!("{server} has serial {serial}, {lag} behind {newest}"),
            )),
            _ => Ok(format!("serial {newest} at {} servers", serials.len())),
        }
    }
}

pub(super) fn unmet(found: String) -> Fault {
    Fault::new(Reason::AssertFailed, found)
}

/// What it means that there is no record to look at.
fn none_of(kind: RecordType, reply: &Reply) -> Fault {
    match reply.code() {
        ResponseCode::NoError => Fault::new(Reason::DnsNoAddress, format!("no {kind} record")),
        _ => of_code(reply),
    }
}

/// What a code that is no success means.
pub(super) fn of_code(reply: &Reply) -> Fault {
    let reason = match reply.code() {
        ResponseCode::NXDomain => Reason::DnsNxdomain,
        ResponseCode::NoError => Reason::AssertFailed,
        _ => Reason::DnsServfail,
    };
    let why = reply.why.iter().map(|why| format!(" [{why}]"));
    Fault::new(reason, word(reply.code()) + &why.collect::<String>())
}

/// A resolver vouches by a bit; the zone's own servers can only show signatures whose time it is.
fn secure(wanted: bool, asked: &Asked, reply: &Reply) -> Result<(), Fault> {
    if asked.server.is_authority {
        return match (wanted, signed(&reply.message, Timestamp::now())) {
            (true, Signed::Not) => Err(unmet("it is not signed".to_owned())),
            (true, Signed::OutOfTime(why)) => Err(Fault::new(Reason::DnssecBogus, why)),
            _ => Ok(()),
        };
    }
    match (wanted, reply.message.metadata.authentic_data) {
        (true, false) => Err(unmet("it does not vouch for it (no AD)".to_owned())),
        (false, true) => Err(unmet("secure".to_owned())),
        _ => Ok(()),
    }
}

fn all_in(prefixes: &[Prefix], records: &[&Record], reply: &Reply, kind: RecordType) -> Result<(), Fault> {
    let mut addresses = records
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .peekable();
    if addresses.peek().is_none() {
        return Err(none_of(kind, reply));
    }
    match addresses.find(|address| !prefixes.iter().any(|prefix| prefix.has(*address))) {
        Some(outside) => Err(unmet(format!("{outside}, which is in none of the prefixes"))),
        None => Ok(()),
    }
}

fn shown(records: &[&Record]) -> String {
    let texts: Vec<String> = records.iter().map(|record| record.data.to_string()).collect();
    match texts.is_empty() {
        true => "no record".to_owned(),
        false => texts.join(", "),
    }
}

/// RFC 2181, 8: one with the highest bit set is none.
fn ttl(record: &Record) -> u32 {
    match i32::try_from(record.ttl) {
        Ok(_) => record.ttl,
        Err(_) => 0,
    }
}
