//! Faults: what is done to a target, and how it is undone. One kind, one file.
//!
//! Every fault has a lease that somebody else than the runner watches (the proxy, a helper process),
//! so that it ends by itself when the runner dies or is stuck.

mod child;
mod held;
mod toxic;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{ClockSample, SourceName, Timestamp, TokenFrom};
use gameday_proxy::{NewFault, ToxicOrder};
use serde::{Deserialize, Serialize};

pub use held::HeldFault;
pub use toxic::ToxicFault;

use crate::deed::{CommandLine, Deed, LosePackets, Pause};
use crate::network::{Loss, Peer, Transport, table_name};
use crate::plan::{Entry, FaultKind, Plan, Target};
use crate::runner::Run;

/// What a fault has done so far.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// Chunks, connections or processes touched.
    pub touched: u64,
    /// When the first of them was, on the clock of whatever injects.
    pub first_touched: Option<Timestamp>,
    /// Why it is no longer in place, if it is not.
    pub lost: Option<String>,
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

/// Makes the fault of each timeline entry.
///
/// # Errors
/// When a proxy's URL cannot be used, or its token cannot be had.
pub(crate) fn build(plan: &Plan, run: &Run) -> Result<Vec<Arc<dyn Fault>>, FaultError> {
    plan.timeline
        .iter()
        .map(|entry| build_one(plan, entry, run))
        .collect()
}

fn build_one(plan: &Plan, entry: &Entry, run: &Run) -> Result<Arc<dyn Fault>, FaultError> {
    let target = &plan.targets[&entry.on];
    let clock = SourceName::new(&format!("{}.{}", target.kind(), entry.on))
        .map_err(|error| FaultError::Refused(error.to_string()))?;
    let Target::Proxy {
        proxy,
        api,
        token,
        listen,
        upstream,
    } = target
    else {
        let mark = run.registry.mark(&run.drill, &entry.name);
        let deed = deed(&run.drill, entry, target)?;
        return Ok(Arc::new(HeldFault::new(&run.program, deed, mark, clock)));
    };
    let expected = toxic::Expected {
        listen: listen.clone(),
        upstream: upstream.clone(),
    };
    let fault = match &entry.fault {
        FaultKind::Toxic {
            spec,
            stream,
            toxicity,
            scope,
        } => {
            let order = ToxicOrder {
                toxicity: *toxicity,
                scope: scope.clone(),
                seed: plan.seed,
                ..ToxicOrder::new(spec, toxic::stream(stream))
            };
            NewFault::toxic("", proxy, order)
        }
        _ => toxic::switch_off(proxy),
    };
    let place = toxic::Place {
        client: toxic::client(api, token.as_ref(), |name| run.environment.get(name).cloned())?,
        api: api.clone(),
        token: token.clone(),
    };
    Ok(Arc::new(ToxicFault::new(
        place,
        &run.drill,
        &entry.name,
        fault,
        expected,
        clock,
    )))
}

/// What a helper does for an entry whose target is no proxy.
fn deed(drill: &str, entry: &Entry, target: &Target) -> Result<Deed, FaultError> {
    Ok(match (target, &entry.fault) {
        (Target::Network { peer, transport }, fault) => Deed::Loss(LosePackets {
            loss: network_loss(*peer, *transport, fault),
            table: table_name(drill, entry.name.as_str()),
        }),
        (Target::Process { pid_file, start }, FaultKind::Pause) => Deed::Pause(Pause {
            pid_file: pid_file.clone(),
            start: here(start)?,
            pid: None,
        }),
        (target, fault) => {
            let (kind, word) = (target.kind(), fault.word());
            return Err(FaultError::Refused(format!(
                "`{word}` cannot be done to a {kind}"
            )));
        }
    })
}

/// A command that runs where gameday was started, wherever it is undone from.
fn here(words: &[String]) -> Result<CommandLine, FaultError> {
    let folder = std::env::current_dir();
    let folder = folder.map_err(|error| FaultError::Refused(format!("the current folder: {error}")))?;
    Ok(CommandLine {
        words: words.to_vec(),
        folder,
    })
}

/// What a fault loses of the packets of a peer; a scenario has no other faults of the network.
fn network_loss(peer: Peer, transport: Transport, fault: &FaultKind) -> Loss {
    let (per_million, stream) = match fault {
        FaultKind::Loss { per_million, stream } => (*per_million, stream.as_deref()),
        _ => (1_000_000, None),
    };
    Loss {
        peer,
        transport,
        downstream: stream != Some("upstream"),
        upstream: stream != Some("downstream"),
        per_million,
    }
}
