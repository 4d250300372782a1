//! What can be done to a target.

use std::time::Duration;

use gameday_core::{ByteSize, Ratio};
use gameday_proxy::{Scope, ToxicSpec};

use crate::deed::{Allowance, EndSignal, Hook, UnitAction};

/// What can be done to a target.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// A toxic on a proxy.
    Toxic {
        /// Which, with its settings.
        spec: ToxicSpec,
        /// `downstream` or `upstream`.
        stream: String,
        /// The share of connections it meets.
        toxicity: f64,
        /// Which connections it may meet.
        scope: Scope,
    },
    /// The proxy is switched off: nothing listens.
    Down,
    /// The process is stopped (SIGSTOP).
    Pause,
    /// Packets of the network are lost at random.
    Loss {
        /// Of a million packets, so many.
        per_million: u32,
        /// `downstream` (from the peer) or `upstream` (to it); both if none.
        stream: Option<String>,
    },
    /// No packet of the network comes through.
    Partition,
    /// The process is ended; its `start` starts it again.
    Kill {
        /// What ends it.
        signal: EndSignal,
    },
    /// A process or a control group gets less of the CPUs, or the host's are kept busy.
    Cpu(Pressure),
    /// A process or a control group gets less memory, or the host's is taken.
    Memory(Pressure),
    /// A unit of systemd is changed.
    Unit {
        /// What is done to it.
        action: UnitAction,
        /// What `kill` sends.
        signal: EndSignal,
        /// systemd has this long for each thing that it is told.
        timeout: Duration,
    },
    /// Commands of the user's are run.
    Command {
        /// Breaks something.
        begin: Vec<String>,
        /// Puts it back.
        undo: Vec<String>,
        /// Ends well only if it is back.
        verify: Option<Vec<String>>,
        /// Each is killed when it takes longer.
        timeout: Duration,
    },
    /// Requests are sent.
    Hook(Box<Hook>),
}

/// How much is taken away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pressure {
    /// This is left to a process or a control group.
    Left(Allowance),
    /// This share of every CPU of the host is kept busy, 0 to 1.
    Busy(f64),
    /// So many bytes of the host's memory are taken.
    Taken(u64),
}

impl FaultKind {
    /// The kind's word in files and reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Toxic { spec, .. } => spec.kind(),
            Self::Down => "down",
            Self::Pause => "pause",
            Self::Loss { .. } => "packet_loss",
            Self::Partition => "partition",
            Self::Kill { .. } => "kill",
            Self::Cpu(_) => "cpu_pressure",
            Self::Memory(_) => "memory_pressure",
            Self::Unit { action, .. } => action.word(),
            Self::Command { .. } => "command",
            Self::Hook(_) => "http_hook",
        }
    }

    /// Its settings for people.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Toxic {
                spec,
                stream,
                toxicity,
                scope,
            } => {
                let share = if *toxicity < 1.0 {
                    format!(" on {} of connections", Ratio::from_value(*toxicity))
                } else {
                    String::new()
                };
                format!("{spec} {stream}{share}{scope}")
            }
            Self::Down => "switched off".to_owned(),
            Self::Pause => "stopped (SIGSTOP)".to_owned(),
            Self::Loss { per_million, stream } => {
                let share = Ratio::from_value(f64::from(*per_million) / 1e6);
                let stream = stream
                    .as_ref()
                    .map(|stream| format!(" {stream}"))
                    .unwrap_or_default();
                format!("share {share}{stream}")
            }
            Self::Partition => "every packet is lost".to_owned(),
            Self::Kill { signal } => format!("ended ({})", signal.name()),
            Self::Cpu(pressure) | Self::Memory(pressure) => pressure.to_string(),
            Self::Unit {
                action: UnitAction::Kill,
                signal,
                ..
            } => format!("{} to all its processes", signal.name()),
            Self::Unit { action, .. } => format!("systemctl {}", action.word()),
            Self::Command { begin, undo, .. } => format!("{}; undone by {}", begin.join(" "), undo.join(" ")),
            Self::Hook(hook) => format!("{}; undone by {}", hook.start.text(), hook.undo.text()),
        }
    }

    /// Whether both cannot be done to one target at once: undoing one would undo the other.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            // Several of these add up, each with an undo of its own.
            (Self::Toxic { .. } | Self::Loss { .. } | Self::Command { .. } | Self::Hook(_), _) => false,
            (Self::Pause | Self::Kill { .. }, Self::Pause | Self::Kill { .. }) => true,
            (Self::Unit { .. }, Self::Unit { .. }) => true,
            _ => self.word() == other.word(),
        }
    }

    /// The kinds of targets that it can be done to; empty is all of them.
    #[must_use]
    pub fn targets(&self) -> &'static [&'static str] {
        match self {
            Self::Toxic { .. } | Self::Down => &["proxy"],
            Self::Pause | Self::Kill { .. } => &["process"],
            Self::Loss { .. } | Self::Partition => &["network"],
            Self::Cpu(Pressure::Left(_)) | Self::Memory(Pressure::Left(_)) => &["process", "cgroup"],
            Self::Cpu(_) | Self::Memory(_) => &["host"],
            Self::Unit { .. } => &["unit"],
            Self::Command { .. } | Self::Hook(_) => &[],
        }
    }
}

/// For people.
impl std::fmt::Display for Pressure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Left(allowance) => write!(f, "{allowance} left"),
            Self::Busy(share) => write!(f, "{} of every CPU busy", Ratio::from_value(*share)),
            Self::Taken(bytes) => write!(f, "{} of memory taken", ByteSize::from_value(*bytes)),
        }
    }
}
