//! Whether an answer came from a cache: one word for what RFC 9211 and the vendors say in many.

use std::fmt;

use hyper::header::HeaderMap;

use super::members::{Member, delta, members, text};

/// What the cache that is nearest to the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// A fresh copy.
    Hit,
    /// There was no copy: the origin was asked.
    Miss,
    /// The copy was too old and the origin sent a new one.
    Expired,
    /// The copy was too old and the origin said that it still holds (304).
    Revalidated,
    /// A copy that is too old, e.g. because the origin does not answer (RFC 5861, 4).
    Stale,
    /// A copy that is too old, while a new one is being fetched (RFC 5861, 3).
    Updating,
    /// The cache was told not to be used.
    Bypass,
    /// What is never kept.
    Dynamic,
    /// Nothing tells.
    Unknown,
}

impl Cache {
    pub(crate) const ALL: [Self; 9] = [
        Self::Hit,
        Self::Miss,
        Self::Expired,
        Self::Revalidated,
        Self::Stale,
        Self::Updating,
        Self::Bypass,
        Self::Dynamic,
        Self::Unknown,
    ];

    /// As files and messages have it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Expired => "EXPIRED",
            Self::Revalidated => "REVALIDATED",
            Self::Stale => "STALE",
            Self::Updating => "UPDATING",
            Self::Bypass => "BYPASS",
            Self::Dynamic => "DYNAMIC",
            Self::Unknown => "UNKNOWN",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|cache| cache.word().eq_ignore_ascii_case(word))
    }

    /// Whether the cache says that what it serves is what it kept.
    pub(super) fn is_served(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Updating | Self::Revalidated)
    }

    /// Whether the copy is one that the cache kept, so that it may have an age.
    pub(super) fn is_kept(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Updating | Self::Unknown)
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Headers of CDNs that hide what a cache behind them said; then the standard; then what any cache may send.
const OUTER: [&str; 3] = ["cf-cache-status", "x-vercel-cache", "cdn-cache"];
const INNER: [&str; 10] = [
    "x-cache",
    "x-cache-status",
    "cdn-cache-status",
    "x-proxy-cache",
    "x-nginx-cache",
    "x-fastcgi-cache",
    "x-litespeed-cache",
    "x-drupal-cache",
    "x-rack-cache",
    "x-sucuri-cache",
];

/// What the headers say, and which of them says it; `own` is a header that the file names.
pub(crate) fn said(headers: &HeaderMap, own: Option<&str>, status: u16) -> (Cache, Option<String>) {
    let shown = |name: &str| text(headers, name).map(|text| format!("{name}: {text}"));
    let simple = |name: &&str| Some((words(&text(headers, name)?)?, shown(name)));
    if let Some(name) = own {
        let found = simple(&name);
        return found.unwrap_or_else(|| (Cache::Unknown, shown(name)));
    }
    let standard = || {
        Some((
            standard(&members(headers, "cache-status"), status)?,
            shown("cache-status"),
        ))
    };
    let timing = || {
        Some((
            timing(&members(headers, "server-timing"))?,
            shown("server-timing"),
        ))
    };
    OUTER
        .iter()
        .find_map(simple)
        .or_else(standard)
        .or_else(|| INNER.iter().find_map(simple))
        .or_else(timing)
        .or_else(|| Some((varnish(headers)?, shown("x-varnish"))))
        .or_else(|| Some((by_age(headers)?, shown("age"))))
        .unwrap_or((Cache::Unknown, None))
}

/// RFC 9211: the last member is the cache that is nearest to the user.
fn standard(list: &[Member], status: u16) -> Option<Cache> {
    let nearest = list.last()?;
    let ttl: Option<i64> = nearest.param("ttl").and_then(|ttl| ttl.parse().ok());
    let fwd_status: Option<u16> = nearest.param("fwd-status").and_then(|status| status.parse().ok());
    if nearest.has("hit") {
        return Some(match ttl {
            Some(..0) => Cache::Stale,
            _ => Cache::Hit,
        });
    }
    Some(
        match (nearest.param("fwd")?.to_ascii_lowercase().as_str(), fwd_status) {
            ("stale", Some(304)) => Cache::Revalidated,
            // The origin's error is not what came: the old copy was served in its place.
            ("stale", Some(500..)) if status < 500 => Cache::Stale,
            ("stale", _) => Cache::Expired,
            ("bypass" | "method" | "request", _) => Cache::Bypass,
            ("uri-miss" | "vary-miss" | "miss" | "partial", _) => Cache::Miss,
            _ => Cache::Unknown,
        },
    )
}

