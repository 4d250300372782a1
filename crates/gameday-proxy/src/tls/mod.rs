//! TLS in the proxy: terminated, originated, or made to fail.

mod authority;
mod fault;
mod files;
pub(crate) mod hello;
mod insecure;
mod layer;
mod options;
#[cfg(test)]
mod tests;

pub(crate) use authority::Authority;
pub use fault::{Alert, CertificateFault, TlsFault};
pub use options::{Originate, Terminate, TlsOptions};
