//! What a proxy of datagrams can be told.

use std::time::Duration;

use gameday_core::Span;
use serde::{Deserialize, Serialize};

/// How a proxy of datagrams keeps its clients' sessions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UdpOptions {
    /// A client's session ends when nothing was sent in either direction for so long.
    pub idle: Span,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            idle: Span::from_value(Duration::from_secs(30)),
        }
    }
}

impl UdpOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let day = Duration::from_secs(86_400);
        if self.idle.get() < Duration::from_millis(10) || self.idle.get() > day {
            return Err("`udp.idle` must be from 10ms to 24h".to_owned());
        }
        Ok(())
    }
}
