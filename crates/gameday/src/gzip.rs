//! Answers that are compressed when the asker takes it.

use std::io::Write;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller answers are not worth it.
const MIN_BYTES: usize = 1400;

/// The body as an answer of a type, compressed if `headers` allow it.
pub(crate) fn maybe(headers: &HeaderMap, media_type: &'static str, body: Vec<u8>) -> Response {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let takes_gzip = accepted
        .split(',')
        .any(|one| one.split(';').next().unwrap_or_default().trim() == "gzip");
    let content_type = (CONTENT_TYPE, media_type);
    if !takes_gzip || body.len() < MIN_BYTES {
        return ([content_type], body).into_response();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    match encoder.write_all(&body).and_then(|()| encoder.finish()) {
        Ok(packed) => ([content_type, (CONTENT_ENCODING, "gzip")], packed).into_response(),
        Err(_) => ([content_type], body).into_response(),
    }
}
