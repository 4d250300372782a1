//! Follows the prober of another region: what it says of itself, what it saw, and how far its clock is from ours.
//!
//! ```text
//!   Peer ──► Remote ── GET /v1/region, each second ───────► Told::Region { answer, clock }   or Told::Trouble
//!                   ── GET /v1/probes, when they changed ─► Told::Probes
//!                   ── GET /journal?from=…&wait=… ────────► Told::Seen                       or Told::Gap
//! ```
//!
//! What comes is another machine's word: every answer has a cap and a deadline, every line is read strictly, and
//! only looks of the region that is meant are passed on. Its times are still its own.

mod answer;
mod follower;
mod peer;
mod remote;
#[cfg(test)]
mod tests;

pub use answer::{ControlAnswer, NoticeAnswer, NoticeStage, ProbeAnswer, RegionAnswer};
pub use follower::{RemoteLook, Seen, Told, follow};
pub use peer::Peer;
pub use remote::Remote;

/// How often a region is asked for what it says of itself.
pub const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(1);
