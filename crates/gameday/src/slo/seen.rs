//! What a look says of an objective, and whether its word counts.

use std::time::Duration;

use gameday_alert::Tally;
use gameday_core::{Outcome, ProbeName, RegionName, Timestamp};
use gameday_probe::Tick;

use super::promise::Kind;

/// What the schedule told, as far as objectives care.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    Up {
        total: Duration,
        slow: bool,
    },
    Down,
    /// So many looks said nothing: we could not look, or nobody should believe us.
    Nothing(u32),
}

/// Whether a region's word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It does.
    Counts,
    /// Nobody knows yet: since the look began, the region has not reached what it must reach.
    Doubted,
    /// It is excluded.
    Excluded,
}

/// Says whether a region's word on a look that began then counts.
pub(crate) type Judge = Box<dyn Fn(&RegionName, Timestamp) -> Trust + Send + Sync>;

/// A look that said down, while nobody knows whether to believe it.
#[derive(Debug)]
pub(super) struct Doubted {
    pub(super) probe: ProbeName,
    pub(super) region: RegionName,
    pub(super) began: Timestamp,
}

impl Seen {
    pub(super) fn of(tick: &Tick) -> Self {
        match tick {
            Tick::Missed { count, .. } => Self::Nothing(u32::try_from(*count).unwrap_or(u32::MAX)),
            Tick::Done { observation, .. } => match &observation.outcome {
                Outcome::Up { slow } => Self::Up {
                    total: observation.total,
                    slow: !slow.is_empty(),
                },
                Outcome::Down(_) => Self::Down,
                Outcome::Unknown(_) => Self::Nothing(1),
            },
        }
    }

    /// The same of a region that is excluded.
    pub(super) fn unheard(self) -> Self {
        match self {
            Self::Up { .. } | Self::Down => Self::Nothing(1),
            nothing @ Self::Nothing(_) => nothing,
        }
    }

    pub(super) fn tally(self, kind: Kind) -> Tally {
        let one = |is_good: bool| Tally {
            good: u32::from(is_good),
            bad: u32::from(!is_good),
            unseen: 0,
        };
        let unseen = |count| Tally {
            unseen: count,
            ..Tally::default()
        };
        match (self, kind) {
            (Self::Up { .. }, Kind::Success) => one(true),
            (Self::Down, Kind::Success) => one(false),
            (Self::Up { total, slow }, Kind::P95(limit)) => one(!slow && total <= limit),
            // Nobody knows how long it would have taken.
            (Self::Down, Kind::P95(_)) => unseen(1),
            (Self::Nothing(count), _) => unseen(count),
        }
    }
}
