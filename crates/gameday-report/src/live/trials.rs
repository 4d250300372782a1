//! Several trials of one drill: what each came to.

use serde::Serialize;

use super::alerts::{AlertLane, AlertStage};

/// A trial of several.
#[derive(Debug, Clone, Serialize)]
pub struct TrialRow {
    /// Its number, from 1.
    pub number: u32,
    /// When it began, in milliseconds after the begin of the drill.
    pub began_ms: i64,
    /// When it was over; none while it runs.
    pub ended_ms: Option<i64>,
    /// Each expected alert, once it is over.
    pub alerts: Vec<TrialAlert>,
}

/// How far an expected alert came in a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialAlert {
    /// Its key in the scenario.
    pub label: String,
    /// How far it came.
    pub stage: AlertStage,
    /// From the fault's effect to the notification.
    pub ttn_ms: Option<i64>,
    /// Whether it was notified within its limit; none where there is no limit, or no effect that it counts from.
    pub in_time: Option<bool>,
}

impl TrialRow {
    pub(super) fn new(number: u32, began_ms: i64) -> Self {
        Self {
            number,
            began_ms,
            ended_ms: None,
            alerts: Vec::new(),
        }
    }

    pub(super) fn end<'a>(&mut self, at_ms: i64, lanes: impl Iterator<Item = &'a AlertLane>) {
        self.ended_ms = Some(at_ms);
        self.alerts = lanes.filter(|lane| lane.expected).map(TrialAlert::new).collect();
    }
}

impl TrialAlert {
    fn new(lane: &AlertLane) -> Self {
        Self {
            label: lane.label.clone(),
            stage: lane.stage,
            ttn_ms: lane.ttn_ms,
            in_time: lane
                .limit_ms
                .map(|limit| lane.notified.is_some_and(|at| at <= limit)),
        }
    }
}

impl std::fmt::Display for TrialAlert {
    /// `Slow: notified after 8.1 s`, `Slow: pending only`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.label)?;
        match (self.stage, self.ttn_ms) {
            (AlertStage::Inactive, _) => f.write_str("never came"),
            (AlertStage::Pending, _) => f.write_str("pending only"),
            (AlertStage::Firing, _) => f.write_str("fired, not notified"),
            (_, Some(ms)) => write!(f, "notified after {}", crate::words::span(ms)),
            (_, None) => f.write_str("notified"),
        }?;
        match self.in_time {
            Some(false) if self.ttn_ms.is_some() => f.write_str(", late"),
            _ => Ok(()),
        }
    }
}
