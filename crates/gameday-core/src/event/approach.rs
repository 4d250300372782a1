//! How near a rule came to firing that did not fire.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How near an expected alert's rule came while its fault was in place and after it, evaluated again over the series
/// that Prometheus had stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Approach {
    /// The expectation's key in the scenario.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// Each way in which the rule becomes true: comparisons with numbers that must hold together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Vec<Nearest>>,
    /// What the fault did to requests, when the rule counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestsSeen>,
    /// Why it cannot be said how near it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Where a comparison with a number came nearest to being true, or was so most clearly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// What is compared, as it stands in the rule.
    pub expr: String,
    /// How: `>`, `>=`, `<`, `<=`, `==` or `!=`.
    pub op: String,
    /// With what.
    pub limit: f64,
    /// The nearest value; none when there was no number at any evaluation.
    pub value: Option<f64>,
    /// The evaluation that found it, on Prometheus' clock.
    pub at: Option<Timestamp>,
    /// At how many evaluations it held.
    pub held: u64,
}

/// What a prediction took a fault to do to requests, and what it did, by the rule's own counters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RequestsSeen {
    /// The share of them that was taken to be bad, 0 to 1.
    pub assumed_bad: f64,
    /// The share that was bad; none when none were counted.
    pub bad: Option<f64>,
    /// How many there were taken to be for each one before.
    pub assumed_traffic: f64,
    /// How many there were; none when that cannot be said.
    pub traffic: Option<f64>,
}
