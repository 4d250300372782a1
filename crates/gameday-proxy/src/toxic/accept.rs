//! What becomes of clients that come: refused, left hanging, or accepted late.

use std::fmt;

use gameday_core::Span;
use serde::{Deserialize, Serialize};

/// Acts on connections that begin while it is attached, before their upstream is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// What becomes of the client.
    pub mode: AcceptMode,
    /// How late; for `late` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
}

/// What becomes of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptMode {
    /// It is reset at once (an RST after the handshake, since the kernel has accepted it already; `down` refuses the handshake itself).
    Refuse,
    /// Nothing happens until the fault ends; then it is served.
    Hang,
    /// It is served after `delay`.
    Late,
}

impl Accept {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match (self.mode, self.delay) {
            (AcceptMode::Late, None) => Err(("delay", "`late` needs to know how late".to_owned())),
            (AcceptMode::Refuse | AcceptMode::Hang, Some(_)) => {
                Err(("delay", "it is for `late` only".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.mode, self.delay) {
            (AcceptMode::Refuse, _) => f.write_str("refuse"),
            (AcceptMode::Hang, _) => f.write_str("hang"),
            (AcceptMode::Late, delay) => write!(
                f,
                "{} late",
                delay.unwrap_or(Span::from_value(std::time::Duration::ZERO))
            ),
        }
    }
}
