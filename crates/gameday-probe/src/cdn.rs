//! What the edges of a CDN say of what they serve: from their cache or not, how old, from where.
//!
//! ```text
//!  headers ──► cache::said ──► HIT, MISS …      (RFC 9211, and the vendors' words)
//!          ──► Freshness   ──► age, lifetime, why stale (RFC 9111, RFC 5861, RFC 9213)
//!          ──► pop         ──► which of the CDN's places answered
//! ```

mod cache;
mod freshness;
mod members;
mod pop;
#[cfg(test)]
mod tests;

pub(crate) use cache::{Cache, said};
pub(crate) use freshness::Freshness;
pub(crate) use pop::pop;
