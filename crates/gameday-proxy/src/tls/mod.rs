//! TLS in the proxy: terminated, originated, or made to fail.

mod fault;
mod options;

pub use fault::TlsFault;
pub use options::TlsOptions;
