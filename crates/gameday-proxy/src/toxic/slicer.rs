//! Cuts data into small pieces.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Cuts data into small pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slicer {}

impl fmt::Display for Slicer {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
