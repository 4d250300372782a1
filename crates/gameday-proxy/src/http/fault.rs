//! What is done to HTTP requests and responses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to HTTP requests and responses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpFault {}

impl fmt::Display for HttpFault {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
