//! The fault proxy: TCP with toxics, leases on every fault, and Toxiproxy's API.
//!
//! ```text
//!  client ─► Door ─► connection ─┬─► Direction: Link (chain of toxics ► queue, cuts) ─► upstream
//!                                └─◄ Direction: Link ◄────────────────────────────────┘
//!                                        ▲ watch channel: "the toxics are these now"
//!  API ─► Control (one short lock): proxies, toxics, leases ─┘
//! ```
//!
//! Invariants, each held by tests:
//! - A toxic has no clock and no socket: it maps timed chunks to timed steps. Only the link waits, buffers,
//!   closes and resets; it is a state machine that the tests drive on simulated time.
//! - The link keeps order: it clamps due times. When the chain changes, what is queued leaves at once and in
//!   order. What a toxic planned for the connection (a reset, a close) stays planned as long as that toxic does.
//! - Every queue has a bound: a direction holds at most 1,024 chunks or 4 MiB (plus one read of 32 KiB), then
//!   its source is no longer read.
//! - Connections have a bound over all proxies that leaves descriptors for the API and for undoing faults.
//! - The control plane never waits for the data plane: no request can hang because of a stuck connection.
//! - Without toxics the proxy is invisible: half-close, FIN and RST are passed on as they came.
//! - What is looked into (TLS, a protocol) meets the same links: a session's toxics act beside its protocol, whatever
//!   that waits for.
//! - Every fault under a lease ends by itself when the lease is not renewed, on the monotonic clock.
//! - Chance is a pure function of the proxy's name, the connection's number and the toxic.
//!
//! Start at [`serve`], or at [`ProxyClient`] for the other side.

mod access;
mod address;
mod api;
mod attached;
mod client;
mod config;
mod control;
mod datagram;
mod delays;
mod descriptors;
mod dice;
mod dns;
mod events;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod json;
mod link;
mod log;
mod model;
mod options;
mod pattern;
mod postgres;
mod redis;
mod refusal;
mod rolls;
mod scope;
mod server;
mod session;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timer;
mod tls;
mod toxic;
mod wire;
mod workers;

pub use access::Access;
pub use api::{Guard, Turned};
pub use attached::Stream;
pub use client::{ClientError, ProxyClient};
pub use config::{ProxyConfig, ProxyEntry, ToxicEntry, load_config};
pub use datagram::{DatagramCounts, DatagramDirections, UdpOptions};
pub use dns::{DnsFault, Rcode};
pub use events::{ProxyEvent, ProxyEventKind, ToxicMoment};
pub use http::{Abort, HttpFault, RstCode};
pub use log::Log;
pub use model::{
    ByteCounts, ConnectionCounts, Fault, FaultState, Lease, LeaseList, NewFault, NewNamedToxic, ProxyDetail,
    ProxyInfo, ProxyList, ToxicDetail, ToxicInfo, ToxicList, ToxicOrder,
};
pub use options::{Options, Protocol};
pub use pattern::Pattern;
pub use postgres::PostgresFault;
pub use redis::RedisFault;
pub use scope::Scope;
pub use server::{Reload, ServeError, Settings, serve};
pub use tls::{Alert, CertificateFault, Originate, Terminate, TlsFault, TlsOptions};
pub use toxic::{
    Accept, AcceptMode, Anchor, BadToxic, Bandwidth, Burst, Chunk, Corrupt, Distribution, Duplicate, Latency,
    LimitData, LimitTime, Noop, PacketLoss, Reorder, ResetPeer, Slicer, SlowClose, Step, Timeout, Toxic,
    ToxicSpec,
};
pub use wire::packet_loss_allowed;
