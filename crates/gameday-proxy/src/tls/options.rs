//! What a proxy does about TLS on either side.

use serde::{Deserialize, Serialize};

/// TLS towards clients and towards the upstream; the default is none, bytes pass as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {}

impl TlsOptions {
    /// Whether bytes pass as they are.
    #[must_use]
    pub fn is_off(&self) -> bool {
        true
    }
}
