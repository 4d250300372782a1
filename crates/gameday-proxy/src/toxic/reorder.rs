//! Lets later datagrams overtake earlier ones.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Lets later datagrams overtake earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorder {}

impl fmt::Display for Reorder {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
