//! Loses packets.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Loses packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketLoss {}

impl fmt::Display for PacketLoss {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
