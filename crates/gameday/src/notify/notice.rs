//! What a receiver is told of one alert.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_alert::Severity;
use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::slo::spoken;

/// An alert that fires, or is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// The same for as long as it is the same alert: what receivers tell repetitions by.
    pub(crate) key: String,
    pub(crate) severity: Severity,
    /// Which alert it is.
    pub(crate) labels: BTreeMap<String, String>,
    /// In a line.
    pub(crate) summary: String,
    /// In numbers.
    pub(crate) description: String,
    pub(crate) runbook: Option<String>,
    pub(crate) starts_at: Timestamp,
    /// None while it fires.
    pub(crate) ends_at: Option<Timestamp>,
}

impl Notice {
    /// `firing` or `resolved`.
    pub(crate) fn status(&self) -> &'static str {
        if self.ends_at.is_some() {
            "resolved"
        } else {
            "firing"
        }
    }

    /// The same alert, over.
    pub(crate) fn over(&self, ends_at: Timestamp) -> Self {
        let lasted = ends_at.micros_since(self.starts_at);
        let lasted = Duration::from_micros(u64::try_from(lasted).unwrap_or_default());
        Self {
            ends_at: Some(ends_at),
            description: format!(
                "Over after {}. When it began: {}",
                spoken(lasted),
                self.description
            ),
            ..self.clone()
        }
    }

    /// A label, or nothing.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}
