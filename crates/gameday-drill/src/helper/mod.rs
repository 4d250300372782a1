//! Helpers: small children of the runner that hold a fault in place, each a dead man's switch.

mod network;
mod pause;
mod vigil;

pub use network::network;
pub use pause::pause;
