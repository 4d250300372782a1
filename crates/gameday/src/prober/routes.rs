//! What can be asked of a prober.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gameday_core::{ProbeName, RegionName, Span, Timestamp};
use gameday_probe::RegionAnswer;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::book::Book;
use super::journal::Told;
use super::reload::Ask;
use super::{about, describe, metrics, page};
use crate::slo;

const MAX_WAIT: Duration = Duration::from_secs(30);
/// Headers by which a follower knows whom it follows, and compares clocks.
const REGIONS: HeaderName = HeaderName::from_static("gameday-regions");
const STARTED: HeaderName = HeaderName::from_static("gameday-started");
const VERSION: HeaderName = HeaderName::from_static("gameday-version");
const TIME: HeaderName = HeaderName::from_static("gameday-time");

#[derive(Clone)]
struct Shared {
    book: Arc<Book>,
    reload: mpsc::Sender<Ask>,
}

/// Every path.
pub(super) fn router(book: Arc<Book>, reload: mpsc::Sender<Ask>) -> Router {
    let not_get = || async {
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "This endpoint requires a POST request.\n",
        )
    };
    Router::new()
        .route("/", get(status))
        .route(
            "/page/style.css",
            get(|| async { ([(CONTENT_TYPE, "text/css")], page::STYLE) }),
        )
        .route(
            "/page/refresh.js",
            get(|| async { ([(CONTENT_TYPE, "text/javascript")], page::SCRIPT) }),
        )
        .route("/evidence/{probe}/{region}", get(evidence))
        .route("/metrics", get(scrape))
        .route("/journal", get(journal))
        .route("/v1/region", get(region))
        .route("/v1/probes", get(probes))
        .route("/v1/verdict", get(verdict))
        .route("/v1/slo", get(budgets))
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/reload", post(reload_files).get(not_get))
        .with_state(Shared { book, reload })
}

#[derive(Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    probe: String,
}

async fn status(State(shared): State<Shared>, headers: HeaderMap, wanted: Query<Wanted>) -> Response {
    html(&headers, page::render(&shared.book, wanted.probe.trim()))
}

fn html(headers: &HeaderMap, text: String) -> Response {
    let mut response = crate::gzip::maybe(headers, "text/html; charset=utf-8", text.into_bytes());
    let page = response.headers_mut();
    page.insert(CONTENT_SECURITY_POLICY, page::POLICY);
    page.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The newest failure of a probe in a region, as `gameday probe show` tells it.
async fn evidence(
    State(shared): State<Shared>,
    Path((probe, region)): Path<(ProbeName, RegionName)>,
    headers: HeaderMap,
) -> Response {
    let title = format!("{probe} from {region}");
    let reading = spawn_blocking(move || shared.book.store.newest(&probe, &region));
    match reading.await {
        Ok(Some(bundle)) => html(&headers, page::evidence(&title, &describe::bundle(&bundle))),
        _ => (StatusCode::NOT_FOUND, "no evidence is kept of it\n").into_response(),
    }
}

async fn scrape(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let pieces = metrics::Pieces::new(shared.book);
    crate::gzip::stream(&headers, "text/plain; version=0.0.4; charset=utf-8", pieces)
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: u64,
    wait: Option<String>,
}

/// The region's observations from a number on, as JSON lines.
async fn journal(State(shared): State<Shared>, Query(asked): Query<From>) -> Response {
    let wait = asked.wait.as_deref().unwrap_or("0s").parse::<Span>();
    let Ok(wait) = wait else {
        return (
            StatusCode::BAD_REQUEST,
            "`wait` is a length of time, for example `wait=10s`\n",
        )
            .into_response();
    };
    let told = shared
        .book
        .journal
        .from(asked.from, wait.get().min(MAX_WAIT))
        .await;
    let about = [
        (REGIONS, region_names(&shared.book).join(",")),
        (VERSION, crate::BUILD.to_owned()),
        (STARTED, shared.book.began.to_string()),
        (TIME, Timestamp::now().to_string()),
    ];
    match told {
        Told::Lines(lines) => (about, [(CONTENT_TYPE, "application/jsonl")], lines).into_response(),
        Told::Gone { first, next } => {
            let kept = json!({ "first": first, "next": next });
            (StatusCode::GONE, about, Json(kept)).into_response()
        }
    }
}

/// Whom one follows: a `started` that differs from before is another prober, whose numbers begin anew.
async fn region(State(shared): State<Shared>) -> Json<RegionAnswer> {
    Json(about::region(&shared.book))
}

async fn probes(State(shared): State<Shared>) -> Response {
    Json(&shared.book.read().roll.probes).into_response()
}

/// What the regions say together.
async fn verdict(State(shared): State<Shared>) -> Response {
    match shared.book.council() {
        Some(council) => Json(council.view()).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "this prober has no [peers]: start it with --config prober.toml\n",
        )
            .into_response(),
    }
}

/// What is left of each budget.
async fn budgets(State(shared): State<Shared>) -> Json<serde_json::Value> {
    Json(slo::as_json(&shared.book.budgets))
}

fn region_names(book: &Book) -> Vec<&str> {
    book.regions.iter().map(RegionName::as_str).collect()
}

async fn reload_files(State(shared): State<Shared>) -> Response {
    let (ask, answer) = oneshot::channel();
    if shared.reload.send(ask).await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the prober ends\n").into_response();
    }
    match answer.await {
        Ok(Ok(said)) => format!("{said}\n").into_response(),
        Ok(Err(problems)) => (StatusCode::UNPROCESSABLE_ENTITY, problems).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the prober ends\n").into_response(),
    }
}
