//! Who may send: programs, not web pages that a browser on this machine happens to show.
//!
//! Any page can have its visitor's browser POST to an address of this machine. What came that way is no
//! notification, and would make a drill pass that should not.

use axum::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use gameday_core::is_public_name;

use super::{Refusal, Speaker};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what only a browser sends: an `Origin`, another page's request, a stranger's name that was pointed at us.
pub(super) fn is_program(headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let forbidden = |why: &str| Err((StatusCode::FORBIDDEN, format!("{why}\n")));
    if headers.contains_key(ORIGIN) {
        return forbidden(
            "it has an `Origin` header: it comes from a web page, and no alerting system is one",
        );
    }
    if headers.get_all(FETCH_SITE).iter().any(|site| site != "none") {
        return forbidden(
            "it has a `Sec-Fetch-Site` header: it comes from a web page, and no alerting system is one",
        );
    }
    let hosts = headers.get_all(HOST).iter();
    let hosts = hosts.map(|host| host.to_str().unwrap_or("not.ascii"));
    let mut hosts = hosts.chain(uri.authority().map(Authority::as_str));
    if hosts.any(is_public_name) {
        return forbidden(
            "its `Host` header is a name that a stranger can point at this machine: send to an address, `localhost`, or a name without a dot",
        );
    }
    Ok(())
}

/// Refuses a body that says itself that it is no JSON: a page may send text and forms to anybody without being asked.
///
/// Alertmanager, Grafana and PagerDuty's clients say that it is; another's webhook may say nothing.
pub(super) fn says_json(headers: &HeaderMap, speaker: Speaker) -> Result<(), Refusal> {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter().peekable();
    let fits = match kinds.peek() {
        None => matches!(speaker, Speaker::Hook(_) | Speaker::Recorder),
        Some(_) => kinds.all(is_json),
    };
    if fits {
        return Ok(());
    }
    let why = "a notification is JSON: send it with `Content-Type: application/json`\n";
    Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why.to_owned()))
}

fn is_json(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    // A recorder's events are JSON too, one a line.
    let is_named = ["application/json", "application/x-ndjson", "application/jsonl"].contains(&kind);
    is_named || (kind.starts_with("application/") && kind.ends_with("+json"))
}
