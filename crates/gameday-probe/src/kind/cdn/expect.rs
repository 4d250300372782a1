//! What a CDN panel may expect of every edge.
//!
//! `cache in [HIT, REVALIDATED]` · `age <= max-age` · `age <= 60s` · `fresh` · `edges agree etag` ·
//! `edge.etag == origin.etag within 60s` · `edges >= 3` · `pops >= 2` · `pop in [FRA, AMS]`, and any
//! assertion of a flow's step, e.g. `status == 200`, `header Vary contains "Accept"`, `duration < 300ms`

use std::time::Duration;

use gameday_core::Span;
use hyper::Method;

use super::attribute::Attribute;
use crate::assertion::{self, Assertion, Query, Wrong};
use crate::cdn::Cache;
use crate::kind::panel::Expectation;
use crate::template::Template;

/// One expectation.
#[derive(Debug, Clone)]
pub(super) enum Check {
    Cache {
        words: Vec<Cache>,
        is: bool,
    },
    Age {
        most: MostAge,
        or_equal: bool,
    },
    /// No copy is stale; `told`: something must say so.
    Fresh {
        told: bool,
    },
    /// So many edges serve, and all the same.
    Agree {
        by: Attribute,
        within: Option<Duration>,
        least: usize,
    },
    IsOrigin {
        by: Attribute,
        within: Option<Duration>,
    },
    Edges(usize),
    Pops(usize),
    PopIn(Vec<String>),
    /// An assertion of a flow, of each edge's answer.
    Each(Box<Assertion>),
}

/// How old a copy may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MostAge {
    Span(Duration),
    /// What the copy itself says, and how much longer by RFC 5861.
    Lifetime {
        while_revalidate: bool,
        if_error: bool,
    },
}

const FIRST_WORDS: [&str; 12] = [
    "cache",
    "age",
    "fresh",
    "edges",
    "edge.etag",
    "edge.body",
    "pops",
    "pop",
    "status",
    "header",
    "duration",
    "body",
];

/// A look waits no longer for versions to become the same.
const MAX_WITHIN: Duration = Duration::from_mins(10);

/// What is expected when the file says nothing; then an edge may be alone, and tell nothing of its cache.
pub(super) fn usual() -> Vec<Expectation<Check>> {
    let agree = Check::Agree {
        by: Attribute::Version,
        within: None,
        least: 1,
    };
    let usual = [
        ("fresh", Check::Fresh { told: false }),
        ("edges agree version", agree),
    ];
    let checks = usual.into_iter().map(|(text, check)| Expectation {
        text: text.to_owned(),
        check,
    });
    checks.collect()
}

pub(super) fn parse(text: &str) -> Result<Check, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["cache", operator @ ("==" | "!="), word] => Ok(Check::Cache {
            words: vec![read_cache(word)?],
            is: *operator == "==",
        }),
        ["cache", "in", list @ ..] => Ok(Check::Cache {
            words: read_list(list)?
                .into_iter()
                .map(read_cache)
                .collect::<Result<_, _>>()?,
            is: true,
        }),
        ["cache", "not", "in", list @ ..] => Ok(Check::Cache {
            words: read_list(list)?
                .into_iter()
                .map(read_cache)
                .collect::<Result<_, _>>()?,
            is: false,
        }),
        ["age", operator @ ("<=" | "<"), most @ ..] => Ok(Check::Age {
            most: read_age(most)?,
            or_equal: *operator == "<=",
        }),
        ["fresh"] => Ok(Check::Fresh { told: true }),
        ["edges", "agree", by @ ..] => {
            let (by, within) = read_within(by)?;
            let by = match by {
                [] => Attribute::Version,
                [by] => Attribute::parse(by)?,
                _ => return Err(unknown(text)),
            };
            Ok(Check::Agree { by, within, least: 2 })
        }
        ["edges", ">=", least] => Ok(Check::Edges(read_count(least)?)),
        ["pops", ">=", least] => Ok(Check::Pops(read_count(least)?)),
        ["pop", "in", list @ ..] => Ok(Check::PopIn(
            read_list(list)?.into_iter().map(str::to_owned).collect(),
        )),
        [edge, "==", rest @ ..] if edge.starts_with("edge.") => read_is_origin(edge, rest),
        [first, ..] if is_assertion(first) => {
            let mut template = |text: &str| Some(Template::fixed(text));
            let assertion = assertion::parse(text, &mut template)?;
            let assertion = assertion.ok_or_else(|| unknown(text))?;
            Ok(Check::Each(Box::new(assertion)))
        }
        [first, ..] => Err(unknown(text).near(first, &FIRST_WORDS)),
        [] => Err(Wrong::new("the expectation is empty").hint("for example `cache in [HIT, REVALIDATED]`")),
    }
}

fn unknown(text: &str) -> Wrong {
    Wrong::new(format!("`{text}` is not an expectation of a CDN panel"))
}

