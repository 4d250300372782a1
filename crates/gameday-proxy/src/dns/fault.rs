//! What is done to DNS queries and answers.
//!
//! ```toml
//! fault.dns = { name = "*.db.internal", rcode = "nxdomain" }                  # or servfail, refused
//! fault.dns = { name = "cdn.example", types = ["A"], answer = ["203.0.113.9"], ttl = "5s" }
//! fault.dns = { delay = "3s", share = "20%" }
//! fault.dns = { truncate = true }                                             # ask again over TCP
//! ```

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use gameday_core::{Ratio, Span};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// An answer with more addresses than this would not fit a datagram of 512 bytes, which every client takes (RFC 1035, 4.2.1).
const MOST_ADDRESSES: usize = 8;
/// What an answer may live by [`DnsFault::answer`] if no TTL is given, in seconds.
const TTL_SECONDS: u32 = 60;

/// Which queries, and what is done to them or to their answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsFault {
    /// The name that is asked for, in lower case and without a dot at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Pattern>,
    /// The types that are asked for, e.g. `A`; all if none is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The share of the queries that match; all if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,

    /// The query is answered so, and the upstream does not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<Rcode>,
    /// Queries for A and AAAA are answered with these, and the upstream does not see them; a family of which there is
    /// none gets an empty answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answer: Vec<IpAddr>,
    /// Over UDP the answer says that it did not fit and must be asked for over TCP.
    #[serde(skip_serializing_if = "is_false")]
    pub truncate: bool,
    /// The query is lost.
    #[serde(skip_serializing_if = "is_false")]
    pub drop: bool,

    /// The answer waits this long; others overtake it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// How far that strays, evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// Every record of the answer may be kept for so long: whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// An answer without records (RFC 1035, 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rcode {
    /// There is no such name.
    Nxdomain,
    /// The server could not find out.
    Servfail,
    /// The server does not want to.
    Refused,
}

impl Rcode {
    pub(super) const fn code(self) -> ResponseCode {
        match self {
            Self::Nxdomain => ResponseCode::NXDomain,
            Self::Servfail => ResponseCode::ServFail,
            Self::Refused => ResponseCode::Refused,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl DnsFault {
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let name = self.name.as_ref().map(ToString::to_string).unwrap_or_default();
        if !name.starts_with('/') && (name.contains(|c: char| c.is_ascii_uppercase()) || name.ends_with('.'))
        {
            let cause = "write it in lower case and without a dot at its end";
            return Err(("name", cause.to_owned()));
        }
        if let Some(odd) = self.types.iter().find(|text| RecordType::from_str(text).is_err()) {
            return Err(("types", format!("{odd:?} is no type: write them as A, AAAA, MX")));
        }
        let answers = [
            ("rcode", self.rcode.is_some()),
            ("answer", !self.answer.is_empty()),
            ("truncate", self.truncate),
            ("drop", self.drop),
        ];
        let given: Vec<&'static str> = answers
            .into_iter()
            .filter_map(|(name, on)| on.then_some(name))
            .collect();
        if let [first, second, ..] = given[..] {
            let cause = format!("it contradicts `{first}`: a query has one answer");
            return Err((second, cause));
        }
        if given.is_empty() && self.delay.is_none() && self.ttl.is_none() {
            let cause =
                "the fault does nothing: give `rcode`, `answer`, `truncate`, `drop`, `delay` or `ttl`";
            return Err(("rcode", cause.to_owned()));
        }
        if self.answer.len() > MOST_ADDRESSES {
            return Err(("answer", format!("at most {MOST_ADDRESSES} addresses")));
        }
        if self.drop && (self.delay.is_some() || self.ttl.is_some()) {
            return Err(("drop", "what is lost has neither `delay` nor `ttl`".to_owned()));
        }
        if self.jitter.is_some() && self.delay.is_none() {
            return Err(("jitter", "it needs `delay` beside it".to_owned()));
        }
        let seconds = self.ttl.map(Span::get).unwrap_or_default();
        if seconds.subsec_nanos() != 0 || seconds.as_secs() > u64::from(u32::MAX >> 1) {
            return Err((
                "ttl",
                "it must be whole seconds, at most 68 years (RFC 2181, 8)".to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether a query is meant; its name is in lower case and without a dot at its end.
    pub(super) fn matches(&self, name: &str, kind: RecordType) -> bool {
        let is_kind = |text: &String| RecordType::from_str(text).is_ok_and(|wanted| wanted == kind);
        self.name.as_ref().is_none_or(|wanted| wanted.matches(name))
            && (self.types.is_empty() || self.types.iter().any(is_kind))
    }

    /// Whether it answers a query of this type itself, or loses it.
    pub(super) fn takes(&self, kind: RecordType, datagrams: bool) -> bool {
        let address = matches!(kind, RecordType::A | RecordType::AAAA);
        self.rcode.is_some() || self.drop || self.truncate && datagrams || !self.answer.is_empty() && address
    }

    /// Whether it does something to answers of the upstream.
    pub(super) fn edits(&self) -> bool {
        let takes = self.rcode.is_some() || self.drop || self.truncate || !self.answer.is_empty();
        !takes && (self.delay.is_some() || self.ttl.is_some())
    }

    /// The TTL of records that are changed, in seconds.
    pub(super) fn ttl_seconds(&self) -> Option<u32> {
        self.ttl
            .map(|ttl| u32::try_from(ttl.get().as_secs()).unwrap_or(u32::MAX))
    }

    /// The TTL of records that are made here, in seconds.
    pub(super) fn own_ttl_seconds(&self) -> u32 {
        self.ttl_seconds().unwrap_or(TTL_SECONDS)
    }
}

impl fmt::Display for DnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = Vec::new();
        what.extend(self.delay.map(|delay| format!("delay {delay}")));
        what.extend(
            self.rcode
                .map(|rcode| format!("{:?}", rcode.code()).to_uppercase()),
        );
        if !self.answer.is_empty() {
            let addresses: Vec<String> = self.answer.iter().map(ToString::to_string).collect();
            what.push(format!("answer {}", addresses.join(", ")));
        }
        what.extend(self.truncate.then(|| "truncate".to_owned()));
        what.extend(self.drop.then(|| "drop".to_owned()));
        what.extend(self.ttl.map(|ttl| format!("TTL {ttl}")));
        f.write_str(&what.join(", "))?;
        if let Some(share) = self.share {
            write!(f, " for {share}")?;
        }
        let name = self.name.as_ref().map(ToString::to_string);
        let which: Vec<String> = self.types.iter().cloned().chain(name).collect();
        if which.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", which.join(" "))
        }
    }
}
