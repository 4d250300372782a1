//! How a drill ends, and why sooner than it was to.

use serde::{Deserialize, Serialize};

/// Why a drill was told to end early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// An abort condition came true.
    Guard(String),
    /// Ctrl-C, SIGTERM or SIGHUP.
    Signal(String),
    /// The stop file was found.
    StopFile,
    /// A person asked for it, who calls themselves so.
    Person(String),
    /// `max_duration` was over.
    MaxDuration,
    /// What an earlier trial did was not over in time for the next.
    Gate(String),
    /// A fault could not be injected or was lost.
    Fault(String),
    /// A target stopped answering.
    Target(String),
}

/// For people, after a colon or a `because`.
impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Guard(guard) => write!(f, "the guard `{guard}` was breached"),
            Self::Signal(signal) if signal == "SIGINT" => f.write_str("it was stopped by SIGINT (Ctrl-C)"),
            Self::Signal(signal) => write!(f, "it was stopped by {signal}"),
            Self::StopFile => f.write_str("the stop file was found"),
            Self::Person(who) => write!(f, "{who} stopped it"),
            Self::MaxDuration => f.write_str("`max_duration` was over"),
            Self::Gate(why) | Self::Fault(why) | Self::Target(why) => f.write_str(why),
        }
    }
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It ran to its end.
    Completed,
    /// It was ended early and rolled back.
    Aborted,
    /// Pre-flight or the steady state refused; nothing was touched.
    Refused(String),
}
