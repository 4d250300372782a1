//! What is done to PostgreSQL statements and their results.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to PostgreSQL statements and their results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresFault {}

impl fmt::Display for PostgresFault {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
