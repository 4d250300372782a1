//! The verdict on an alert: a closed list, the same words in every file of a report.

use serde::{Deserialize, Serialize};

/// What is said of an alert: expected, forbidden or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertVerdict {
    /// As expected: it came in time, with its labels, where it should; or it stayed away, as it should.
    Passed,
    /// It came, but over a limit.
    Late,
    /// It did not come.
    Missed,
    /// Its condition was true, but not for as long as its rule's `for`.
    PendingOnly,
    /// The fault touched nothing, so nothing was tested.
    NotEffective,
    /// The fault was left out: what it waited for did not come in time.
    NotOrdered,
    /// It fired, but a silence or a time interval kept it from being told.
    Muted,
    /// It fired, but another alert kept it from being told.
    Inhibited,
    /// It was delivered, but not to the receiver that was asked for.
    Misrouted,
    /// An alert of that name came with other labels.
    LabelsDiffer,
    /// It came without labels or annotations that it must have.
    Incomplete,
    /// It came, went and came again while the fault was in place.
    Flapping,
    /// It was there before the fault was, so what it said proves nothing.
    AlreadyFiring,
    /// It came although it must not.
    Forbidden,
    /// It came, and nobody had said anything of it.
    Unexpected,
    /// It cannot be said.
    Unknown,
}

impl AlertVerdict {
    /// The word that `report.json` uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::PendingOnly => "pending_only",
            Self::NotEffective => "not_effective",
            Self::NotOrdered => "not_ordered",
            Self::Muted => "muted",
            Self::Inhibited => "inhibited",
            Self::Misrouted => "misrouted",
            Self::LabelsDiffer => "labels_differ",
            Self::Incomplete => "incomplete",
            Self::Flapping => "flapping",
            Self::AlreadyFiring => "already_firing",
            Self::Forbidden => "forbidden",
            Self::Unexpected => "unexpected",
            Self::Unknown => "unknown",
        }
    }
}
