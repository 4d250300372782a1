//! Runs a plan: steady state, faults, guards, rollback.
//!
//! ```text
//!   scenario.toml ──► Plan ──► Drill (pure: input in, actions out) ◄──► runner (all I/O) ──► journal
//!                                                                        │    │    │
//!                                                                    probes faults alerts
//! ```
//!
//! Invariants: the engine is synchronous and pure. A fault is on disk before it is injected, has a
//! lease that somebody else watches, and may be removed twice. The runner never hosts a data path:
//! killing it cuts nothing.

mod cgroup;
mod deed;
mod engine;
mod fault;
mod forecast;
mod heal;
mod helper;
mod inbox;
mod network;
mod nft;
mod plan;
mod process;
mod region;
mod registry;
mod run;
mod runner;
mod said;
mod scenario;
mod window;

pub use deed::{
    Allowance, Burn, CommandLine, CommandPair, Deed, EndSignal, Fill, Hook, Kill, Limit, LosePackets, Pause,
    Place, Request, Text, UnitAction, UnitDeed, Whose,
};
pub use engine::{Action, Answer, Drill, GateAsk, GateLook, Input};
pub use fault::{Effect, Fault, FaultError, HeldFault, ToxicFault, Undo};
pub use forecast::{Forecast, forecast};
pub use heal::{Healed, HealedState, heal};
pub use helper::{bound, hold};
pub use inbox::{Unheard, say};
pub use network::{BadPeer, Loss, Peer, Transport};
pub use nft::{check as check_rules, tables as network_tables};
pub use plan::{
    AbortIf, During, Entry, Expectation, FaultKind, Guard, Observe, Plan, Point, Pressure, ScenarioProbe,
    Steady, SteadyKind, Target,
};
pub use plan::{After, AlertMoment, Cue, OnlyIf, Otherwise};
pub use registry::{Claim, ClaimError, OpenDrill, Registry};
pub use run::Run;
pub use runner::{Check, RunError, preflight, run};
pub use said::{Said, Word};
pub use scenario::{Given, LAB_VARIABLES};
