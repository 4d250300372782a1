//! What is done to HTTP requests and responses.
//!
//! ```toml
//! fault.http = { path = "/v1/*", share = "30%", status = 503, retry_after = "1s" }   # the upstream is not asked
//! fault.http = { method = "POST", delay = "2s", jitter = "500ms" }                   # asked at once, the answer held
//! fault.http = { set_headers = { Age = "86400" }, remove_headers = ["ETag"] }
//! fault.http = { grpc = "payments.Ledger/*", grpc_status = 14 }
//! ```

use std::collections::BTreeMap;
use std::fmt;

use gameday_core::{ByteRate, ByteSize, Ratio, Span};
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// Which requests, and what is done to them. Of several faults that match, delays add up, the first answer counts, and
/// what is done to responses is done by each in turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpFault {
    /// The request's method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Pattern>,
    /// The request's path, without its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// Headers that the request must have, each with a value that matches.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Pattern>,
    /// The gRPC method, `package.Service/Method`; matches gRPC requests only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Pattern>,
    /// The share of the requests that match; all if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,

    /// Answers with this status, without asking the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of that answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `Retry-After` of that answer, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// Ends the connection instead of answering, without asking the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// Holds the head of the answer back; the upstream is asked at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// How far that strays, evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// The body of the response comes no faster than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trickle: Option<ByteRate>,
    /// The body breaks off after so many bytes, and the connection (HTTP/2: the stream) with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<ByteSize>,
    /// Added to the response's `Content-Length`, which is a lie then; responses without one are spared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_length: Option<i64>,
    /// Flips one bit in this share of the bytes of the response's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<Ratio>,
    /// Headers that the response gets, in the place of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set_headers: BTreeMap<String, String>,
    /// Headers that the response loses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_headers: Vec<String>,
    /// Answers a gRPC call with this status, without asking the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u8>,
    /// The message of that status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_message: Option<String>,
    /// The upstream is asked and its messages pass; only the status in the trailers is replaced.
    #[serde(skip_serializing_if = "is_false")]
    pub after_messages: bool,
    /// Resets the HTTP/2 stream with this code; requests of HTTP/1 are spared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rst_stream: Option<RstCode>,
    /// Tells the HTTP/2 client to go away (GOAWAY); the request itself is served.
    #[serde(skip_serializing_if = "is_false")]
    pub goaway: bool,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abort {
    /// With a FIN.
    Close,
    /// With an RST.
    Reset,
}

