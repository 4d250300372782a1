//! What an entry of the timeline waits for, and on what condition it comes at all.

use std::time::Duration;

use gameday_core::{FaultName, ProbeName, Span};

/// Something that happens in a drill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cue {
    /// An expected alert has come so far.
    Alert {
        /// The expectation's key.
        label: String,
        /// How far.
        moment: AlertMoment,
    },
    /// A fault is gone.
    Removed(FaultName),
}

/// How far an alert is, as it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertMoment {
    /// Its rule is true.
    Pending,
    /// It fires.
    Firing,
    /// Our receiver was told.
    Notified,
    /// It is over.
    Resolved,
}

impl AlertMoment {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Firing, Self::Notified, Self::Resolved];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Notified => "notified",
            Self::Resolved => "resolved",
        }
    }
}

/// An entry that waits instead of coming at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// For what.
    pub cue: Cue,
    /// It comes so long after that.
    pub offset: Duration,
    /// After T0, it is waited for so long.
    pub within: Duration,
    /// What becomes of the entry then.
    pub otherwise: Otherwise,
}

/// What becomes of an entry that has waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Otherwise {
    /// It is left out.
    #[default]
    Skip,
    /// It comes all the same.
    Run,
}

impl After {
    /// What it waits for, as in the file: `PaymentsSlow firing + 10s`.
    #[must_use]
    pub fn text(&self) -> String {
        let cue = match &self.cue {
            Cue::Alert { label, moment } => format!("{label} {}", moment.word()),
            Cue::Removed(fault) => format!("{fault} removed"),
        };
        match self.offset.is_zero() {
            true => cue,
            false => format!("{cue} + {}", Span::from_value(self.offset)),
        }
    }

    /// All of it in a line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let within = Span::from_value(self.within);
        let otherwise = match self.otherwise {
            Otherwise::Skip => "left out",
            Otherwise::Run => "run",
        };
        format!("after {}, within {within}, otherwise {otherwise}", self.text())
    }
}

/// A condition that is looked at when an entry is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlyIf {
    /// A query that compares finds something.
    Promql(String),
    /// A probe's last look, from whichever region, said so.
    Probe {
        /// Which.
        probe: ProbeName,
        /// Up, or down.
        up: bool,
    },
    /// A command ends well.
    Command(Vec<String>),
}

impl OnlyIf {
    /// As in the file.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Promql(query) => query.clone(),
            Self::Probe { probe, up } => format!("probe {probe} {}", if *up { "up" } else { "down" }),
            Self::Command(words) => words.join(" "),
        }
    }
}
