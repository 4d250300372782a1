//! What is expected of alerts, and what is forbidden.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_alert::Matcher;
use gameday_core::FaultName;

use super::{Required, RuleOf};

/// One alert that must come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its key.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// The fault it must tell of.
    pub of: FaultName,
    /// The scrape job that sees the fault first.
    pub job: Option<String>,
    /// Limit from T0e to firing.
    pub firing: Option<Duration>,
    /// Limit from T0e to the notification.
    pub notified: Option<Duration>,
    /// Limit from the removal to the resolved notice.
    pub resolved: Option<Duration>,
    /// Labels it must carry.
    pub labels: BTreeMap<String, String>,
    /// The receiver it must reach.
    pub receiver: Option<String>,
    /// Who knows its rule.
    pub source: RuleOf,
    /// It must never come.
    pub never: bool,
    /// What it must carry, by its own account and by `[observe]`'s.
    pub required: Required,
    /// What the fault is believed to do meanwhile, for the prediction.
    pub during: During,
    /// The share of the trials in which it must come in time, `[4, 5]` for `4 of 5`; all of them if none.
    pub detected: Option<[u32; 2]>,
}

/// What a fault is believed to do to the requests that an alert counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct During {
    /// The share of them that is bad, 0 to 1.
    pub bad: Option<f64>,
    /// How many there are, for each one before.
    pub traffic: Option<f64>,
    /// How long after the fault the first bad one is counted.
    pub lag: Option<Duration>,
}

impl Expectation {
    /// Whether an alert of this name with these labels is the one that is meant.
    #[must_use]
    pub fn is_about(&self, alert: &str, labels: &BTreeMap<String, String>) -> bool {
        self.alert == alert
            && self
                .labels
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The longest that its detection may take, after the fault took effect.
    #[must_use]
    pub fn detection_limit(&self) -> Option<Duration> {
        self.firing.max(self.notified)
    }
}

/// Alerts that must not come.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// Its key.
    pub label: String,
    /// As written.
    pub text: String,
    /// All of them must match.
    pub matchers: Vec<Matcher>,
}

impl Forbid {
    /// Whether an alert of this name with these labels is forbidden.
    #[must_use]
    pub fn is_about(&self, alert: &str, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|matcher| {
            let value = match matcher.label.as_str() {
                "alertname" => Some(alert),
                label => labels.get(label).map(String::as_str),
            };
            matcher.matches(value.unwrap_or_default())
        })
    }
}
