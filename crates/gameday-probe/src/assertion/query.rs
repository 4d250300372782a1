//! What can be looked at in an answer.

use gameday_core::Phases;
use hyper::header::{HeaderName, SET_COOKIE};
use regex::Regex;
use serde_json::{Number, Value};

use super::Found;
use super::path::Path;
use crate::response::Response;

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    Status,
    Version,
    Url,
    Header(HeaderName),
    /// A cookie that the answer sets, or one of its attributes (RFC 6265, 4.1).
    Cookie {
        name: String,
        attribute: Option<String>,
    },
    Body,
    /// The body's size, decoded.
    Bytes,
    Json(Path),
    /// The first group of a pattern in the body, or all that it matches.
    Regex(Regex),
    Sha256,
    /// All phases of all requests that led to the answer.
    Duration,
    Phase(&'static str),
    Ip,
    Redirects,
}

/// What kind of value a query finds: a comparison with another kind can never hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Number,
    /// Typed with a unit, compared in milliseconds.
    Time,
    /// Typed with a unit or without, compared in bytes.
    Size,
    Text,
    Any,
}

impl Query {
    pub(super) fn sort(&self) -> Sort {
        match self {
            Self::Status | Self::Version | Self::Redirects => Sort::Number,
            Self::Duration | Self::Phase(_) => Sort::Time,
            Self::Bytes => Sort::Size,
            Self::Json(_) | Self::Cookie { .. } => Sort::Any,
            Self::Url | Self::Header(_) | Self::Body | Self::Regex(_) | Self::Sha256 | Self::Ip => Sort::Text,
        }
    }

    /// Whether it wants all of the body at once.
    pub(crate) fn needs_whole(&self) -> bool {
        matches!(self, Self::Body | Self::Json(_))
    }

    /// The pattern whose first group is wanted.
    pub(crate) fn taking(&self) -> Option<&str> {
        match self {
            Self::Regex(regex) => Some(regex.as_str()),
            _ => None,
        }
    }

    /// The query's word, for messages.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Version => "version",
            Self::Url => "url",
            Self::Header(_) => "header",
            Self::Cookie { .. } => "cookie",
            Self::Body => "body",
            Self::Bytes => "bytes",
            Self::Json(_) => "json",
            Self::Regex(_) => "regex",
            Self::Sha256 => "sha256",
            Self::Duration => "duration",
            Self::Phase(_) => "phase",
            Self::Ip => "ip",
            Self::Redirects => "redirects",
        }
    }

    /// The value in an answer.
    pub(super) fn find(&self, response: &Response) -> Found {
        let text =
            |found: Result<String, String>| found.map(Value::String).map_or_else(Found::Nothing, Found::One);
        let number = |number: u64| Found::One(Value::from(number));
        match self {
            Self::Status => number(u64::from(response.status)),
            Self::Version => Found::One(response.version().parse().map(Value::Number).unwrap_or_default()),
            Self::Url => text(Ok(response.url.clone())),
            Self::Header(name) => text(response.header(name)),
            Self::Cookie { name, attribute } => cookie(response, name, attribute.as_deref()),
            Self::Body => text(response.text()),
            Self::Bytes => number(response.body.bytes),
            Self::Json(path) => match response.json() {
                Err(why) => Found::Nothing(why),
                Ok(json) => path.find(json),
            },
            Self::Regex(regex) => text(response.group(regex)),
            Self::Sha256 => text(Ok(response.body.sha256.map(hex).unwrap_or_default())),
            Self::Duration => Found::One(milliseconds(response.phases.total_us())),
            Self::Phase(name) => Found::One(milliseconds(phase_us(&response.phases, name))),
            Self::Ip => text(Ok(response.remote.ip().to_string())),
            Self::Redirects => number(u64::from(response.redirects)),
        }
    }

    /// A value that was found, for people.
    pub(super) fn shown(&self, value: &Value) -> String {
        match (self.sort(), value) {
            (Sort::Time, Value::Number(ms)) => format!("{ms}ms"),
            // What a cookie holds lets others in.
            _ if matches!(self, Self::Cookie { attribute: None, .. }) => "\"***\"".to_owned(),
            _ => value.to_string(),
        }
    }
}

/// Microseconds as milliseconds with three places.
fn milliseconds(us: u64) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a probe are far below 2^52"
    )]
    let ms = us as f64 / 1e3;
    Number::from_f64(ms).map_or(Value::Null, Value::Number)
}

fn phase_us(phases: &Phases, wanted: &str) -> u64 {
    let named = phases.named();
    named
        .iter()
        .find(|(name, _)| *name == wanted)
        .map_or(0, |(_, us)| *us)
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cookie(response: &Response, name: &str, attribute: Option<&str>) -> Found {
    let set = response.headers.get_all(SET_COOKIE).iter();
    let set = set.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let found = set.rev().find_map(|line| {
        let (pair, attributes) = line.split_once(';').unwrap_or((&line, ""));
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| (value.trim().to_owned(), attributes.to_owned()))
    });
    let Some((value, attributes)) = found else {
        return Found::Nothing("no such cookie".to_owned());
    };
    let Some(wanted) = attribute else {
        return Found::One(value.into());
    };
    let attributes = attributes
        .split(';')
        .map(|one| one.split_once('=').unwrap_or((one, "")));
    let found = attributes
        .into_iter()
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
    match found {
        None => Found::Nothing(format!("the cookie has no `{wanted}`")),
        // `Secure` and `HttpOnly` are there or not.
        Some((_, "")) => Found::One(true.into()),
        Some((_, value)) => Found::One(
            value
                .trim()
                .parse::<u64>()
                .map_or_else(|_| value.trim().into(), Value::from),
        ),
    }
}
