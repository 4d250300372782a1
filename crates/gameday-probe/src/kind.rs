//! What a probe can be: one table, a file a kind.
//!
//! A file of `probes/` holds either a flow (`[[step]]`) or one table named like a row here; a row that is
//! a panel may also stand as `[check.NAME]` beside any probe.

mod tcp;

use std::time::Instant;

use futures_util::future::BoxFuture;
use gameday_core::Table;

use crate::file::{Scope, Times};
use crate::net::Connector;
use crate::observation::Observation;
use crate::plan::{FlowPlan, StepPlan};
use crate::values::Values;

/// A probe of some kind, checked.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// HTTP steps, in order; those that run `always` are last.
    Flow(FlowPlan),
    /// A TCP connection and what is said over it.
    Tcp(tcp::Tcp),
}

/// How a kind is read.
pub(crate) struct Row {
    /// Its table in the file.
    pub(crate) key: &'static str,
    /// Whether it may also be a panel, `[check.KEY]`.
    pub(crate) panel: bool,
    pub(crate) read: fn(Table<'_, '_>, &Scope<'_, '_>, &Times) -> Option<Kind>,
}

/// Every kind but the flow.
#[rustfmt::skip] // A row a line.
pub(crate) const ROWS: &[Row] = &[
    Row { key: "tcp", panel: false, read: |t, scope, times| Some(Kind::Tcp(tcp::Tcp::read(t, scope, times)?)) },
];

/// Whether a file with these keys is a probe's.
pub fn is_probe(has: impl Fn(&str) -> bool) -> bool {
    has("step") || has("check") || ROWS.iter().any(|row| has(row.key))
}

/// What a look may use.
pub(crate) struct Means<'a> {
    pub(crate) connector: &'a Connector,
    /// The verdict is reached by then.
    pub(crate) deadline: Instant,
}

impl Kind {
    /// Looks once; messages and evidence are redacted by the caller.
    pub(crate) fn look<'a>(
        &'a self,
        means: &'a Means<'_>,
        values: &'a mut Values<'_>,
    ) -> BoxFuture<'a, Observation> {
        match self {
            Self::Flow(flow) => Box::pin(crate::flow::look(flow, means, values)),
            Self::Tcp(tcp) => Box::pin(tcp.look(means, values)),
        }
    }

    /// Whether this machine's trusted certificates may be needed.
    pub(crate) fn may_use_tls(&self) -> bool {
        match self {
            Self::Flow(flow) => !flow.steps.iter().all(StepPlan::is_plain),
            Self::Tcp(_) => false,
        }
    }
}
