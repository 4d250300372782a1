//! Certificates and handshakes as they are, whether or not they are trusted.
//!
//! ```text
//!  handshake, whatever is shown ──► chain ──► Trust::judge ──► every fault, the gravest first
//!                                 staple ──► ocsp::read
//!  hand-made ClientHello ─────────────────► what else the server would speak
//! ```

pub(crate) mod chain;
pub(crate) mod hello;
pub(crate) mod inspect;
pub(crate) mod ocsp;
mod path;
#[cfg(test)]
mod tests;
pub(crate) mod trust;

pub(crate) use chain::Certificate;
pub(crate) use trust::Trust;
