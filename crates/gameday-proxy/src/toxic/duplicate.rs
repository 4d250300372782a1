//! Sends datagrams twice.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Sends datagrams twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {}

impl fmt::Display for Duplicate {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
