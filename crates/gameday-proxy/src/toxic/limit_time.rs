//! Closes the connection after a time, although data flows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Closes the connection after a time, although data flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTime {}

impl fmt::Display for LimitTime {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
