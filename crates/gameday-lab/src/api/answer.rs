//! The API's errors, as JSON with a word for programs and a sentence for people.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::pool::LedgerError;
use super::psp::PspError;

/// An answer that is not the one hoped for.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    word: &'static str,
    told: String,
}

impl ApiError {
    /// The request itself is wrong.
    pub(super) fn invalid(told: impl Into<String>) -> Self {
        ApiError {
            status: StatusCode::BAD_REQUEST,
            word: "invalid_request",
            told: told.into(),
        }
    }

    /// Who asks is not known.
    pub(super) fn unauthorized(told: &str) -> Self {
        ApiError {
            status: StatusCode::UNAUTHORIZED,
            word: "unauthorized",
            told: told.to_owned(),
        }
    }

    /// What is asked for is not there.
    pub(super) fn not_found(told: &str) -> Self {
        ApiError {
            status: StatusCode::NOT_FOUND,
            word: "not_found",
            told: told.to_owned(),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let (status, word) = match error {
            LedgerError::NoConnection | LedgerError::Lost(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable")
            }
            LedgerError::Slow => (StatusCode::GATEWAY_TIMEOUT, "ledger_timeout"),
            LedgerError::Refused(_) | LedgerError::Unexpected => {
                (StatusCode::INTERNAL_SERVER_ERROR, "ledger_error")
            }
        };
        ApiError {
            status,
            word,
            told: error.to_string(),
        }
    }
}

impl From<PspError> for ApiError {
    fn from(error: PspError) -> Self {
        let (status, word) = match error {
            PspError::Slow => (StatusCode::GATEWAY_TIMEOUT, "psp_timeout"),
            PspError::Unreachable | PspError::Refused(_) => (StatusCode::BAD_GATEWAY, "psp_error"),
        };
        ApiError {
            status,
            word,
            told: error.to_string(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (
            self.status,
            Json(json!({ "error": self.word, "detail": self.told })),
        )
            .into_response()
    }
}
