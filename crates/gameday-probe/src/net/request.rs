//! A request as it is sent.

use std::sync::Arc;

use bytes::Bytes;
use gameday_core::Reason;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Version};

use super::body::BodyPlan;
use super::route::Route;
use super::url::Url;
use crate::credentials;
use crate::evidence::Exhibit;
use crate::observation::Fault;

/// So many bytes of a body are shown.
const SAMPLE_BYTES: usize = 2 * 1024;

/// What is asked; its headers win over the usual ones. No `Debug`: secrets are in it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) route: Arc<Route>,
    /// It says nothing but its headers: no `User-Agent` and no `Accept` of ours.
    pub(crate) bare: bool,
    /// What is done with the answer's body.
    pub(crate) reading: Arc<BodyPlan>,
    /// Neither its body nor its answer's is ever shown.
    pub(crate) private: bool,
}

impl Request {
    /// A request that says nothing but its line.
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            route: Arc::default(),
            bare: false,
            reading: Arc::default(),
            private: false,
        }
    }

    /// The head for HTTP/1.1 or HTTP/2, with the headers that every request of ours has.
    pub(super) fn head(&self, version: Version) -> Result<hyper::Request<()>, Fault> {
        let refuse =
            |error: hyper::http::Error| Fault::new(Reason::CannotLook, format!("no request: {error}"));
        let url = &self.url;
        let http2 = version == Version::HTTP_2;
        let scheme = if url.tls { "https" } else { "http" };
        let uri = match http2 {
            true => format!("{scheme}://{}{}", url.authority, url.target),
            false => url.target.clone(),
        };
        let mut request = hyper::Request::builder()
            .method(self.method.clone())
            .uri(uri)
            .version(version)
            .body(())
            .map_err(refuse)?;
        let headers = request.headers_mut();
        if !http2 {
            let host = HeaderValue::from_str(&url.authority).map_err(|error| refuse(error.into()))?;
            headers.insert(HOST, host);
        }
        if !self.bare {
            let agent = concat!("gameday/", env!("CARGO_PKG_VERSION"));
            headers.insert(USER_AGENT, HeaderValue::from_static(agent));
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        for name in self.headers.keys() {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        if !http2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(request)
    }

    pub(super) fn exhibit(&self) -> Exhibit {
        let target = credentials::hidden(&self.url.target);
        let first = format!("{} {target} host {}", self.method, self.url.authority);
        Exhibit::Request {
            head: shown_head(first, &self.headers),
            body: self.sample(self.body.as_deref().unwrap_or_default()),
        }
    }

    /// The beginning of a body as text, its own or its answer's.
    pub(super) fn sample(&self, body: &[u8]) -> String {
        match self.private {
            true => credentials::HIDDEN.to_owned(),
            false => credentials::hidden(&sample(body)).into_owned(),
        }
    }
}

/// A first line and headers as text; credentials are left out.
pub(super) fn shown_head(first: String, headers: &HeaderMap) -> String {
    let mut head = first;
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let value = match credentials::is_one(name) {
            true => credentials::HIDDEN.into(),
            false => credentials::hidden(&text),
        };
        head.push_str(&format!("\n{name}: {value}"));
    }
    head
}

/// The beginning of a body as text; one that goes on ends with `…`.
fn sample(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&body[..body.len().min(SAMPLE_BYTES)]).into_owned();
    if body.len() > SAMPLE_BYTES {
        // Half a character at the end is none.
        text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
        text.push('…');
    }
    text
}
