//! Datagrams through the proxy: a session for each client, and what toxics do to each datagram.
//!
//! ```text
//!  client ─► Hatch ─► sessions ─► session ─┬─► Datagrams (stages ► queue) ─► its own upstream socket
//!    ▲                                     └─◄ Datagrams (stages ► queue) ◄────────────┘
//!    └──────────────── Hatch ◄─────────────┘
//! ```
//!
//! Every datagram is counted: what was received, and copies made of it, was sent, dropped, or is still queued.

mod flow;
mod hatch;
mod options;
mod session;
mod sessions;
#[cfg(test)]
mod sim;
mod stage;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use hatch::Hatch;
pub use options::UdpOptions;
pub(crate) use sessions::serve;
pub(crate) use tally::Tally;
pub use tally::{DatagramCounts, DatagramDirections};
