//! Flips bits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Flips bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrupt {}

impl fmt::Display for Corrupt {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
