//! What can be asked: paths, statuses and texts are blackbox_exporter's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use gameday_probe::blackbox::Asked;

use super::exporter::Exporter;
use super::query::Query;
use super::{numbers, page};
use crate::gzip;

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const DEFAULT_MODULE: &str = "http_2xx";
const NO_RELOAD_BY_GET: &str = "This endpoint requires a POST request.\n";

type Shared = State<Arc<Exporter>>;

pub(super) fn router(exporter: Arc<Exporter>) -> Router {
    let not_posted = || async { (StatusCode::METHOD_NOT_ALLOWED, NO_RELOAD_BY_GET) };
    Router::new()
        .route(
            "/",
            get(async |State(exporter): Shared| Html(page::render(&exporter).into_string())),
        )
        .route("/probe", get(probe).post(probe))
        .route(
            "/config",
            get(async |State(exporter): Shared| plain(exporter.config().tell())),
        )
        .route("/logs", get(logs))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "Healthy"))
        .route("/-/reload", post(reload).fallback(not_posted))
        .with_state(exporter)
}

/// `text/plain` without a character set, as theirs says it.
fn plain(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain")], text).into_response()
}

fn wrong(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

async fn probe(State(exporter): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = Query::read(query.as_deref());
    let name = query.get("module").unwrap_or(DEFAULT_MODULE);
    let Some(module) = exporter.config().module(name).cloned() else {
        exporter.counts.unknown_modules.fetch_add(1, Ordering::Relaxed);
        return wrong(StatusCode::BAD_REQUEST, &format!("Unknown module {name:?}"));
    };
    let header = headers.get("X-Prometheus-Scrape-Timeout-Seconds");
    let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let timeout = match exporter.timeout(header.as_deref(), &module) {
        Ok(timeout) => timeout,
        Err(why) => {
            let why = format!("Failed to parse timeout from Prometheus header: {why}");
            return wrong(StatusCode::INTERNAL_SERVER_ERROR, &why);
        }
    };
    let Some(target) = query.get("target") else {
        return wrong(StatusCode::BAD_REQUEST, "Target parameter is missing");
    };
    let hostname = query.get("hostname");
    if let Err(why) = module.accepts(hostname) {
        return wrong(StatusCode::BAD_REQUEST, &why);
    }
    let asked = Asked {
        target,
        hostname,
        timeout,
    };
    let entry = exporter.probe(name, module, asked).await;
    match query.get("debug") {
        Some("true") => plain(entry.debug()),
        _ => gzip::maybe(&headers, METRICS, entry.probed.metrics.text().into_bytes()),
    }
}

async fn logs(State(exporter): Shared, RawQuery(query): RawQuery) -> Response {
    let query = Query::read(query.as_deref());
    let history = exporter.history.lock();
    let history = history.unwrap_or_else(std::sync::PoisonError::into_inner);
    let entry = match (query.get("id"), query.get("target"), query.get("module")) {
        (None, Some(target), Some(module)) => history.of(target, module),
        (id, ..) => match id.unwrap_or_default().parse() {
            Ok(number) => history.get(number),
            Err(_) => {
                drop(history);
                return wrong(StatusCode::INTERNAL_SERVER_ERROR, "Invalid probe id");
            }
        },
    };
    drop(history);
    match entry {
        Some(entry) => plain(entry.debug()),
        None => wrong(StatusCode::NOT_FOUND, "Probe id not found"),
    }
}

async fn metrics(State(exporter): Shared, headers: HeaderMap) -> Response {
    exporter.counts.scrapes.fetch_add(1, Ordering::Relaxed);
    gzip::maybe(&headers, METRICS, numbers::text(&exporter.counts).into_bytes())
}

async fn reload(State(exporter): Shared) -> Response {
    match exporter.reload() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(why) => wrong(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("failed to reload config: {}", why.trim_end()),
        ),
    }
}
