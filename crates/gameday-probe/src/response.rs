//! What a service answered.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json_path::JsonPath;

/// An answer, its body within the cap.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
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
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            status,
            headers,
            body,
            json: OnceLock::new(),
        }
    }

    /// The one value at a path.
    ///
    /// # Errors
    /// In words: not JSON, nothing there, or more than one value.
    pub(crate) fn at(&self, path: &JsonPath) -> Result<&Value, String> {
        let json = self.json.get_or_init(|| {
            serde_json::from_slice(&self.body).map_err(|e| format!("a body that is not JSON: {e}"))
        });
        let nodes = path.query(json.as_ref().map_err(Clone::clone)?).all();
        match nodes.as_slice() {
            [] => Err("nothing there".to_owned()),
            [value] => Ok(value),
            many => Err(format!("{} values there instead of one", many.len())),
        }
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
}
