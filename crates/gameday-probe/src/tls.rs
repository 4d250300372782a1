//! Certificates and handshakes as they are, whether or not they are trusted.
//!
//! ```text
//!  handshake, whatever is shown ──► chain ──► Trust::judge ──► every fault, the gravest first
//!                                 staple ──► ocsp::read
//!  hand-made ClientHellos ──► survey ──► what else the server would speak, and its chain up to TLS 1.2
//! ```

pub(crate) mod chain;
mod ciphers;
pub(crate) mod flight;
pub(crate) mod hello;
pub(crate) mod inspect;
mod limits;
pub(crate) mod ocsp;
mod path;
mod roots;
pub(crate) mod survey;
#[cfg(test)]
mod tests;
pub(crate) mod trust;
mod words;

pub(crate) use chain::Certificate;
pub(crate) use limits::has_weak_key;
pub(crate) use trust::Trust;
pub(crate) use words::{handshake_words, is_alert};
