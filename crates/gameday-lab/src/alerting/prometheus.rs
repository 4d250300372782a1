//! Prometheus' HTTP API, as far as gameday reads it; the shapes were copied from Prometheus 2.42.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query as Params, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::evaluate::Evaluation;
use super::history::Points;
use super::payload::annotations;
use super::query::{self, Query};
use super::refusal::{refuse, refuse_path};
use super::rule_state::{Active, RuleState, alert_labels};
use super::{AlertingSettings, Pipeline};
use crate::rules::{self, GROUP, INTERVAL, JOB};

type Shared = State<Arc<Pipeline>>;
type Given = Params<Vec<(String, String)>>;

/// How far back a query without a range looks, as in Prometheus.
const LOOKBACK: Duration = Duration::from_secs(300);

/// All paths that are answered.
pub(super) fn router(pipeline: Arc<Pipeline>) -> Router {
    Router::new()
        .route("/-/ready", get(async || "Prometheus Server is Ready.\n"))
        .route("/api/v1/query", get(answer_query))
        .route("/api/v1/rules", get(list_rules))
        .route("/api/v1/alerts", get(list_alerts))
        .route("/api/v1/targets", get(list_targets))
        .route("/api/v1/alertmanagers", get(list_alertmanagers))
        .route("/api/v1/status/buildinfo", get(build_info))
        .route("/api/v1/status/runtimeinfo", get(runtime_info))
        .route("/api/v1/status/flags", get(flags))
        .route("/api/v1/status/config", get(config))
        .fallback(refuse_path)
        .with_state(pipeline)
}

async fn answer_query(State(pipeline): Shared, Params(given): Given) -> Response {
    let now = Timestamp::now();
    let [(name, text)] = given.as_slice() else {
        return refuse("a query with parameters other than `query`");
    };
    if name != "query" {
        return refuse(&format!("a query with the parameter `{name}`"));
    }
    match query::parse(text) {
        Some(Query::Time) => {
            let time = [
                json!(seconds(now.as_millisecond())),
                seconds(now.as_millisecond()).to_string().into(),
            ];
            success(json!({ "resultType": "scalar", "result": time }))
        }
        Some(Query::Select {
            name,
            matchers,
            range,
        }) if name == "up" || name == "ALERTS" => {
            let series = told_series(&pipeline.evaluation(), &name);
            let wanted = |labels: &Value| {
                matchers
                    .iter()
                    .all(|(name, value)| labels.get(name).and_then(Value::as_str).unwrap_or("") == value)
            };
            success(select(
                series.into_iter().filter(|(labels, _)| wanted(labels)),
                range,
                now,
            ))
        }
        _ => refuse(&format!("the query `{text}`")),
    }
}

/// The series that can be asked for by name, with all their labels.
fn told_series(evaluation: &Evaluation, name: &str) -> Vec<(Value, Points)> {
    if name == "up" {
        let labels =
            json!({ "__name__": "up", "instance": evaluation.target.address.to_string(), "job": JOB });
        return vec![(labels, evaluation.history.up.clone())];
    }
    let both = |state: &RuleState| {
        [("firing", &state.firing_ticks), ("pending", &state.pending_ticks)].map(|(word, points)| {
            let mut labels = json!(alert_labels(state.rule));
            labels["__name__"] = "ALERTS".into();
            labels["alertstate"] = word.into();
            (labels, points.clone())
        })
    };
    evaluation.rules.iter().flat_map(both).collect()
}

fn select(series: impl Iterator<Item = (Value, Points)>, range: Option<Duration>, now: Timestamp) -> Value {
    let now_ms = now.as_millisecond();
    let length_ms = |length: Duration| i64::try_from(length.as_millis()).expect("a day at most");
    let pair = |at_ms: i64, value: f64| json!([seconds(at_ms), value.to_string()]);
    let Some(range) = range else {
        let newest = |points: &Points| points.window(now_ms, length_ms(LOOKBACK)).last();
        // A series that was not written at the latest tick has ended, as a stale marker would say.
        let fresh = |at_ms: i64| now_ms - at_ms <= 2 * length_ms(INTERVAL);
        let result: Vec<Value> = series
            .filter_map(|(labels, points)| Some((labels, newest(&points)?)))
            .filter(|(labels, (at_ms, _))| labels["__name__"] == "up" || fresh(*at_ms))
            .map(|(labels, (_, value))| json!({ "metric": labels, "value": pair(now_ms, value) }))
            .collect();
        return json!({ "resultType": "vector", "result": result });
    };
    let result: Vec<Value> = series
        .filter_map(|(labels, points)| {
            let values: Vec<Value> = points
                .window(now_ms, length_ms(range))
                .map(|(at_ms, value)| pair(at_ms, value))
                .collect();
            (!values.is_empty()).then(|| json!({ "metric": labels, "values": values }))
        })
        .collect();
    json!({ "resultType": "matrix", "result": result })
}

