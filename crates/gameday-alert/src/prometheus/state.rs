//! Reads what Prometheus says of itself, its rules, its alerts and its targets.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState, RuleSeen, SourceName, Span, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Rule, RuleState, Target};
use crate::Alert;
use crate::error::{Unreadable, one_line, unknown_state};
use crate::lenient::{millis, moment, or_default};

/// Every answer of the API is in one of these.
#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    #[serde(default)]
    error: Option<String>,
    data: Option<T>,
}

/// Takes an answer's data out of its envelope.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    let envelope: Envelope<T> = serde_json::from_slice(body)?;
    match envelope.data {
        Some(data) if envelope.status == "success" => Ok(data),
        _ => Err(Unreadable(format!(
            "status `{}`: {}",
            one_line(&envelope.status),
            one_line(envelope.error.as_deref().unwrap_or("no data"))
        ))),
    }
}

pub(super) fn version(body: &[u8]) -> Result<String, Unreadable> {
    #[derive(Deserialize)]
    struct BuildInfo {
        version: String,
    }
    data::<BuildInfo>(body).map(|info| one_line(&info.version))
}

pub(super) fn start_time(body: &[u8]) -> Result<Option<Timestamp>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RuntimeInfo {
        #[serde(default, deserialize_with = "moment")]
        start_time: Option<Timestamp>,
    }
    data::<RuntimeInfo>(body).map(|info| info.start_time)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    state: String,
    #[serde(default, deserialize_with = "moment")]
    active_at: Option<Timestamp>,
}

/// The alerts of `/api/v1/alerts`.
pub(super) fn alerts(body: &[u8], source: &SourceName) -> Result<Vec<Alert>, Unreadable> {
    #[derive(Deserialize)]
    struct Alerts {
        #[serde(deserialize_with = "or_default")]
        alerts: Vec<WireAlert>,
    }
    listed(data::<Alerts>(body)?.alerts, source)
}

fn listed(alerts: Vec<WireAlert>, source: &SourceName) -> Result<Vec<Alert>, Unreadable> {
    let mut listed = Vec::with_capacity(alerts.len());
    for wire in alerts {
        let state = match wire.state.as_str() {
            "pending" => AlertState::Pending,
            "firing" => AlertState::Firing,
            // Not listed at all by Prometheus; listed by some that speak its API.
            "inactive" => continue,
            // To leave it out would say that it is gone, to guess would invent a state.
            other => return Err(unknown_state(other)),
        };
        let alert = wire.labels.get("alertname").cloned().unwrap_or_default();
        listed.extend(Alert::new(AlertSeen {
            source: source.clone(),
            alert,
            labels: wire.labels,
            annotations: wire.annotations,
            state,
            fingerprint: None,
            active_at: wire.active_at,
            starts_at: None,
            updated_at: None,
            receivers: Vec::new(),
            suppressed_by: Vec::new(),
        }));
    }
    Ok(listed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    file: String,
    interval: f64,
    #[serde(default, deserialize_with = "or_default")]
    rules: Vec<WireRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRule {
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    state: String,
    #[serde(default, deserialize_with = "or_default")]
    query: String,
    duration: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    keep_firing_for: f64,
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    alerts: Vec<WireAlert>,
    #[serde(default, deserialize_with = "or_default")]
    health: String,
    #[serde(default, deserialize_with = "or_default")]
    last_error: String,
    #[serde(default, deserialize_with = "moment")]
    last_evaluation: Option<Timestamp>,
}

/// The alert rules of `/api/v1/rules`.
pub(super) fn rules(body: &[u8], source: &SourceName) -> Result<Vec<Rule>, Unreadable> {
    #[derive(Deserialize)]
    struct Groups {
        #[serde(deserialize_with = "or_default")]
        groups: Vec<WireGroup>,
    }
    let mut rules = Vec::new();
    for mut group in data::<Groups>(body)?.groups {
        for wire in std::mem::take(&mut group.rules) {
            // Asked for alert rules only; some do not know that question.
            if wire.kind != "recording" {
                rules.push(rule(wire, &group, source)?);
            }
        }
    }
    Ok(rules)
}

fn rule(wire: WireRule, group: &WireGroup, source: &SourceName) -> Result<Rule, Unreadable> {
    let length = |what: &str, seconds: Option<f64>| {
        seconds.and_then(millis).ok_or_else(|| {
            Unreadable(format!(
                "the {what} of the rule `{}` is no length of time",
                one_line(&wire.name)
            ))
        })
    };
    let interval_ms = length("interval", Some(group.interval))?;
    let for_ms = length("duration", wire.duration)?;
    let keep_firing_ms = length("keepFiringFor", Some(wire.keep_firing_for))?;
    Ok(Rule {
        group: group.name.clone(),
        file: group.file.clone(),
        state: match wire.state.as_str() {
            "inactive" => RuleState::Inactive,
            "pending" => RuleState::Pending,
            "firing" => RuleState::Firing,
            _ => RuleState::Unknown,
        },
        seen: RuleSeen {
            alert: wire.name,
            query: wire.query,
            interval_ms,
            for_ms,
            labels: wire.labels,
            annotations: wire.annotations,
        },
        health: wire.health,
        last_error: said(wire.last_error),
        last_evaluation: wire.last_evaluation,
        keep_firing_ms,
        alerts: listed(wire.alerts, source)?,
    })
}

/// The targets of `/api/v1/targets`.
pub(super) fn targets(body: &[u8]) -> Result<Vec<Target>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Targets {
        #[serde(deserialize_with = "or_default")]
        active_targets: Vec<WireTarget>,
    }
    let targets = data::<Targets>(body)?.active_targets;
    Ok(targets.into_iter().map(target).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTarget {
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    health: String,
    #[serde(default, deserialize_with = "or_default")]
    last_error: String,
    #[serde(default, deserialize_with = "moment")]
    last_scrape: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    scrape_interval: String,
    #[serde(default, deserialize_with = "or_default")]
    scrape_timeout: String,
}

fn target(wire: WireTarget) -> Target {
    let label = |name: &str| wire.labels.get(name).cloned().unwrap_or_default();
    Target {
        job: label("job"),
        instance: label("instance"),
        labels: wire.labels,
        health: wire.health,
        last_error: said(wire.last_error),
        last_scrape: wire.last_scrape,
        scrape_interval_ms: span_ms(&wire.scrape_interval),
        scrape_timeout_ms: span_ms(&wire.scrape_timeout),
    }
}

/// Prometheus writes lengths as we do: `15s`, `1m30s`.
fn span_ms(text: &str) -> Option<u64> {
    let span = text.parse::<Span>().ok()?;
    u64::try_from(span.get().as_millis()).ok()
}

fn said(text: String) -> Option<String> {
    (!text.is_empty()).then(|| one_line(&text))
}

#[cfg(test)]
mod tests;
