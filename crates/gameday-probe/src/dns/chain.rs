//! Where the names of an answer lead: CNAMEs from the question to the records (RFC 1034, 3.6.2).

use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// More links than resolvers follow.
const MAX_LINKS: usize = 16;

/// The way from the question's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The question's name, then each one that a CNAME leads to.
    pub(crate) names: Vec<Name>,
    /// Why it leads nowhere.
    pub(crate) fault: Option<String>,
}

impl Chain {
    /// Follows the CNAMEs of an answer.
    pub(crate) fn of(name: &Name, answers: &[Record]) -> Self {
        let mut chain = Self {
            names: vec![name.clone()],
            fault: None,
        };
        while let Some(next) = link(chain.end(), answers) {
            if chain.names.contains(next) {
                chain.names.push(next.clone());
                chain.fault = Some(format!("its CNAMEs go round: {}", chain.shown()));
                break;
            }
            chain.names.push(next.clone());
            if chain.names.len() > MAX_LINKS {
                chain.fault = Some(format!("it leads over more than {MAX_LINKS} CNAMEs"));
                break;
            }
        }
        chain
    }

    /// The name that has the records.
    pub(crate) fn end(&self) -> &Name {
        // It begins with one and only grows.
        &self.names[self.names.len() - 1]
    }

    /// Whether there is any CNAME.
    pub(crate) fn has_links(&self) -> bool {
        self.names.len() > 1
    }

    fn shown(&self) -> String {
        let names: Vec<String> = self.names.iter().map(Name::to_string).collect();
        names.join(" → ")
    }
}

/// Whether a record is one of the Internet's: other classes have names of their own (RFC 1035, 3.2.4).
pub(crate) fn is_internet(record: &Record) -> bool {
    record.dns_class == DNSClass::IN
}

/// Whether a record is on the way or at its end.
pub(crate) fn is_on(chain: &Chain, record: &Record, kind: RecordType) -> bool {
    let is_end = record.record_type() == kind && record.name == *chain.end();
    is_internet(record)
        && (is_end || record.record_type() == RecordType::CNAME && chain.names.contains(&record.name))
}

fn link<'r>(name: &Name, answers: &'r [Record]) -> Option<&'r Name> {
    answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == *name && is_internet(record) => Some(&target.0),
        _ => None,
    })
}
