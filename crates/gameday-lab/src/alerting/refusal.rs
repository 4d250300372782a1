//! What the embedded pipeline answers to anything that gameday does not ask.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Says that this is not the real program: status 422, in the form of Prometheus' errors.
pub(super) fn refuse(what: &str) -> Response {
    let told = format!(
        "gameday's embedded alerting pipeline does not answer {what}; use `--lab real` for all of it"
    );
    let body = json!({ "status": "error", "errorType": "unsupported", "error": told });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// For paths that are not there.
pub(super) async fn refuse_path(uri: Uri) -> Response {
    refuse(&format!("the path `{}`", uri.path()))
}
