//! The sockets: accepting, dialling, and carrying bytes as the links say.

mod buffers;
mod connection;
mod diag;
mod dial;
mod direction;
mod door;
pub(crate) mod loss;
#[cfg(test)]
mod loss_tests;
mod pass;
#[cfg(test)]
mod scope_tests;
mod socket;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toxic_tests;
mod unix;

pub(crate) use buffers::{Buffers, Lent};
pub(crate) use connection::{Ended, Route};
pub(crate) use dial::dial;
pub(crate) use door::{Crew, Door, Open, accept_loop};
pub(crate) use pass::changed;
pub(crate) use socket::Socket;

/// Whether this process may lose packets of TCP on its own sockets.
///
/// # Errors
/// Why not, and the remedy.
pub fn packet_loss_allowed() -> Result<(), String> {
    loss::refusal().map_or(Ok(()), |why| Err(why.to_owned()))
}
