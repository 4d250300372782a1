//! What a service answered.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;

use gameday_core::Phases;
use hyper::Version;
use hyper::header::{HeaderMap, HeaderName};
use regex::Regex;
use serde_json::Value;

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

    /// The first group of a pattern's first match in the body, or the whole match.
    ///
    /// # Errors
    /// In words: it is not there, or the body is longer than what is kept.
    pub(crate) fn group(&self, regex: &Regex) -> Result<String, String> {
        match self.body.taken.get(regex.as_str()) {
            Some(taken) => taken.clone().ok_or_else(|| NO_MATCH.to_owned()),
            None => group(regex, &self.text()?),
        }
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

    /// The body as JSON, read once.
    ///
    /// # Errors
    /// In words: not JSON.
    pub(crate) fn json(&self) -> Result<&Value, String> {
        let json = self.json.get_or_init(|| {
            serde_json::from_slice(self.whole()?).map_err(|e| format!("a body that is not JSON: {e}"))
        });
        json.as_ref().map_err(Clone::clone)
    }

    /// The lines of a header, each by itself.
    pub(crate) fn lines(&self, name: &HeaderName) -> Vec<Value> {
        let lines = self.headers.get_all(name).iter();
        lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into())
            .collect()
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

const NO_MATCH: &str = "nothing there that matches";

/// The first group of a pattern's first match, or the whole match.
pub(crate) fn group(regex: &Regex, text: &str) -> Result<String, String> {
    let captures = regex.captures(text).ok_or(NO_MATCH)?;
    let found = captures.get(1).or_else(|| captures.get(0));
    Ok(found.map_or("", |found| found.as_str()).to_owned())
}