async fn list_rules(State(pipeline): Shared, Params(given): Given) -> Response {
    let mut names = Vec::new();
    let mut recording_only = false;
    for (name, value) in &given {
        match (name.as_str(), value.as_str()) {
            // All groups are one page, as they are for every Prometheus before 3.
            ("type", "alert") | ("group_limit", _) => {}
            ("type", "record") => recording_only = true,
            ("rule_name[]", rule) => names.push(rule),
            _ => return refuse(&format!("rules filtered by `{name}={value}`")),
        }
    }
    let evaluation = pipeline.evaluation();
    let wanted =
        |state: &&RuleState| !recording_only && (names.is_empty() || names.contains(&state.rule.name));
    let rules: Vec<Value> = evaluation.rules.iter().filter(wanted).map(rule_json).collect();
    // A filter by name leaves out groups that have none of the rules.
    if rules.is_empty() && !names.is_empty() {
        return success(json!({ "groups": [] }));
    }
    let took: Duration = evaluation.rules.iter().map(|state| state.evaluation_took).sum();
    success(json!({ "groups": [{
        "name": GROUP, "file": "rules.yml", "rules": rules,
        "interval": INTERVAL.as_secs(), "limit": 0,
        "evaluationTime": took.as_secs_f64(), "lastEvaluation": time(evaluation.rules[0].last_evaluation),
    }] }))
}

fn rule_json(state: &RuleState) -> Value {
    json!({
        "state": state.word(), "name": state.rule.name, "query": state.rule.promql(),
        "duration": state.rule.hold.as_secs(), "keepFiringFor": 0,
        "labels": Value::from_iter(state.rule.labels), "annotations": annotations(state.rule),
        "alerts": Vec::from_iter(alert_json(state)),
        "health": if state.last_evaluation == Timestamp::UNIX_EPOCH { "unknown" } else { "ok" },
        "evaluationTime": state.evaluation_took.as_secs_f64(),
        "lastEvaluation": time(state.last_evaluation), "type": "alerting",
    })
}

fn alert_json(state: &RuleState) -> Option<Value> {
    let Active { since, value, .. } = state.active.as_ref()?;
    Some(json!({
        "labels": alert_labels(state.rule), "annotations": annotations(state.rule), "state": state.word(),
        "activeAt": time(*since), "value": go_exponent(*value),
    }))
}

async fn list_alerts(State(pipeline): Shared) -> Response {
    let alerts: Vec<Value> = pipeline
        .evaluation()
        .rules
        .iter()
        .filter_map(alert_json)
        .collect();
    success(json!({ "alerts": alerts }))
}

async fn list_targets(State(pipeline): Shared, Params(given): Given) -> Response {
    if let Some((name, value)) = given
        .iter()
        .find(|(name, value)| name != "state" || value == "dropped")
    {
        return refuse(&format!("targets filtered by `{name}={value}`"));
    }
    let evaluation = pipeline.evaluation();
    let target = &evaluation.target;
    let address = target.address.to_string();
    let url = format!("http://{address}/metrics");
    let interval = format!("{}s", INTERVAL.as_secs());
    success(json!({ "activeTargets": [{
        "discoveredLabels": {
            "__address__": address, "__metrics_path__": "/metrics", "__scheme__": "http",
            "__scrape_interval__": interval, "__scrape_timeout__": interval, "job": JOB,
        },
        "labels": { "instance": address, "job": JOB },
        "scrapePool": JOB, "scrapeUrl": url, "globalUrl": url, "lastError": target.last_error,
        "lastScrape": target.last_scrape.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), time),
        "lastScrapeDuration": target.last_took.as_secs_f64(), "health": target.health(),
        "scrapeInterval": interval, "scrapeTimeout": interval,
    }], "droppedTargets": [] }))
}

async fn list_alertmanagers(State(pipeline): Shared) -> Response {
    let url = format!("http://{}/api/v2/alerts", pipeline.settings.alertmanager);
    success(json!({ "activeAlertmanagers": [{ "url": url }], "droppedAlertmanagers": [] }))
}

async fn build_info() -> Response {
    success(json!({
        "version": "2.42.0+gameday-embedded", "revision": "", "branch": "", "buildUser": "",
        "buildDate": "", "goVersion": "",
    }))
}

async fn runtime_info(State(pipeline): Shared) -> Response {
    success(json!({
        "startTime": time(pipeline.started), "CWD": "", "reloadConfigSuccess": true,
        "lastConfigTime": time(pipeline.started), "corruptionCount": 0, "goroutineCount": 0,
        "GOMAXPROCS": 1, "GOGC": "", "GODEBUG": "", "storageRetention": "30m",
    }))
}

async fn flags(State(pipeline): Shared) -> Response {
    success(json!({
        "rules.alert.for-grace-period": "10m", "rules.alert.for-outage-tolerance": "1h",
        "rules.alert.resend-delay": "1m", "query.lookback-delta": "5m", "query.timeout": "2m",
        "web.listen-address": pipeline.settings.prometheus.to_string(),
    }))
}

async fn config(State(pipeline): Shared) -> Response {
    let AlertingSettings {
        api, alertmanager, ..
    } = &pipeline.settings;
    success(
        json!({ "yaml": rules::prometheus_yaml(&api.to_string(), &alertmanager.to_string(), "rules.yml") }),
    )
}

fn success(data: Value) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

fn time(time: Timestamp) -> String {
    time.to_string()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this age are exact in a double"
)]
fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1000.0
}

/// A number as Go's `%e` writes it: `7.375e-01`.
fn go_exponent(value: f64) -> String {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = exponent
                .strip_prefix('-')
                .map_or(('+', exponent), |digits| ('-', digits));
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}
