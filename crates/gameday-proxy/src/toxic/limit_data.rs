//! Closes the connection once so many bytes have passed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Closes the connection once so many bytes have passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitData {}

impl fmt::Display for LimitData {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
