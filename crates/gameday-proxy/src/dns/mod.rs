//! DNS through the proxy (RFC 1035, RFC 6891): over UDP datagram by datagram, over TCP message by message.
//!
//! A fault that answers (or loses) a query does so before the upstream sees it; one that changes or delays answers
//! acts on what the upstream said.

mod fault;
mod messages;
mod stream;
#[cfg(test)]
mod tests;

pub use fault::{DnsFault, Rcode};
pub(crate) use messages::{Asked, Messages};
pub(crate) use stream::carry;
