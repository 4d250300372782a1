//! What a DNS panel may expect.
//!
//! `rcode == NOERROR` · `rcode in [NOERROR, NXDOMAIN]` · `resolvers agree` · `ttl in 30..600` ·
//! `dnssec == secure` · `answers >= 1` · `answers all-in 203.0.113.0/24` · `answers contain 203.0.113.9` ·
//! `answers are 203.0.113.9, 203.0.113.10` · `answers authoritative` · `serials agree` · `serial lag <= 1` ·
//! `duration < 100ms`; a type before it, e.g. `AAAA answers >= 1`, makes it one of that type only

use std::ops::RangeInclusive;
use std::time::Duration;

use gameday_core::Span;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::prefix::Prefix;
use crate::assertion::Wrong;
use crate::dns::ask::{CODES, word};
use crate::kind::panel::Expectation;

/// One line of `expect`.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The one type that it is about; every type that is asked for when there is none.
    pub(super) only: Option<RecordType>,
    pub(super) check: Check,
}

/// What must hold of every server.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Code {
        words: Vec<String>,
        is: bool,
    },
    /// All say the same, and so many say something.
    Agree {
        least: usize,
    },
    Ttl(RangeInclusive<u32>),
    /// The resolver vouches for the answer's signatures, or not.
    Secure(bool),
    /// Which is never otherwise.
    NotBogus,
    AtLeast(usize),
    Exactly(usize),
    AllIn(Vec<Prefix>),
    Contain(String),
    Are(Vec<String>),
    SerialLag(u32),
    Authoritative,
    Duration(Duration),
}

const FIRST_WORDS: [&str; 8] = [
    "rcode",
    "resolvers",
    "ttl",
    "dnssec",
    "answers",
    "serials",
    "serial",
    "duration",
];

/// What is expected when the file says nothing; then one resolver may be asked alone.
pub(super) fn usual() -> Vec<Expectation<Line>> {
    let noerror = Check::Code {
        words: vec![word(ResponseCode::NoError)],
        is: true,
    };
    let usual = [
        ("rcode == NOERROR", noerror),
        ("answers >= 1", Check::AtLeast(1)),
        ("resolvers agree", Check::Agree { least: 1 }),
    ];
    let lines = usual.into_iter().map(|(text, check)| Expectation {
        text: text.to_owned(),
        check: Line { only: None, check },
    });
    lines.collect()
}

/// Reads a line; `types` are those that are asked for.
pub(super) fn parse(text: &str, types: &[RecordType]) -> Result<Line, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let first = words.first().and_then(|word| word.parse::<RecordType>().ok());
    let (only, words) = match (first, words.as_slice()) {
        (Some(kind), [_, rest @ ..]) if !types.contains(&kind) => {
            let message = format!("`{kind}` is not among the `types` that are asked for");
            let hint = format!("`types = [\"{kind}\"]`; without it, only `A` is");
            return Err(match rest.is_empty() {
                true => Wrong::new(format!("`{text}` is not an expectation of a DNS panel")),
                false => Wrong::new(message).hint(hint),
            });
        }
        (Some(kind), [_, rest @ ..]) => (Some(kind), rest),
        (_, words) => (None, words),
    };
    let check = parse_check(text, words)?;
    if let Check::AllIn(prefixes) = &check {
        let asked = only.as_ref().map_or(types, std::slice::from_ref);
        let is_about = |kind: &RecordType| prefixes.iter().any(|prefix| prefix.kind() == *kind);
        if !asked.iter().any(is_about) {
            return Err(
                Wrong::new("none of the prefixes is for an address of a type that is asked for")
                    .hint("a prefix of IPv4 is held against `A`, one of IPv6 against `AAAA`"),
            );
        }
    }
    Ok(Line { only, check })
}

