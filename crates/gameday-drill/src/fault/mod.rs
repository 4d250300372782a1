//! Faults: what is done to a target, and how it is undone. One kind, one file.
//!
//! Every fault has a lease that somebody else than the runner watches (the proxy, a helper process),
//! so that it ends by itself when the runner dies or is stuck.

mod build;
mod child;
mod held;
mod toxic;

use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{ClockSample, SourceName, Timestamp, TokenFrom};
use serde::{Deserialize, Serialize};

pub(crate) use build::build;
pub use held::HeldFault;
pub use toxic::ToxicFault;

use crate::deed::Deed;

/// What a fault has done so far.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// Chunks, connections or processes touched.
    pub touched: u64,
    /// When the first of them was, on the clock of whatever injects.
    pub first_touched: Option<Timestamp>,
    /// Why it is no longer in place, if it is not.
    pub lost: Option<String>,
    /// How it ended by itself, as a fault of its kind may.
    pub over: Option<String>,
    /// A look at the clock of whatever injects, if that is not ours.
    pub clock: Option<ClockSample>,
}

/// What can go wrong with a fault.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The proxy did not do it.
    #[error(transparent)]
    Proxy(#[from] gameday_proxy::ClientError),
    /// The target or helper is not as it must be.
    #[error("{0}")]
    Refused(String),
    /// The helper process could not be reached.
    #[error("{what}: {source}")]
    Helper {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl FaultError {
    /// Nothing listens where the proxy should be.
    #[must_use]
    pub fn is_refused_connection(&self) -> bool {
        matches!(self, Self::Proxy(error) if error.is_refused_connection())
    }
}

/// Something that can be injected and undone.
pub trait Fault: Send + Sync {
    /// Looks whether the target is there and as the scenario says; touches nothing.
    fn check(&self) -> BoxFuture<'_, Result<String, FaultError>>;
    /// Puts it in place under a lease.
    fn inject(&self, lease: Duration) -> BoxFuture<'_, Result<(), FaultError>>;
    /// Renews the lease and says what was touched.
    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>>;
    /// Takes it away; safe twice, and safe if it was never injected. Says whether it had ended before.
    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>>;
    /// Looks whether it is really gone; `Ok` says what was seen.
    fn verify(&self) -> BoxFuture<'_, Result<String, FaultError>>;
    /// How `heal` undoes it, for the journal.
    fn undo(&self) -> Undo;
    /// Whose clock its times are on.
    fn clock(&self) -> SourceName;
    /// How often its lease is renewed, and looked at what it does: a third of the lease at least.
    fn renew_every(&self, lease: Duration) -> Duration {
        lease / 3
    }
    /// How long its removal may take beyond what any answer may.
    fn takes(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the journal keeps of a fault, enough to undo it from another process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Drop this lease at this proxy.
    Lease {
        /// The proxy's API; a scenario's addresses hold no secret.
        api: String,
        /// Where the API's token is taken from, if it asks for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenFrom>,
        /// The owner of the lease.
        owner: String,
        /// The fault's name in it.
        name: String,
        /// The proxy it is done to.
        proxy: String,
    },
    /// Undo what a helper did, if no helper has.
    Held {
        /// What was done.
        deed: Box<Deed>,
        /// Where it is marked how far it is.
        mark: std::path::PathBuf,
    },
}
