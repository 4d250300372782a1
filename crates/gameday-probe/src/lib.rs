//! Looks at a service as its users would: flows of HTTP steps from `probes/*.toml`, on an open-loop schedule.
//!
//! ```text
//!   probes/checkout.toml ──► ProbePlan ──build──► Probe ──schedule──► Tick::Done { observation }
//!        (typed)            (checked)           (runs)              Tick::Missed { count }
//!
//!   one step:  resolve ─ connect ─ tls ─ send ─ wait ─ transfer ─► expect ─► save
//! ```
//!
//! Invariants:
//! - A probe cannot fail. It says up, down or unknown; unknown means *we* could not look. A step over
//!   its `slo` is up and slow.
//! - Each request has a connection of its own, and its phases are consecutive stamps of one clock:
//!   they add up to the request's total exactly.
//! - A slow probe never delays the next one; a tick that could not run is counted as missed.
//! - No secret and no `redact`ed value is ever in a message or in `Debug` output.

mod alarm;
mod assertion;
pub mod blackbox;
mod build;
mod cdn;
mod credentials;
mod dns;
mod duration;
mod error;
mod evidence;
mod file;
mod flow;
mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod import;
mod kind;
mod net;
mod observation;
mod plan;
mod quorum;
mod response;
mod schedule;
mod session;
mod step;
mod template;
mod tls;
mod values;

pub use build::{Built, BuiltCheck, build};
pub use error::BuildError;
pub use evidence::{Evidence, Exhibit};
pub use follow::{
    ControlAnswer, HEARTBEAT, NoticeAnswer, NoticeStage, Peer, ProbeAnswer, RegionAnswer, Remote, RemoteLook,
    Seen, Told, follow,
};
pub use kind::is_probe;
pub use net::Connector;
pub use observation::{Observation, Probe, Reading};
pub use plan::{FileSlo, ProbePlan};
pub use quorum::{
    Control, Exclusion, Facts, Look, MAX_REGIONS, OtherBuild, Quorum, Rules, Standings, Threshold, Verdict,
    Vote, Watched, Word,
};
pub use schedule::{MAX_IN_FLIGHT, Scheduled, Tick, schedule, schedule_changing, schedule_on_lanes};

/// Where secrets come from: the caller hands it in, nothing here reads the process's own.
pub type Environment = std::collections::BTreeMap<String, String>;
