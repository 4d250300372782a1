//! What is done to Redis commands and their answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to Redis commands and their answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisFault {}

impl fmt::Display for RedisFault {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
