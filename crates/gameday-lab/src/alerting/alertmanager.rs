//! Alertmanager's HTTP API, as far as gameday reads it; the shapes were copied from 0.25.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Query as Params, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dispatcher::Held;
use super::payload::{annotations, generator_url};
use super::refusal::{refuse, refuse_path};
use super::rule_state::alert_labels;
use super::{AlertingSettings, Pipeline, query};
use crate::rules::{self, RECEIVER};

/// All paths that are answered.
pub(super) fn router(pipeline: Arc<Pipeline>) -> Router {
    Router::new()
        .route("/-/ready", get(async || "OK"))
        .route("/api/v2/alerts", get(list_alerts))
        .route("/api/v2/alerts/groups", get(list_groups))
        // Nothing is ever silenced here.
        .route("/api/v2/silences", get(async || Json(json!([]))))
        .route("/api/v2/status", get(status))
        .route("/metrics", get(metrics))
        .fallback(refuse_path)
        .with_state(pipeline)
}

async fn list_alerts(
    State(pipeline): State<Arc<Pipeline>>,
    Params(given): Params<Vec<(String, String)>>,
) -> Response {
    let mut filters = Vec::new();
    let mut active = true;
    for (name, value) in &given {
        match (name.as_str(), value.as_str()) {
            ("active", "false") => active = false,
            ("receiver", value) => active &= value == RECEIVER,
            // Nothing is ever silenced, inhibited or unprocessed here, so either answer is the same.
            ("active" | "silenced" | "inhibited" | "unprocessed", "true" | "false") => {}
            ("filter", text) => match query::matcher(text) {
                Some(matcher) => filters.push(matcher),
                None => return refuse(&format!("the filter `{text}`")),
            },
            _ => return refuse(&format!("alerts filtered by `{name}={value}`")),
        }
    }
    let dispatcher = pipeline.dispatcher();
    let wanted = |held: &&Held| {
        let labels = alert_labels(held.sent.rule);
        active
            && filters
                .iter()
                .all(|(name, value)| labels.get(name.as_str()).unwrap_or(&"") == value)
    };
    let alerts = dispatcher.active(Timestamp::now()).filter(wanted);
    Json(
        alerts
            .map(|held| alert_json(held, &pipeline.settings))
            .collect::<Vec<Value>>(),
    )
    .into_response()
}

async fn list_groups(State(pipeline): State<Arc<Pipeline>>) -> Json<Value> {
    let dispatcher = pipeline.dispatcher();
    let group = |(name, held): (&str, Vec<&Held>)| {
        let alerts: Vec<Value> = held
            .into_iter()
            .map(|held| alert_json(held, &pipeline.settings))
            .collect();
        json!({ "alerts": alerts, "labels": { "alertname": name }, "receiver": { "name": RECEIVER } })
    };
    Json(dispatcher.groups(Timestamp::now()).map(group).collect())
}

fn alert_json(held: &Held, settings: &AlertingSettings) -> Value {
    json!({
        "annotations": annotations(held.sent.rule),
        "endsAt": format!("{:.3}", held.sent.ends_at),
        "fingerprint": held.fingerprint,
        "receivers": [{ "name": RECEIVER }],
        "startsAt": format!("{:.3}", held.sent.starts_at),
        "status": { "inhibitedBy": [], "silencedBy": [], "state": "active" },
        "updatedAt": format!("{:.3}", held.updated_at),
        "generatorURL": generator_url(held.sent.rule, settings),
        "labels": alert_labels(held.sent.rule),
    })
}

async fn status(State(pipeline): State<Arc<Pipeline>>) -> Json<Value> {
    Json(json!({
        "cluster": { "peers": [], "status": "disabled" },
        "config": { "original": rules::alertmanager_yaml(&pipeline.settings.webhook) },
        "uptime": format!("{:.3}", pipeline.started),
        "versionInfo": {
            "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "",
            "version": "0.25.0+gameday-embedded",
        },
    }))
}

async fn metrics(State(pipeline): State<Arc<Pipeline>>) -> Response {
    let groups = pipeline.dispatcher().group_count();
    let begun = pipeline.deliveries.begun.load(Ordering::Relaxed);
    let failed = pipeline.deliveries.failed.load(Ordering::Relaxed);
    let text = format!(
        "# HELP alertmanager_dispatcher_aggregation_groups Number of active aggregation groups\n\
         # TYPE alertmanager_dispatcher_aggregation_groups gauge\n\
         alertmanager_dispatcher_aggregation_groups {groups}\n\
         # HELP alertmanager_notifications_failed_total The total number of failed notifications.\n\
         # TYPE alertmanager_notifications_failed_total counter\n\
         alertmanager_notifications_failed_total{{integration=\"webhook\"}} {failed}\n\
         # HELP alertmanager_notifications_total The total number of attempted notifications.\n\
         # TYPE alertmanager_notifications_total counter\n\
         alertmanager_notifications_total{{integration=\"webhook\"}} {begun}\n"
    );
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
