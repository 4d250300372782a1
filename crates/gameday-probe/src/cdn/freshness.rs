//! How old a copy is, how old it may be, and whether it is stale (RFC 9111, 4.2).

use std::fmt;
use std::time::Duration;

use hyper::header::HeaderMap;
use jiff::Timestamp;

use super::cache::Cache;
use super::members::{delta, directive, members, seconds, text};

/// Headers that speak to a CDN, not to browsers (RFC 9213), the most special first.
const TARGETED: [&str; 3] = [
    "cloudflare-cdn-cache-control",
    "cdn-cache-control",
    "surrogate-control",
];

/// A `Date` of now is this much ago when it comes, since it has no fractions of seconds.
const A_MOMENT: Duration = Duration::from_secs(2);

/// How old a copy may be, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) span: Duration,
    pub(crate) word: &'static str,
}

/// Age and lifetime of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    pub(crate) age: Option<Duration>,
    /// There is no `Age`: it is reckoned from `Date`.
    pub(crate) is_by_date: bool,
    /// As a shared cache reckons it: `s-maxage` before `max-age`.
    pub(crate) lifetime: Option<Lifetime>,
    /// How much longer it may be served while a new copy is fetched (RFC 5861, 3).
    pub(crate) while_revalidate: Duration,
    /// How much longer it may be served when the origin fails (RFC 5861, 4).
    pub(crate) if_error: Duration,
    /// Why it is stale; none when it is fresh.
    pub(crate) stale: Option<String>,
}

impl Freshness {
    pub(crate) fn of(headers: &HeaderMap, cache: Cache, now: Timestamp) -> Self {
        let control = members(headers, "cache-control");
        let span = |name| Duration::from_secs(seconds(&control, name).unwrap_or_default());
        let (age, is_by_date) = age(headers, cache, now);
        let mut freshness = Self {
            age,
            is_by_date,
            lifetime: lifetime(headers),
            while_revalidate: span("stale-while-revalidate"),
            if_error: span("stale-if-error"),
            stale: None,
        };
        freshness.stale = freshness.why_stale(headers, cache);
        freshness
    }

    fn why_stale(&self, headers: &HeaderMap, cache: Cache) -> Option<String> {
        if matches!(cache, Cache::Stale | Cache::Updating) {
            return Some(format!("the cache says {cache}"));
        }
        if let Some(word) = forbidden(headers).filter(|_| cache.is_served()) {
            return Some(format!("`{word}` forbids a cache to keep it"));
        }
        let warning = text(headers, "warning").and_then(|text| stale_warning(&text));
        let too_old = self.is_too_old() && cache != Cache::Revalidated;
        warning.or_else(|| too_old.then(|| self.to_string()))
    }

    /// Whether it is older than it may be.
    pub(crate) fn is_too_old(&self) -> bool {
        matches!((self.age, self.lifetime), (Some(age), Some(lifetime)) if age > lifetime.span)
    }
}

/// For people: `age 80 s, max-age 60 s`.
impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.age {
            Some(age) => write!(f, "age {} s", age.as_secs())?,
            None => f.write_str("no age")?,
        }
        if self.is_by_date {
            f.write_str(" by its `Date`")?;
        }
        match self.lifetime {
            Some(lifetime) => write!(f, ", {} {} s", lifetime.word, lifetime.span.as_secs()),
            None => f.write_str(", no max-age"),
        }
    }
}

/// RFC 9111, 4.2.3: `Age`; without it, what has passed since `Date` when the copy was kept.
fn age(headers: &HeaderMap, cache: Cache, now: Timestamp) -> (Option<Duration>, bool) {
    let stated = text(headers, "age").and_then(|text| delta(text.split(',').next()?.trim()));
    if let Some(seconds) = stated {
        return (Some(Duration::from_secs(seconds)), false);
    }
    if !cache.is_kept() {
        return (Some(Duration::ZERO), false);
    }
    let date = date(headers, "date");
    let age = date.map(|date| Duration::try_from(now.duration_since(date)).unwrap_or_default());
    // nginx sends its own `Date` with what it kept, and no `Age`: of that moment is the answer, not the copy.
    let age = age.filter(|age| cache == Cache::Unknown || *age > A_MOMENT);
    (age, age.is_some())
}

/// RFC 9111, 4.2.1, for a shared cache.
fn lifetime(headers: &HeaderMap) -> Option<Lifetime> {
    let found = |word, seconds| Lifetime {
        span: Duration::from_secs(seconds),
        word,
    };
    let targeted = TARGETED.into_iter().find_map(|name| {
        let seconds = seconds(&members(headers, name), "max-age")?;
        Some(found(name, seconds))
    });
    let control = members(headers, "cache-control");
    let said = || {
        let words = ["s-maxage", "max-age"].into_iter();
        words
            .filter_map(|word| Some(found(word, seconds(&control, word)?)))
            .next()
    };
    let expires = || {
        // What is no date is the past (RFC 9111, 5.3).
        let expires = text(headers, "expires")?;
        let left = parse_date(&expires)
            .zip(date(headers, "date"))
            .map_or(0, |(end, begin)| end.as_second() - begin.as_second());
        Some(found("expires", left.max(0).unsigned_abs()))
    };
    targeted.or_else(said).or_else(expires)
}

/// RFC 9111, 5.2.2: what no shared cache may keep, unless a header that speaks to the CDN alone lets it.
fn forbidden(headers: &HeaderMap) -> Option<&'static str> {
    let is_targeted = TARGETED
        .into_iter()
        .any(|name| seconds(&members(headers, name), "max-age").is_some());
    let control = members(headers, "cache-control");
    // `private="Set-Cookie"` is about these fields alone.
    let is_said = |word: &&str| directive(&control, word).is_some_and(|fields| fields.is_empty());
    ["no-store", "private"]
        .into_iter()
        .find(|word| !is_targeted && is_said(word))
}

/// RFC 9111, 5.5 (of 7234): a cache that says itself that it is stale, or that it could not revalidate.
fn stale_warning(text: &str) -> Option<String> {
    let stale = ["110", "111", "112"];
    let code = text
        .split(',')
        .filter_map(|one| one.split_whitespace().next())
        .find(|code| stale.contains(code))?;
    let meaning = match code {
        "110" => "response is stale",
        "111" => "revalidation failed",
        _ => "disconnected operation",
    };
    Some(format!("`Warning: {code}`, {meaning}"))
}

fn date(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    parse_date(&text(headers, name)?)
}

/// RFC 9110, 5.6.7.
fn parse_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}
