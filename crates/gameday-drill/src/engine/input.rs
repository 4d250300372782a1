//! What goes into the engine and what comes out of it.

use std::time::Duration;

use gameday_core::{
    AlertSeen, Ended, EventKind, FaultName, Notification, Outcome, ProbeName, SteadyName, StopReason,
};

/// What the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Pre-flight is over; an error says why the drill must not go on.
    Preflight(Result<(), String>),
    /// A probe looked; the text says what was wrong.
    Probed(ProbeName, Outcome, Duration, Option<String>),
    /// Ticks of a probe that could not run.
    Missed(ProbeName, u64),
    /// A query of a steady state was answered, or could not be.
    Queried(SteadyName, Option<f64>),
    /// The condition of an entry was looked at: whether it holds and what was seen, or why it could not be.
    Condition(FaultName, Result<(bool, String), String>),
    /// A fault is in place.
    Injected(FaultName),
    /// A fault could not be injected; it may be in place all the same.
    InjectFailed(FaultName, String),
    /// A fault is gone.
    Removed(FaultName),
    /// A fault could not be removed, for as long as was tried.
    RemoveFailed(FaultName, String),
    /// A fault has taken effect.
    Touched(FaultName),
    /// A fault ended without us: its lease ran out or somebody took it away.
    Lost(FaultName, String),
    /// A fault is over by itself, as one of its kind may be.
    Over(FaultName, String),
    /// A target stopped answering.
    TargetLost(String),
    /// A notification arrived.
    Notified(Notification),
    /// An Alertmanager counted a notification that was delivered.
    Delivered,
    /// An alert changed.
    Alert(AlertSeen),
    /// What the gate asked for.
    Gate(GateLook),
    /// The rollback was looked at.
    RollbackChecked(bool),
    /// The drill must end early.
    Stop(StopReason),
    /// Only the time went on.
    Tick,
}

/// What the gate before a trial of several wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateAsk {
    /// How long ago the last fault was removed; none before the first trial.
    pub since_removal: Option<Duration>,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateLook {
    /// What of the alerting is not yet as it was before the first trial, a line each.
    pub left: Vec<String>,
    /// The longest interval at which is scraped or evaluated: a tick on the drill's clock, in microseconds since it
    /// began, and the distance.
    pub interval: Option<(i64, Duration)>,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write this down.
    Record(EventKind),
    /// Look at the condition of an entry.
    Look(FaultName),
    /// Journal the fault durably, then inject it.
    Inject(FaultName),
    /// Remove the fault, trying until it is gone or its lease must have ended it.
    Remove(FaultName),
    /// The trial before this one is over: write down what is known of it, and make the faults anew.
    NextTrial(u32),
    /// Look whether anything of ours is left.
    Verify,
    /// Write down how it ended, and stop.
    Finish(Ended),
}
