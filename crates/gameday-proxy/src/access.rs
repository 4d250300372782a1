//! Who may use the API, beside programs on this machine.

use gameday_core::Secret;

/// Who may use the API; the default is every program on this machine, and nobody else.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What every request must carry as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Whether the API may be reached from elsewhere without a token.
    pub insecure: bool,
    /// Names that the `Host` header may have, beside loopback and the address that is listened on.
    pub hosts: Vec<String>,
}
