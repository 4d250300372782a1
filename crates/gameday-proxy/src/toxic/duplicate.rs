//! Sends datagrams twice.

use std::fmt;

use gameday_core::Ratio;
use serde::{Deserialize, Serialize};

/// Sends a `share` of datagrams twice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    /// The share of datagrams.
    pub share: Ratio,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of datagrams", self.share)
    }
}
