//! What becomes of clients that come: refused, left hanging, or accepted late.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of clients that come: refused, left hanging, or accepted late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {}

impl fmt::Display for Accept {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
