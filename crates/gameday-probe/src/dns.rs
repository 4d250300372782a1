//! Questions to name servers, one at a time: nothing is asked again behind our back, so what is lost is seen.

pub(crate) mod ask;
mod chain;
pub(crate) mod server;
pub(crate) mod signatures;
#[cfg(test)]
mod tests;
mod wire;
pub(crate) mod zone;

pub(crate) use ask::{Asked, Question, Reply};
pub(crate) use chain::is_internet;
pub(crate) use server::Server;
pub(crate) use zone::Authorities;