/// What a flow's step may assert, but for what a CDN panel has no use for.
fn is_assertion(first: &str) -> bool {
    let queries = [
        "status", "version", "header", "cookie", "body", "bytes", "json", "regex", "sha256", "duration", "ip",
    ];
    queries.contains(&first) || first.starts_with("phase.")
}

fn read_is_origin(edge: &str, rest: &[&str]) -> Result<Check, Wrong> {
    let (rest, within) = read_within(rest)?;
    let mine = edge.trim_start_matches("edge.");
    let wrong = || {
        Wrong::new(format!("`{edge}` is compared with `origin.{mine}`"))
            .hint(format!("`{edge} == origin.{mine} within 60s`"))
    };
    match rest {
        [origin] if origin.strip_prefix("origin.") == Some(mine) => Ok(Check::IsOrigin {
            by: Attribute::parse(mine)?,
            within,
        }),
        _ => Err(wrong()),
    }
}

/// Takes `within SPAN` from the end.
fn read_within<'w, 't>(words: &'w [&'t str]) -> Result<(&'w [&'t str], Option<Duration>), Wrong> {
    let [before @ .., "within", span] = words else {
        return Ok((words, None));
    };
    let span = read_span(span)?;
    if span > MAX_WITHIN {
        return Err(Wrong::new("`within` is at most 10m: a look waits that long")
            .hint("`age <= max-age` is for copies that may live longer"));
    }
    Ok((before, Some(span)))
}

/// `[HIT, REVALIDATED]`, as it was split at spaces.
fn read_list<'t>(words: &[&'t str]) -> Result<Vec<&'t str>, Wrong> {
    let wrong = || Wrong::new("`in` wants a list").hint("for example `[HIT, REVALIDATED]`");
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Err(wrong());
    };
    if !first.starts_with('[') || !last.ends_with(']') {
        return Err(wrong());
    }
    let trimmed = |word: &&'t str| word.trim_matches(['[', ']', ',']);
    let list = words
        .iter()
        .flat_map(|word| trimmed(word).split(','))
        .map(|word| word.trim_matches('"'));
    let list: Vec<_> = list.filter(|word| !word.is_empty()).collect();
    if list.is_empty() { Err(wrong()) } else { Ok(list) }
}

fn read_cache(word: &str) -> Result<Cache, Wrong> {
    let word = word.trim_matches('"');
    let known = Cache::ALL.map(Cache::word);
    Cache::parse(word).ok_or_else(|| {
        Wrong::new(format!("`{word}` is not what a cache does")).near(&word.to_ascii_uppercase(), &known)
    })
}

fn read_age(words: &[&str]) -> Result<MostAge, Wrong> {
    let lifetime = |while_revalidate, if_error| {
        Ok(MostAge::Lifetime {
            while_revalidate,
            if_error,
        })
    };
    match words {
        ["max-age" | "s-maxage"] => lifetime(false, false),
        ["max-age" | "s-maxage", "+", "stale-while-revalidate"] => lifetime(true, false),
        ["max-age" | "s-maxage", "+", "stale-if-error"] => lifetime(false, true),
        [span] => Ok(MostAge::Span(read_span(span)?)),
        _ => Err(Wrong::new("`age` is compared with a time or with `max-age`")
            .hint("`age <= 60s`, `age <= max-age`, `age <= max-age + stale-while-revalidate`")),
    }
}

fn read_span(text: &str) -> Result<Duration, Wrong> {
    let span = text.parse::<Span>();
    Ok(span.map_err(|error| Wrong::new(error.to_string()))?.get())
}

fn read_count(text: &str) -> Result<usize, Wrong> {
    let count = text.parse();
    count.map_err(|_| Wrong::new(format!("`{text}` is not a whole number")))
}

impl Check {
    /// How long versions may differ.
    pub(super) fn within(&self) -> Option<Duration> {
        match self {
            Self::Agree { within, .. } | Self::IsOrigin { within, .. } => *within,
            _ => None,
        }
    }

    pub(super) fn is_about_status(&self) -> bool {
        matches!(self, Self::Each(assertion) if assertion.is_about_status())
    }

    pub(super) fn is_about_origin(&self) -> bool {
        matches!(self, Self::IsOrigin { .. })
    }

    /// What the file would have to say for this to make sense.
    pub(super) fn lacks(&self, has_origin: bool, method: &Method) -> Option<Wrong> {
        let wants_body = match self {
            Self::Agree { by, .. } | Self::IsOrigin { by, .. } => *by == Attribute::Body,
            Self::Each(assertion) => matches!(
                assertion.origin.query,
                Query::Body | Query::Bytes | Query::Json(_) | Query::Regex(_) | Query::Sha256
            ),
            _ => false,
        };
        if wants_body && *method == Method::HEAD {
            return Some(Wrong::new("a `HEAD` request has no body to look at"));
        }
        let wrong =
            || Wrong::new("there is no `origin` to compare with").hint("`origin = \"203.0.113.9:443\"`");
        (self.is_about_origin() && !has_origin).then(wrong)
    }
}
