//! The sockets: accepting, dialling, and carrying bytes as the links say.

mod buffers;
mod connection;
mod direction;
mod door;
mod loss;
mod pass;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toxic_tests;

pub(crate) use buffers::{Buffers, Lent};
pub(crate) use connection::{Ended, Route};
pub(crate) use door::{Door, Open, accept_loop};
pub(crate) use loss::{Sockets, allowed as may_lose_packets, keep as keep_loss};
pub(crate) use pass::changed;

/// Whether this process may lose packets of TCP on its own sockets.
///
/// # Errors
/// Why not, and the remedy.
pub fn packet_loss_allowed() -> Result<(), String> {
    may_lose_packets()
}