/// A list of words: Fastly's last one is the edge's, Akamai's says `from child` of it.
fn words(text: &str) -> Option<Cache> {
    let said: Vec<&str> = text.split(',').map(str::trim).collect();
    let child = said.iter().find(|one| one.ends_with(" from child"));
    word(child.or(said.last())?)
}

/// One cache's words, e.g. `Hit from cloudfront`, `TCP_MEM_HIT from a1 (AkamaiGHost/10) (-)`, `HIT-STALE`.
fn word(said: &str) -> Option<Cache> {
    let phrase = said.split(" from ").next().unwrap_or_default();
    let first = said.split_whitespace().next().unwrap_or_default();
    known(phrase).or_else(|| known(first))
}

fn known(text: &str) -> Option<Cache> {
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    let letters = letters.collect::<String>().to_ascii_uppercase();
    let plain = letters.strip_prefix("TCP").unwrap_or(&letters);
    Some(match plain {
        "HIT" | "MEMHIT" | "INMEMORYHIT" | "DISKHIT" | "IMSHIT" | "NEGATIVEHIT" | "REMOTEHIT"
        | "CACHEHIT" | "HITCLUSTER" | "HITWAIT" | "HITSYNTH" | "ORIGINSHIELDHIT" | "PRERENDER" | "FRESH" => {
            Cache::Hit
        }
        "REVALIDATED" | "REFRESHHIT" | "EXPIREDHIT" | "REFRESHUNMODIFIED" => Cache::Revalidated,
        "EXPIRED" | "REFRESHMISS" | "EXPIREDMISS" | "REFRESHMODIFIED" | "CLIENTREFRESHMISS" => Cache::Expired,
        "STALE" | "HITSTALE" | "STALEHIT" | "REFRESHFAILHIT" | "REFRESHFAILOLD" | "REFRESHFAIL" => {
            Cache::Stale
        }
        "UPDATING" => Cache::Updating,
        "MISS" | "CACHEMISS" | "MISSCLUSTER" | "REMOTEMISS" | "SWAPFAILMISS" => Cache::Miss,
        "BYPASS" | "PASS" | "SKIP" => Cache::Bypass,
        "DYNAMIC"
        | "NONE"
        | "NONEUNKNOWN"
        | "NA"
        | "PRIVATENOSTORE"
        | "CONFIGNOCACHE"
        | "NOTCACHEABLE"
        | "UNCACHEABLE"
        | "DISABLED"
        | "CONSTRUCTED"
        | "LAMBDAGENERATEDRESPONSE"
        | "FUNCTIONGENERATEDRESPONSE" => Cache::Dynamic,
        _ => return None,
    })
}

/// `cdn-cache; desc=HIT` (Akamai), `cdn-cache-hit` (CloudFront).
fn timing(list: &[Member]) -> Option<Cache> {
    list.iter().find_map(|member| match member.name.as_str() {
        "cdn-cache" | "cache" => word(member.param("desc")?),
        "cdn-cache-hit" => Some(Cache::Hit),
        "cdn-cache-miss" => Some(Cache::Miss),
        "cdn-cache-refresh" => Some(Cache::Revalidated),
        _ => None,
    })
}

/// Two numbers are this request's and the one that filled the cache.
fn varnish(headers: &HeaderMap) -> Option<Cache> {
    let text = text(headers, "x-varnish")?;
    let numbers: Vec<_> = text.split_whitespace().map(str::parse::<u64>).collect();
    match numbers.as_slice() {
        [Ok(_)] => Some(Cache::Miss),
        [Ok(_), Ok(_)] => Some(Cache::Hit),
        _ => None,
    }
}

/// An age of more than a moment has what was kept somewhere (RFC 9111, 5.1).
fn by_age(headers: &HeaderMap) -> Option<Cache> {
    let age = delta(&text(headers, "age")?)?;
    (age > 0).then_some(Cache::Hit)
}
