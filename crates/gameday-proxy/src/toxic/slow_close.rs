//! Delays the end of a stream.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Delays the end of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowClose {}

impl fmt::Display for SlowClose {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