/// Error codes of HTTP/2 (RFC 9113, 7) that a stream can be reset with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RstCode {
    /// `NO_ERROR`
    NoError,
    /// `PROTOCOL_ERROR`
    ProtocolError,
    /// `INTERNAL_ERROR`
    InternalError,
    /// `REFUSED_STREAM`: the client may try again.
    RefusedStream,
    /// `CANCEL`
    Cancel,
    /// `ENHANCE_YOUR_CALM`
    EnhanceYourCalm,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl HttpFault {
    /// Refuses settings that say nothing, contradict each other or can stand in no header.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let answers = [
            ("status", self.status.is_some()),
            ("abort", self.abort.is_some()),
            ("grpc_status", self.grpc_status.is_some() && !self.after_messages),
            ("rst_stream", self.rst_stream.is_some()),
        ];
        let mut given = answers.into_iter().filter(|(_, is)| *is).map(|(name, _)| name);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            return Err((
                second,
                format!("it contradicts `{first}`: a request has one answer"),
            ));
        }
        if !self.does_something() {
            return Err((
                "status",
                "the fault does nothing: give `status`, `delay`, `abort` or another".to_owned(),
            ));
        }
        for (key, needs, is) in [
            ("body", "status", self.body.is_some() && self.status.is_none()),
            (
                "retry_after",
                "status",
                self.retry_after.is_some() && self.status.is_none(),
            ),
            ("jitter", "delay", self.jitter.is_some() && self.delay.is_none()),
            (
                "grpc_message",
                "grpc_status",
                self.grpc_message.is_some() && self.grpc_status.is_none(),
            ),
            (
                "after_messages",
                "grpc_status",
                self.after_messages && self.grpc_status.is_none(),
            ),
        ] {
            if is {
                return Err((key, format!("it needs `{needs}` beside it")));
            }
        }
        self.check_values()
    }

    fn check_values(&self) -> Result<(), (&'static str, String)> {
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err(("status", "it must be from 200 to 599".to_owned()));
        }
        if self.grpc_status.is_some_and(|status| status > 16) {
            return Err(("grpc_status", "it must be from 0 to 16".to_owned()));
        }
        if self.trickle.is_some_and(|rate| rate.get() == 0) {
            return Err((
                "trickle",
                "it must be more than zero; `truncate` breaks a body off".to_owned(),
            ));
        }
        if self.content_length == Some(0) {
            return Err(("content_length", "adding 0 is no lie".to_owned()));
        }
        let bad_name = |name: &&String| HeaderName::from_bytes(name.as_bytes()).is_err();
        if let Some(name) = self.headers.keys().find(bad_name) {
            return Err(("headers", format!("`{name}` is no name of a header")));
        }
        if let Some(name) = self.remove_headers.iter().find(bad_name) {
            return Err(("remove_headers", format!("`{name}` is no name of a header")));
        }
        for (name, value) in &self.set_headers {
            if bad_name(&name) || HeaderValue::from_str(value).is_err() {
                return Err(("set_headers", format!("`{name}` cannot stand in a response")));
            }
        }
        match &self.grpc_message {
            Some(message) if HeaderValue::from_str(message).is_err() => {
                Err(("grpc_message", "it cannot stand in a header".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn does_something(&self) -> bool {
        self.status.is_some()
            || self.abort.is_some()
            || self.grpc_status.is_some()
            || self.rst_stream.is_some()
            || self.delay.is_some()
            || self.goaway
            || self.touches_response()
    }

    /// Whether it does something to what the upstream answers.
    pub(super) fn touches_response(&self) -> bool {
        self.trickle.is_some()
            || self.truncate.is_some()
            || self.content_length.is_some()
            || self.corrupt.is_some()
            || !self.set_headers.is_empty()
            || !self.remove_headers.is_empty()
            || (self.grpc_status.is_some() && self.after_messages)
    }
}

/// For people, e.g. `503 for 30% of POST /v1/charges`.
impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = Vec::new();
        what.extend(self.status.map(|status| status.to_string()));
        what.extend(self.abort.map(|abort| match abort {
            Abort::Close => "close".to_owned(),
            Abort::Reset => "reset".to_owned(),
        }));
        what.extend(self.grpc_status.map(|status| format!("grpc status {status}")));
        what.extend(self.rst_stream.map(|code| format!("rst_stream {code:?}")));
        what.extend(self.goaway.then(|| "goaway".to_owned()));
        what.extend(self.delay.map(|delay| match self.jitter {
            Some(jitter) => format!("delay {delay} ±{jitter}"),
            None => format!("delay {delay}"),
        }));
        what.extend(self.trickle.map(|rate| format!("trickle {rate}")));
        what.extend(self.truncate.map(|size| format!("truncate {size}")));
        what.extend(self.content_length.map(|by| format!("content-length {by:+}")));
        what.extend(self.corrupt.map(|share| format!("corrupt {share}")));
        what.extend(
            self.set_headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        what.extend(self.remove_headers.iter().map(|name| format!("no {name}")));
        write!(f, "{}", what.join(", "))?;
        if let Some(share) = self.share {
            write!(f, " for {share}")?;
        }
        let which = [&self.method, &self.path, &self.grpc];
        let which: Vec<String> = which.into_iter().flatten().map(ToString::to_string).collect();
        if which.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", which.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_and_nothing_at_all_are_refused_by_name() {
        let check = |text: &str| {
            toml::from_str::<HttpFault>(text)
                .unwrap()
                .check()
                .map_err(|(name, _)| name)
        };
        for (text, refused) in [
            ("status = 503", None),
            ("path = \"/\"", Some("status")),
            ("status = 99", Some("status")),
            ("status = 503\nabort = \"reset\"", Some("abort")),
            ("body = \"x\"\ndelay = \"1s\"", Some("body")),
            ("retry_after = \"1s\"\ndelay = \"1s\"", Some("retry_after")),
            ("grpc_status = 17", Some("grpc_status")),
            ("grpc_status = 14\nstatus = 200", Some("grpc_status")),
            ("grpc_status = 14\nafter_messages = true\ndelay = \"1s\"", None),
            ("set_headers = { Age = \"1\\n2\" }", Some("set_headers")),
            ("remove_headers = [\"a b\"]", Some("remove_headers")),
            ("trickle = \"0B/s\"", Some("trickle")),
        ] {
            assert_eq!(check(text).err(), refused, "{text}");
        }
        assert_eq!(
            toml::from_str::<HttpFault>("status = 503\nshare = \"30%\"\nmethod = \"POST\"")
                .unwrap()
                .to_string(),
            "503 for 30% of POST"
        );
    }
}
