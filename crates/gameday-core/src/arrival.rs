//! Events of alerts that arrived, or that were kept from arriving: what muted them, and whether their links work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{SourceName, Timestamp};

/// What kind of thing keeps an alert from being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressorKind {
    /// A silence that somebody made.
    Silence,
    /// Another alert, by an inhibition rule.
    Alert,
    /// A time interval of the route.
    TimeInterval,
}

impl SuppressorKind {
    /// Its word in [`crate::AlertSeen::suppressed_by`], before its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Alert => "alert",
            Self::TimeInterval => "time interval",
        }
    }

    /// An entry of [`crate::AlertSeen::suppressed_by`], taken apart.
    #[must_use]
    pub fn split(entry: &str) -> Option<(Self, &str)> {
        [Self::Silence, Self::Alert, Self::TimeInterval]
            .into_iter()
            .find_map(|kind| Some((kind, entry.strip_prefix(kind.word())?.strip_prefix(' ')?)))
    }
}

/// Something that keeps alerts from being told, as its source describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressor {
    /// Who showed it.
    pub source: SourceName,
    /// What it is.
    pub kind: SuppressorKind,
    /// A silence's id, an alert's fingerprint, an interval's name.
    pub id: String,
    /// Who made the silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the silence ends, by the source's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The inhibiting alert's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A link of an alert that arrived, asked for once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChecked {
    /// The alert's name.
    pub alert: String,
    /// The annotation that holds it, e.g. `runbook_url`.
    pub annotation: String,
    /// The link, redacted.
    pub url: String,
    /// The status of the last answer; none when there was none.
    pub status: Option<u16>,
    /// Why it leads nowhere; none when it works.
    pub dead: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suppresses_is_told_by_its_word() {
        for (entry, found) in [
            ("silence 7b3e", Some((SuppressorKind::Silence, "7b3e"))),
            ("alert a1b2", Some((SuppressorKind::Alert, "a1b2"))),
            (
                "time interval out of hours",
                Some((SuppressorKind::TimeInterval, "out of hours")),
            ),
            ("silence", None),
            ("silencer x", None),
        ] {
            assert_eq!(SuppressorKind::split(entry), found, "{entry}");
        }
    }
}
