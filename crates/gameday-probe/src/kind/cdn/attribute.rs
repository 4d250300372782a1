//! What copies are compared by.

use hyper::header::{ETAG, HeaderName};

use super::visit::Copy;
use crate::assertion::Wrong;

/// One property of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    /// The ETag where each of those that are compared has one, the body otherwise.
    Version,
    /// Compared weakly (RFC 9110, 8.8.3.2): caches that compress make strong tags weak.
    Etag,
    Body,
    Status,
    Header(HeaderName),
}

impl Attribute {
    pub(super) fn parse(word: &str) -> Result<Self, Wrong> {
        Ok(match word {
            "version" => Self::Version,
            "etag" => Self::Etag,
            "body" => Self::Body,
            "status" => Self::Status,
            name => {
                let header = name.parse::<HeaderName>();
                let wrong = |_| {
                    Wrong::new(format!("`{name}` is nothing that copies are compared by"))
                        .hint("`etag`, `body`, `status` or the name of a header")
                };
                Self::Header(header.map_err(wrong)?)
            }
        })
    }

    /// For people.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Version => "version",
            Self::Etag => "ETag",
            Self::Body => "body",
            Self::Status => "status",
            Self::Header(name) => name.as_str(),
        }
    }

    /// Its value, if the copy has one.
    pub(super) fn of(&self, copy: &Copy) -> Option<String> {
        let header = |name: &HeaderName| {
            let value = copy.headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        match self {
            Self::Version | Self::Etag => {
                let tag = header(&ETAG)?;
                Some(tag.strip_prefix("W/").map_or(tag.clone(), str::to_owned))
            }
            Self::Body => Some(format!("{} bytes, sha256 {}…", copy.bytes, copy.sha256)),
            Self::Status => Some(copy.status.to_string()),
            Self::Header(name) => header(name),
        }
    }

    /// What `Version` means for these copies.
    pub(super) fn settled<'c>(&self, mut copies: impl Iterator<Item = &'c Copy>) -> Self {
        match self {
            Self::Version if copies.all(|copy| Self::Etag.of(copy).is_some()) => Self::Etag,
            Self::Version => Self::Body,
            other => other.clone(),
        }
    }
}
