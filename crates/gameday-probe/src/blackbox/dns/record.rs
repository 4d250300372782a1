//! Words for classes, types and codes, and a record as one line, as Go's DNS library writes them.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

pub(super) const CLASSES: [(&str, DNSClass); 5] = [
    ("IN", DNSClass::IN),
    ("CH", DNSClass::CH),
    ("HS", DNSClass::HS),
    ("NONE", DNSClass::NONE),
    ("ANY", DNSClass::ANY),
];

/// Types beside those that have a name here, with their numbers (IANA, DNS parameters).
const OTHER_TYPES: [(&str, u16); 24] = [
    ("MD", 3),
    ("MF", 4),
    ("MB", 7),
    ("MG", 8),
    ("MR", 9),
    ("MINFO", 14),
    ("RP", 17),
    ("AFSDB", 18),
    ("X25", 19),
    ("ISDN", 20),
    ("RT", 21),
    ("PX", 26),
    ("GPOS", 27),
    ("LOC", 29),
    ("KX", 36),
    ("DNAME", 39),
    ("APL", 42),
    ("DHCID", 49),
    ("HIP", 55),
    ("SPF", 99),
    ("EUI48", 108),
    ("EUI64", 109),
    ("URI", 256),
    ("DLV", 32769),
];

/// Response codes and their words.
const RCODES: [(u16, &str); 20] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    (16, "BADSIG"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

pub(super) fn class(word: &str) -> Option<DNSClass> {
    CLASSES
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, class)| *class)
}

pub(super) fn type_code(word: &str) -> Option<RecordType> {
    let known = word
        .parse()
        .ok()
        .filter(|_| word.chars().all(|c| !c.is_ascii_lowercase()));
    let other = OTHER_TYPES.iter().find(|(name, _)| *name == word);
    known.or_else(|| other.map(|(_, number)| RecordType::from(*number)))
}

pub(super) fn rcode(code: ResponseCode) -> String {
    let number = u16::from(code);
    let known = RCODES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
}

pub(super) fn is_no_rcode(word: &str) -> bool {
    RCODES.iter().all(|(_, known)| *known != word)
}

/// `name.`, TTL, class, type and data, with tabs between them.
pub(super) fn text(record: &Record) -> String {
    let class = CLASSES.iter().find(|(_, class)| *class == record.dns_class);
    let class = class.map_or_else(
        || format!("CLASS{}", u16::from(record.dns_class)),
        |(name, _)| (*name).to_owned(),
    );
    let data = match &record.data {
        RData::TXT(txt) => quoted(txt.txt_data.iter().map(AsRef::as_ref)),
        RData::CAA(caa) => format!(
            "{} {} {}",
            u8::from(caa.issuer_critical) << 7,
            caa.tag,
            quoted([caa.value.as_slice()].into_iter())
        ),
        data => data.to_string(),
    };
    let kind = record.record_type();
    format!("{}\t{}\t{class}\t{kind}\t{data}", record.name, record.ttl)
}

/// Texts in quotes, what is not printable as `\DDD` (RFC 1035, 5.1).
fn quoted<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let parts = parts.map(|part| {
        let mut text = String::from("\"");
        for byte in part {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b' '..=b'~' => text.push(char::from(*byte)),
                byte => text.push_str(&format!("\\{byte:03}")),
            }
        }
        text.push('"');
        text
    });
    parts.collect::<Vec<_>>().join(" ")
}
