//! What is done to DNS queries and answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to DNS queries and answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsFault {}

impl fmt::Display for DnsFault {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
