//! DNS through the proxy, over UDP and TCP.

mod fault;

pub use fault::DnsFault;
