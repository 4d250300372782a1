//! What a service answered.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;

use gameday_core::Phases;
use hyper::Version;
use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::net::{Body, Head, Request};

/// An answer, its body within the cap.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Who answered.
    pub(crate) remote: SocketAddr,
    /// What was asked for, after redirects.
    pub(crate) url: String,
    /// How many redirects led here.
    pub(crate) redirects: u32,
    /// Of all requests that led here.
    pub(crate) phases: Phases,
    json: OnceLock<Result<Value, String>>,
}

/// Without headers and body: values to be redacted may be in them.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Response {
    pub(crate) fn new(head: Head, body: Body, remote: SocketAddr, request: &Request) -> Self {
        Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body,
            remote,
            url: request.url.to_string(),
            redirects: 0,
            phases: Phases::default(),
            json: OnceLock::new(),
        }
    }

    /// The answer with the time that it took.
    pub(crate) fn took(mut self, phases: Phases) -> Self {
        self.phases = phases;
        self
    }

    /// The body as text.
    ///
    /// # Errors
    /// In words: it is longer than what is kept.
    pub(crate) fn text(&self) -> Result<String, String> {
        self.whole()
            .map(|body| String::from_utf8_lossy(body).into_owned())
    }

    fn whole(&self) -> Result<&[u8], String> {
        match self.body.bytes > self.body.kept.len() as u64 {
            true => Err(format!(
                "a body of {} bytes, of which only {} are kept",
                self.body.bytes,
                self.body.kept.len()
            )),
            false => Ok(&self.body.kept),
        }
    }

    /// Every value at a path.
    ///
    /// # Errors
    /// In words: not JSON.
    pub(crate) fn nodes(&self, path: &JsonPath) -> Result<Vec<&Value>, String> {
        let json = self.json.get_or_init(|| {
            serde_json::from_slice(self.whole()?).map_err(|e| format!("a body that is not JSON: {e}"))
        });
        Ok(path.query(json.as_ref().map_err(Clone::clone)?).all())
    }

    /// A header's value; several of the same name are joined as RFC 9110 does.
    ///
    /// # Errors
    /// In words: it is not there.
    pub(crate) fn header(&self, name: &HeaderName) -> Result<String, String> {
        let values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        if values.is_empty() {
            return Err("no such header".to_owned());
        }
        Ok(values.join(", "))
    }

    /// The version as it is written: `1.0`, `1.1`, `2`.
    pub(crate) fn version(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "0.9",
            Version::HTTP_10 => "1.0",
            Version::HTTP_11 => "1.1",
            Version::HTTP_2 => "2",
            _ => "3",
        }
    }
}
