//! Where a mark was read.

/// What told a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Prometheus' raw samples.
    Samples,
    /// `activeAt` of the source that has the rule.
    ActiveAt,
    /// `startsAt` of a notification or of Alertmanager's list.
    StartsAt,
    /// `endsAt` of a resolved notice.
    EndsAt,
    /// `updatedAt` of Alertmanager's list.
    UpdatedAt,
    /// Our own receiver, when it was told.
    Receiver,
    /// Alertmanager's event recorder.
    Recorder,
}

impl Origin {
    /// For people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Samples => "raw samples",
            Self::ActiveAt => "activeAt",
            Self::StartsAt => "startsAt",
            Self::EndsAt => "endsAt",
            Self::UpdatedAt => "updatedAt",
            Self::Receiver => "our receiver",
            Self::Recorder => "event recorder",
        }
    }
}
