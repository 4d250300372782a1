//! The HTTP clients of the lab's own parts.

use std::time::Duration;

use crate::LabError;

/// A client that talks to loopback only, straight, with a limit on every request.
pub(crate) fn client(limit: Duration) -> Result<reqwest::Client, LabError> {
    // Already installed when the program has other clients; that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // Somebody's `http_proxy` must not get between the parts of the lab.
        .no_proxy()
        .tcp_nodelay(true)
        .timeout(limit)
        .build()
        .map_err(|source| LabError::Http {
            doing: "make an HTTP client".into(),
            source,
        })
}

/// Reads a body of at most `limit` bytes as text.
pub(crate) async fn body(mut response: reqwest::Response, limit: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if bytes.len() + chunk.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "the answer is not UTF-8".to_owned())
}
