//! Holds datagrams back, so that later ones overtake them.

use std::fmt;
use std::time::Duration;

use gameday_core::{Ratio, Span};
use serde::{Deserialize, Serialize};

/// Holds a `share` of datagrams back for a `delay`; the others pass them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorder {
    /// The share of datagrams.
    pub share: Ratio,
    /// How long each is held back.
    #[serde(default = "a_while")]
    pub delay: Span,
}

fn a_while() -> Span {
    Span::from_value(Duration::from_millis(10))
}

impl Reorder {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.delay.get().is_zero() {
            return Err((
                "delay",
                "it must be more than zero: nothing would be overtaken".to_owned(),
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of datagrams held back for {}", self.share, self.delay)
    }
}
