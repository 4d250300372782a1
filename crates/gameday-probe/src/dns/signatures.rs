//! Why an answer is bogus: what its signatures, keys and delegation say by themselves (RFC 4034).
//!
//! Nothing is verified here: whether an answer is bogus is for a validating resolver to say.

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What stands in an RRSIG before its signature (RFC 4034, 3.1).
struct Signature<'r> {
    owner: &'r Name,
    covers: u16,
    ends: i64,
    begins: i64,
    signer: Option<Name>,
}

/// Whether an answer's signatures could hold at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signed {
    /// By their times they could.
    InTime,
    /// There are none.
    Not,
    /// None that covers some record is valid: why.
    OutOfTime(String),
}

/// The times of the signatures in an answer; of several for one set, one that is valid is enough.
pub(crate) fn signed(message: &Message, now: jiff::Timestamp) -> Signed {
    let signatures: Vec<_> = message.all_sections().filter_map(read).collect();
    let now = now.as_second();
    let is_valid = |one: &Signature<'_>| one.begins <= now && now <= one.ends;
    let is_alike =
        |one: &Signature<'_>, other: &Signature<'_>| one.owner == other.owner && one.covers == other.covers;
    let lone = signatures.iter().find(|one| {
        !signatures
            .iter()
            .any(|other| is_alike(one, other) && is_valid(other))
    });
    let date = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap_or_default();
    match lone {
        None if signatures.is_empty() => Signed::Not,
        None => Signed::InTime,
        Some(one) if one.ends < now => Signed::OutOfTime(format!(
            "the signature of {} expired on {}",
            one.owner,
            date(one.ends)
        )),
        Some(one) => Signed::OutOfTime(format!(
            "the signature of {} begins only on {}",
            one.owner,
            date(one.begins)
        )),
    }
}

/// The zone that signed an answer.
pub(crate) fn signer(message: &Message) -> Option<Name> {
    message.all_sections().filter_map(read).find_map(|one| one.signer)
}

/// The tags of a zone's keys, and of those that its parent vouches for.
pub(crate) fn mismatch(zone: &Name, keys: &Message, delegation: &Message) -> Option<String> {
    let tags = |message: &Message, kind, tag: fn(&[u8]) -> Option<u16>| -> Vec<u16> {
        let records = message
            .answers
            .iter()
            .filter(|record| record.record_type() == kind);
        records.filter_map(|record| tag(rdata(record)?)).collect()
    };
    let have = tags(keys, RecordType::DNSKEY, |rdata| Some(key_tag(rdata)));
    let wanted = tags(delegation, RecordType::DS, |rdata| {
        Some(u16::from_be_bytes([*rdata.first()?, *rdata.get(1)?]))
    });
    let list = |tags: &[u16]| tags.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    match wanted.iter().any(|tag| have.contains(tag)) {
        true => None,
        false if wanted.is_empty() => None,
        false if have.is_empty() => Some(format!(
            "{zone} has no key, but its parent vouches for {} (DS)",
            list(&wanted)
        )),
        false => Some(format!(
            "{zone} has the keys {}, but its parent vouches for {} (DS)",
            list(&have),
            list(&wanted)
        )),
    }
}

fn rdata(record: &Record) -> Option<&[u8]> {
    match &record.data {
        RData::Unknown { rdata, .. } => Some(&rdata.anything),
        _ => None,
    }
}

fn read(record: &Record) -> Option<Signature<'_>> {
    if record.record_type() != RecordType::RRSIG {
        return None;
    }
    let rdata = rdata(record)?;
    let number = |at: usize| {
        let bytes = rdata.get(at..at + 4)?;
        Some(i64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
    };
    Some(Signature {
        owner: &record.name,
        covers: u16::from_be_bytes([*rdata.first()?, *rdata.get(1)?]),
        ends: number(8)?,
        begins: number(12)?,
        signer: name(rdata.get(18..)?),
    })
}

/// A name as it is on the wire, never compressed here (RFC 4034, 3.1.7).
fn name(mut bytes: &[u8]) -> Option<Name> {
    let mut labels: Vec<&[u8]> = Vec::new();
    loop {
        let (length, rest) = bytes.split_first()?;
        if *length == 0 {
            break;
        }
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        labels.push(label);
        bytes = rest;
    }
    let mut name = Name::from_labels(labels).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// RFC 4034, appendix B.
fn key_tag(rdata: &[u8]) -> u16 {
    let sum: u32 = rdata
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(*byte) << if at % 2 == 0 { 8 } else { 0 })
        .fold(0, u32::wrapping_add);
    let [_, _, high, low] = (sum + (sum >> 16 & 0xffff)).to_be_bytes();
    u16::from_be_bytes([high, low])
}
