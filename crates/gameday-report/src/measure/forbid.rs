//! Alerts that must not come: which of them came.

use std::collections::BTreeMap;

use gameday_core::{EventKind, ForbidRecord};
use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::mark::Moment;
use super::timeline::Timeline;

/// Whether alerts stayed away that must not come.
#[derive(Debug, Clone, Serialize)]
pub struct ForbidReport {
    /// Its key in the scenario.
    pub label: String,
    /// Prometheus' matchers, as written.
    pub matchers: String,
    /// `passed`, `forbidden`, or `unknown` when it cannot be said.
    pub verdict: AlertVerdict,
    /// The verdict in a sentence.
    pub detail: String,
    /// Those that came.
    pub alerts: Vec<ForbiddenAlert>,
}

/// A forbidden alert that came.
#[derive(Debug, Clone, Serialize)]
pub struct ForbiddenAlert {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it was seen firing.
    pub seen_at: Moment,
    /// Who showed it.
    pub source: String,
}

/// Every entry of `[forbid]`.
pub(super) fn read(timeline: &Timeline<'_>) -> Vec<ForbidReport> {
    let forbid = timeline.started.plan.forbid.iter();
    forbid.map(|record| judge(timeline, record)).collect()
}

fn judge(timeline: &Timeline<'_>, record: &ForbidRecord) -> ForbidReport {
    let came = |event: &gameday_core::Event| match &event.kind {
        EventKind::Forbidden {
            forbid,
            alert,
            labels,
            source,
        } if *forbid == record.label => Some(ForbiddenAlert {
            name: alert.clone(),
            labels: labels.clone(),
            seen_at: Moment::new(event.time),
            source: source.to_string(),
        }),
        _ => None,
    };
    let alerts: Vec<ForbiddenAlert> = timeline.events.iter().filter_map(came).collect();
    // Who could not look has not seen that nothing came.
    let (verdict, detail) = match (alerts.first(), timeline.losses().first()) {
        (Some(first), _) => (
            AlertVerdict::Forbidden,
            format!("the alert `{}` fired", first.name),
        ),
        (None, Some(lost)) => (
            AlertVerdict::Unknown,
            format!("{} was lost: {}", lost.source, lost.error),
        ),
        (None, None) if timeline.first_ordered().is_none() => {
            (AlertVerdict::Unknown, "nothing was touched".to_owned())
        }
        (None, None) => (AlertVerdict::Passed, "no such alert fired".to_owned()),
    };
    ForbidReport {
        label: record.label.clone(),
        matchers: record.alert.clone(),
        verdict,
        detail,
        alerts,
    }
}
