//! Answers, byte for byte as Toxiproxy's clients expect them.

use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use gameday_core::Timestamp;
use serde::Serialize;

use crate::model::ProxyInfo;
use crate::refusal::Refusal;

/// What Go's timeout handler says.
pub(super) const TIMED_OUT: &str =
    "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>";

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    let body = serde_json::to_string(value).expect("what we answer has text for keys");
    typed(status, JSON, body)
}

/// A document that is JSON already.
pub(super) fn json_text(body: String) -> Response<Body> {
    typed(StatusCode::OK, JSON, body)
}

/// What `/populate` says: errors are JSON there, and tell which proxies were done.
pub(super) fn populated(done: &[ProxyInfo], refusal: Option<&Refusal>) -> Response<Body> {
    #[derive(Serialize)]
    struct Populated<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Go says `null` of a list that was never made.
        proxies: Option<&'a [ProxyInfo]>,
    }
    let status = refusal.map_or(StatusCode::CREATED, status_of);
    let body = Populated {
        error: refusal.map(ToString::to_string),
        status: refusal.map(Refusal::status),
        proxies: (!done.is_empty()).then_some(done),
    };
    json(status, &body)
}

/// Toxiproxy's version: clients from 2.6 on use PATCH.
pub(super) fn version() -> Response<Body> {
    typed(
        StatusCode::OK,
        "application/json;charset=utf-8",
        "{\"version\": \"2.12.0\"}\n".to_owned(),
    )
}

/// A certificate.
pub(super) fn pem(text: String) -> Response<Body> {
    typed(StatusCode::OK, "application/x-pem-file", text)
}

/// The text of metrics and its type.
pub(super) fn metrics((text, content_type): (String, &'static str)) -> Response<Body> {
    typed(StatusCode::OK, content_type, text)
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = typed(status, TEXT, text.to_owned());
    response
        .headers_mut()
        .insert(NO_SNIFF, HeaderValue::from_static("nosniff"));
    response
}

pub(super) fn moved(to: &str) -> Response<Body> {
    let mut response = empty(StatusCode::MOVED_PERMANENTLY);
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// Toxiproxy's errors are JSON that says it is text; ours say what they are.
pub(super) fn refused(refusal: &Refusal, ours: bool) -> Response<Body> {
    let status = status_of(refusal);
    let body = error_body(&refusal.to_string(), status);
    if ours {
        typed(status, JSON, body)
    } else {
        text(status, &body)
    }
}

pub(super) fn forbidden(why: &str) -> Response<Body> {
    typed(
        StatusCode::FORBIDDEN,
        JSON,
        error_body(why, StatusCode::FORBIDDEN),
    )
}

/// Whoever has no token is told which kind is asked for.
pub(super) fn unauthorized(why: &str) -> Response<Body> {
    let status = StatusCode::UNAUTHORIZED;
    let mut response = typed(status, JSON, error_body(why, status));
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn status_of(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status()).expect("a refusal has a status")
}

fn error_body(message: &str, status: StatusCode) -> String {
    #[derive(Serialize)]
    struct Error<'a> {
        error: &'a str,
        status: u16,
    }
    let body = Error {
        error: message,
        status: status.as_u16(),
    };
    serde_json::to_string(&body).expect("a text and a number") + "\n"
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Twenty letters and digits in the alphabet of Go's `xid`: seconds, process and a counter, 100 bits.
pub(super) fn request_id() -> String {
    static FIRST: LazyLock<u64> = LazyLock::new(|| u64::try_from(Timestamp::now().as_micros()).unwrap_or(0));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let bits = u128::from(*FIRST) << 48 | u128::from(process::id()) << 24 | u128::from(count & 0xff_ffff);
    let digit = |place: u32| b"0123456789abcdefghijklmnopqrstuv"[((bits >> (5 * place)) & 31) as usize];
    (0..20).rev().map(|place| char::from(digit(place))).collect()
}
