//! What is done to a TLS handshake.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to a TLS handshake.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFault {}

impl fmt::Display for TlsFault {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
