//! `prober: http`.

mod answer;
mod encoding;
mod hops;
mod read;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gameday_core::Reason;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName};

use self::hops::Journey;
use super::choose::Choice;
use super::client::Client;
use super::config::{Expression, Pattern};
use super::look::{Asked, Look};
use super::metrics::{Name, Phase};
use crate::net::BodyPlan;
use crate::observation::Fault;

const DURATION: Name = Name(
    "probe_http_duration_seconds",
    "Duration of http request by phase, summed over all redirects",
);
const CONTENT_LENGTH: Name = Name("probe_http_content_length", "Length of http content response");
const BODY_LENGTH: Name = Name(
    "probe_http_uncompressed_body_length",
    "Length of uncompressed response body",
);
const REDIRECTS: Name = Name("probe_http_redirects", "The number of redirects");
const SSL: Name = Name(
    "probe_http_ssl",
    "Indicates if SSL was used for the final redirect",
);
const STATUS: Name = Name("probe_http_status_code", "Response HTTP status code");
const VERSION: Name = Name(
    "probe_http_version",
    "Returns the version of HTTP of the probe response",
);
const FAILED_REGEX: Name = Name(
    "probe_failed_due_to_regex",
    "Indicates if probe failed due to regex",
);
const FAILED_CEL: Name = Name(
    "probe_failed_due_to_cel",
    "Indicates if probe failed due to CEL expression not matching",
);
const LAST_MODIFIED: Name = Name(
    "probe_http_last_modified_timestamp_seconds",
    "Returns the Last-Modified HTTP response header in unixtime",
);

const RESOLVE: Phase = Phase("{phase=\"resolve\"}");
const CONNECT: Phase = Phase("{phase=\"connect\"}");
const TLS: Phase = Phase("{phase=\"tls\"}");
const PROCESSING: Phase = Phase("{phase=\"processing\"}");
const TRANSFER: Phase = Phase("{phase=\"transfer\"}");

/// A module's `http` block.
#[derive(Debug)]
pub(crate) struct Http {
    valid_status_codes: Vec<i64>,
    valid_versions: Vec<String>,
    choice: Choice,
    skips_resolution: bool,
    fail_if_ssl: bool,
    fail_if_not_ssl: bool,
    method: Result<Method, String>,
    headers: HeaderMap,
    /// The `Host` header of the module.
    pub(super) host: Option<String>,
    body: Body,
    client: Client,
    wants_http3: bool,
    body_limit: u64,
    reading: Arc<BodyPlan>,
    matches: Vec<Pattern>,
    not_matches: Vec<Pattern>,
    cel: Option<Arc<Expression>>,
    cel_not: Option<Arc<Expression>>,
    header_matches: Vec<HeaderMatch>,
    header_not_matches: Vec<HeaderMatch>,
}

#[derive(Debug)]
enum Body {
    Text(Bytes),
    /// Read for each request.
    File(PathBuf),
}

#[derive(Debug)]
struct HeaderMatch {
    header: HeaderName,
    pattern: Pattern,
    allow_missing: bool,
}

impl Http {
    pub(super) async fn look(&self, look: &mut Look<'_>, asked: &Asked<'_>) -> bool {
        for name in [
            CONTENT_LENGTH,
            BODY_LENGTH,
            REDIRECTS,
            SSL,
            STATUS,
            VERSION,
            FAILED_REGEX,
        ] {
            look.metrics.set(name, 0.0);
        }
        if self.cel.is_some() || self.cel_not.is_some() {
            look.metrics.set(FAILED_CEL, 0.0);
        }
        if self.wants_http3 {
            look.unmet(
                Reason::CannotLook,
                "HTTP/3 is not spoken",
                "the module has enable_http3",
            );
            return false;
        }
        let url = match parse(asked.target) {
            Ok(url) => url,
            Err(why) => {
                look.unmet(Reason::CannotLook, "Could not parse target URL", why);
                return false;
            }
        };
        let mut ip = None;
        if !(self.skips_resolution && self.client.proxy.is_fixed()) {
            let (chosen, took) = self.choice.choose(look, url.host_str().unwrap_or_default()).await;
            look.metrics.add(DURATION, RESOLVE, took.as_secs_f64());
            if chosen.is_none() {
                return false;
            }
            ip = chosen;
        }
        if let Err(why) = self.client.tls.own() {
            look.unmet(Reason::CannotLook, "Error generating HTTP client", why);
            return false;
        }
        for phase in [CONNECT, TLS, PROCESSING, TRANSFER] {
            look.metrics.add(DURATION, phase, 0.0);
        }
        let body = match self.body() {
            Ok(body) => body,
            Err(fault) => {
                look.fail("Error creating request", fault);
                return false;
            }
        };
        let journey = match Journey::begin(self, url, ip, asked.hostname, body) {
            Ok(journey) => journey,
            Err(fault) => {
                look.fail("Error creating request", fault);
                return false;
            }
        };
        let arrival = journey.go(look).await;
        look.metrics.set(REDIRECTS, f64::from(arrival.redirects));
        match arrival.answer {
            Ok(answer) => self.judge(look, &answer),
            Err(fault) => {
                look.fail("Error for HTTP request", fault);
                if self.fail_if_not_ssl {
                    look.unmet(Reason::AssertFailed, "Final request was not over SSL", "");
                }
                false
            }
        }
    }

    fn body(&self) -> Result<Bytes, Fault> {
        match &self.body {
            Body::Text(text) => Ok(text.clone()),
            Body::File(path) => match super::tls::whole(path) {
                Ok(text) => Ok(text.into()),
                Err(why) => Err(Fault::new(Reason::CannotLook, why)),
            },
        }
    }
}

/// The target as a URL; `http://` is meant where no scheme of HTTP is said.
fn parse(target: &str) -> Result<url::Url, String> {
    let is_whole = |scheme: &str| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let url = match is_whole("http://") || is_whole("https://") {
        true => url::Url::parse(target),
        false => url::Url::parse(&format!("http://{target}")),
    };
    url.map_err(|error| error.to_string())
}
