//! The life of an alert on a burn rate: inactive, pending, firing, resolved.

use std::fmt;

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::objective::Burn;
use super::pair::Severity;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing burns.
    #[default]
    Inactive,
    /// A short window burns; the long one will, if it goes on.
    Pending,
    /// Both windows of a pair burn.
    Firing,
    /// It fired, and the short window burns no more. A short window later it is inactive.
    Resolved,
}

impl Stage {
    /// All of them, in the order of an alert's life.
    pub const ALL: [Self; 4] = [Self::Inactive, Self::Pending, Self::Firing, Self::Resolved];

    /// `inactive`, `pending`, `firing` or `resolved`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The alert of one severity: one for all pairs of it, so that one cause calls once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BurnAlert {
    /// Which pairs it heeds.
    pub severity: Severity,
    /// Where it stands.
    pub stage: Stage,
    /// Since when it stands there.
    pub since: Timestamp,
    /// When it began to fire; kept while it is resolved.
    pub fired: Option<Timestamp>,
}

impl BurnAlert {
    /// An alert that does not burn.
    #[must_use]
    pub const fn new(severity: Severity, now: Timestamp) -> Self {
        Self {
            severity,
            stage: Stage::Inactive,
            since: now,
            fired: None,
        }
    }

    /// Takes a measurement; true when the stage changed.
    ///
    /// Only what was seen to be good resolves: an alert that fires keeps firing while a short window still burns, whatever
    /// the long one says, and while one holds no look.
    pub fn observe(&mut self, now: Timestamp, burns: &[Burn]) -> bool {
        let stage = self.next(now, burns);
        if stage == self.stage {
            return false;
        }
        self.stage = stage;
        self.since = now;
        match stage {
            Stage::Firing => self.fired = Some(now),
            Stage::Inactive | Stage::Pending => self.fired = None,
            Stage::Resolved => {}
        }
        true
    }

    fn next(&self, now: Timestamp, burns: &[Burn]) -> Stage {
        let mine = || burns.iter().filter(|burn| burn.pair.severity == self.severity);
        let goes_on = |burn: &Burn| burn.threatens() || burn.blind();
        if mine().any(Burn::fires) || (self.stage == Stage::Firing && mine().any(goes_on)) {
            return Stage::Firing;
        }
        if self.stage == Stage::Firing {
            return Stage::Resolved;
        }
        let shown = mine().map(|burn| burn.pair.short).min().unwrap_or_default();
        let age = now.micros_since(self.since);
        if self.stage == Stage::Resolved
            && (0..i64::try_from(shown.as_micros()).unwrap_or(i64::MAX)).contains(&age)
        {
            return Stage::Resolved;
        }
        if mine().any(Burn::threatens) {
            Stage::Pending
        } else {
            Stage::Inactive
        }
    }
}
