//! The practice system `payments`: something real to break, with alerting that should notice.
//!
//! ```text
//!   load ──► api ─┬► gameday proxy ──► ledger          real: PostgreSQL      embedded: `ledger`
//!             │   │   "payments-db"
//!             │   └► "payments-psp" ─► psp             somebody else's service, in both
//!   users ──────► "payments-dns" ─► dns             who knows the API's name, in both
//!             └─/metrics──► Prometheus ──► Alertmanager ──► webhook          embedded: `alerting`
//! ```
//!
//! Invariants:
//! - The lab knows no other gameday crate: the proxy is a program it starts, as anybody would.
//! - Every part is a process of its own, a child of one supervisor, and dies with it, even when
//!   the supervisor is killed with SIGKILL ([`child`] binds each process to its parent first).
//! - The alert rules are written once, as data; both labs' alerting is derived from that.
//! - The embedded ledger and alerting answer what gameday uses, exactly as the real programs do,
//!   and refuse everything else in so many words.
//! - What the ledger has answered outlives its process: it is on disk before it is told ([`start_again`]).

mod error;
mod kind;

mod exports;
mod handle;
mod state;
mod supervisor;

mod accept;
mod exec;
mod http;
mod log;
mod parent;
mod ports;
mod programs;
mod role;

mod rules;
mod statements;

mod alerting;
mod api;
mod cache;
mod dns;
mod ledger;
mod load;
mod psp;
mod resp;

/// Requests a second that a lab's users make unless told otherwise.
pub const DEFAULT_RPS: u32 = 75;
/// The most that may be asked for.
pub const MOST_RPS: u32 = 20_000;

pub use error::LabError;
pub use exports::LabExports;
pub use handle::Lab;
pub use kind::{LabChoice, LabKind};
pub use programs::choose;
pub use role::child;
pub use state::{StoppedLab, down};
pub use supervisor::{start_again, up};
