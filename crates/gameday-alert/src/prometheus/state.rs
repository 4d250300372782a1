//! Reads what Prometheus says of itself, its rules, its alerts and its targets.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::{AlertSeen, AlertState, RuleSeen, SourceName, Span, Timestamp, redact_url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{GroupRule, Recording, Rule, RuleGroup, RuleState, Settings, Target};
use crate::error::{Unreadable, one_line, unknown_state};
use crate::lenient::{millis, moment, or_default};
use crate::{Alert, promql, yaml};

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
    #[serde(default, deserialize_with = "moment")]
    keep_firing_since: Option<Timestamp>,
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
            keep_firing_since: wire.keep_firing_since,
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
    evaluation_time: f64,
    #[serde(default, deserialize_with = "moment")]
    last_evaluation: Option<Timestamp>,
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

/// A page of the groups of `/api/v1/rules`, with rules of both kinds in the order in which they are evaluated, and what
/// to ask the next page with if there is one.
pub(super) fn page(body: &[u8], source: &SourceName) -> Result<(Vec<RuleGroup>, Option<String>), Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Groups {
        #[serde(deserialize_with = "or_default")]
        groups: Vec<WireGroup>,
        #[serde(default, deserialize_with = "or_default")]
        group_next_token: String,
    }
    let Groups {
        groups,
        group_next_token: next,
    } = data::<Groups>(body)?;
    let groups: Result<Vec<RuleGroup>, Unreadable> =
        groups.into_iter().map(|wire| group(wire, source)).collect();
    Ok((groups?, Some(next).filter(|next| !next.is_empty())))
}

fn group(mut wire: WireGroup, source: &SourceName) -> Result<RuleGroup, Unreadable> {
    let rules = std::mem::take(&mut wire.rules)
        .into_iter()
        .map(|rule| match rule.kind.as_str() {
            "recording" => Ok(GroupRule::Recording(Recording {
                name: rule.name,
                query: rule.query,
                labels: rule.labels,
            })),
            _ => alert_rule(rule, &wire, source).map(|rule| GroupRule::Alert(Box::new(rule))),
        })
        .collect::<Result<_, _>>()?;
    Ok(RuleGroup {
        rules,
        interval_ms: length(&wire.name, "interval", Some(wire.interval))?,
        evaluation_us: Duration::try_from_secs_f64(wire.evaluation_time)
            .ok()
            .and_then(|took| i64::try_from(took.as_micros()).ok())
            .unwrap_or(0),
        last_evaluation: wire.last_evaluation,
        name: wire.name,
        file: wire.file,
    })
}

fn length(of: &str, what: &str, seconds: Option<f64>) -> Result<u64, Unreadable> {
    seconds.and_then(millis).ok_or_else(|| {
        Unreadable(format!(
            "the {what} of the rule `{}` is no length of time",
            one_line(of)
        ))
    })
}

fn alert_rule(wire: WireRule, group: &WireGroup, source: &SourceName) -> Result<Rule, Unreadable> {
    let interval_ms = length(&wire.name, "interval", Some(group.interval))?;
    let for_ms = length(&wire.name, "duration", wire.duration)?;
    let keep_firing_ms = length(&wire.name, "keepFiringFor", Some(wire.keep_firing_for))?;
    Ok(Rule {
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
            group: group.name.clone(),
            file: group.file.clone(),
            keep_firing_ms,
        },
        health: wire.health,
        last_error: said(wire.last_error),
        last_evaluation: wire.last_evaluation,
        alerts: listed(wire.alerts, source)?,
    })
}

/// What `/api/v1/status/config` says of all rules and alerts.
pub(super) fn settings(body: &[u8]) -> Result<Settings, Unreadable> {
    #[derive(Deserialize)]
    struct Config {
        yaml: String,
    }
    let config = data::<Config>(body)?;
    let yaml = yaml::read(&config.yaml)?;
    let global = yaml::get(&yaml, "global");
    let offset = global.and_then(|global| yaml::text_at(global, "rule_query_offset"));
    let relabels = |alerting| !yaml::list(alerting, "alert_relabel_configs").is_empty();
    Ok(Settings {
        left_open: false,
        query_offset_us: offset.and_then(|text| promql::length(&text)).unwrap_or(0),
        external_labels: global
            .map(|global| yaml::pairs(global, "external_labels").into_iter().collect())
            .unwrap_or_default(),
        relabels: yaml::get(&yaml, "alerting").is_some_and(relabels),
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
    scrape_url: String,
    #[serde(default, deserialize_with = "or_default")]
    last_scrape_duration: f64,
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
        scrape_took_us: Duration::try_from_secs_f64(wire.last_scrape_duration)
            .ok()
            .and_then(|took| i64::try_from(took.as_micros()).ok()),
        url: redact_url(&wire.scrape_url),
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