fn parse_check(text: &str, words: &[&str]) -> Result<Check, Wrong> {
    match words {
        ["rcode", operator @ ("==" | "!="), word] => Ok(Check::Code {
            words: vec![read_code(word)?],
            is: *operator == "==",
        }),
        ["rcode", "in", list @ ..] if !list.is_empty() => Ok(Check::Code {
            words: items(list).map(read_code).collect::<Result<_, _>>()?,
            is: true,
        }),
        ["resolvers", "agree"] => Ok(Check::Agree { least: 2 }),
        ["ttl", "in", range] => {
            let wrong = || {
                Wrong::new(format!("`{range}` is not a range of seconds"))
                    .hint("for example `ttl in 30..600`")
            };
            let (from, to) = range.split_once("..").ok_or_else(wrong)?;
            let (from, to) = (number(from)?, number(to)?);
            match from <= to {
                true => Ok(Check::Ttl(from..=to)),
                false => Err(wrong()),
            }
        }
        ["ttl", ">=", least] => Ok(Check::Ttl(number(least)?..=u32::MAX)),
        ["ttl", "<=", most] => Ok(Check::Ttl(0..=number(most)?)),
        ["dnssec", "==", "secure"] => Ok(Check::Secure(true)),
        ["dnssec", "==", "insecure"] => Ok(Check::Secure(false)),
        ["dnssec", "!=", "bogus"] => Ok(Check::NotBogus),
        ["dnssec", ..] => Err(Wrong::new(format!("`{text}` is not an expectation"))
            .hint("`dnssec == secure` or `dnssec == insecure`; bogus is never up")),
        ["answers", rest @ ..] => parse_answers(text, rest),
        ["serials", "agree"] => Ok(Check::SerialLag(0)),
        ["serial", "lag", "<=", most] => Ok(Check::SerialLag(number(most)?)),
        ["duration", "<" | "<=", most] => {
            let span = most.parse::<Span>();
            let span = span.map_err(|error| Wrong::new(error.to_string()))?;
            Ok(Check::Duration(span.get()))
        }
        [first, ..] => Err(unknown(text).near(first, &FIRST_WORDS)),
        [] => Err(Wrong::new("the expectation is empty").hint("for example `rcode == NOERROR`")),
    }
}

fn parse_answers(text: &str, words: &[&str]) -> Result<Check, Wrong> {
    let count = |text: &str| Ok(usize::try_from(number(text)?).unwrap_or(usize::MAX));
    match words {
        ["authoritative"] => Ok(Check::Authoritative),
        [">=", least] => Ok(Check::AtLeast(count(least)?)),
        ["==", exactly] => Ok(Check::Exactly(count(exactly)?)),
        ["contain", ..] => {
            let (_, value) = text.split_once("contain").unwrap_or_default();
            Ok(Check::Contain(plain(value)))
        }
        ["are", list @ ..] if !list.is_empty() => Ok(Check::Are(items(list).map(plain).collect())),
        ["all-in", prefixes @ ..] if !prefixes.is_empty() => Ok(Check::AllIn(
            items(prefixes).map(Prefix::parse).collect::<Result<_, _>>()?,
        )),
        _ => Err(unknown(text).hint(
            "`answers >= 1`, `answers == 2`, `answers all-in 203.0.113.0/24`, `answers contain 203.0.113.9`, `answers are …, …` or `answers authoritative`",
        )),
    }
}

fn unknown(text: &str) -> Wrong {
    Wrong::new(format!("`{text}` is not an expectation of a DNS panel"))
}

fn number(text: &str) -> Result<u32, Wrong> {
    let number = text.parse::<u32>();
    number.map_err(|_| Wrong::new(format!("`{text}` is not a whole number")))
}

fn read_code(word: &str) -> Result<String, Wrong> {
    let upper = word.to_ascii_uppercase();
    let known = CODES.map(|(_, word)| word);
    match known.contains(&upper.as_str()) {
        true => Ok(upper),
        false => Err(Wrong::new(format!("`{word}` is not a code of DNS")).near(&upper, &known)),
    }
}

/// A list as it was split at spaces; commas and brackets are only there for the eye.
fn items<'t>(words: &[&'t str]) -> impl Iterator<Item = &'t str> {
    let parts = words
        .iter()
        .flat_map(|word| word.trim_matches(['[', ']']).split(','));
    parts.filter(|part| !part.is_empty())
}

/// A record's content as it is compared: letters do not matter, nor does the last dot of a name.
pub(super) fn plain(text: &str) -> String {
    let text = text.trim().trim_matches('"').trim_end_matches('.');
    text.to_lowercase()
}

impl Line {
    pub(super) fn is_about_serials(&self) -> bool {
        matches!(self.check, Check::SerialLag(_))
    }

    pub(super) fn is_about_codes(&self) -> bool {
        matches!(self.check, Check::Code { .. })
    }
}

impl Check {
    /// Whether it is about what stands in records, which the servers of a zone have of that zone alone.
    pub(super) fn is_about_records(&self) -> bool {
        matches!(
            self,
            Self::Exactly(_) | Self::AllIn(_) | Self::Contain(_) | Self::Are(_)
        )
    }
}
