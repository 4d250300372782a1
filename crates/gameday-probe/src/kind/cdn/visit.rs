//! One request to one edge, and the copy that it served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::{Phases, Reason};
use hyper::header::HeaderMap;
use jiff::Timestamp;

use super::Cdn;
use super::expect::Check;
use crate::assertion::{Assertion, Unmet};
use crate::cdn::{Cache, Freshness, pop, said};
use crate::evidence::Evidence;
use crate::kind::Means;
use crate::net::{Request, Route, Url};
use crate::observation::Fault;
use crate::response::Response;
use crate::values::Values;

/// What was found instead is cut after so many characters.
const MAX_FOUND_CHARS: usize = 120;

/// Who is asked.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// For people.
    pub(super) label: String,
    /// A fault when it could not be found.
    pub(super) at: Result<SocketAddr, Fault>,
    pub(super) url: Url,
    pub(super) route: Arc<Route>,
    pub(super) is_origin: bool,
}

/// A request with what came of it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) target: Target,
    pub(super) copy: Result<Copy, Fault>,
    pub(super) evidence: Evidence,
    pub(super) phases: Phases,
    pub(super) took: Duration,
}

/// What an edge serves.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: u64,
    /// The body's beginning as hexadecimal SHA-256, for people and for comparison.
    pub(super) sha256: String,
    pub(super) cache: Cache,
    /// The header that says so.
    pub(super) cache_said: Option<String>,
    pub(super) freshness: Freshness,
    pub(super) pop: Option<String>,
    /// Of each assertion of `expect`, in order: what was found instead.
    pub(super) unmet: Vec<Option<String>>,
}

impl Target {
    pub(super) async fn visit(
        self,
        panel: &Cdn,
        headers: &HeaderMap,
        means: &Means<'_>,
        values: &Values<'_>,
        deadline: Instant,
    ) -> Visit {
        let began = Instant::now();
        let address = match &self.at {
            Ok(address) => *address,
            Err(fault) => {
                return Visit {
                    copy: Err(fault.clone()),
                    target: self,
                    evidence: Evidence::default(),
                    phases: Phases::default(),
                    took: Duration::ZERO,
                };
            }
        };
        let mut request = Request::get(self.url.clone());
        request.method = panel.method.clone();
        // The name stays in SNI and `Host`.
        request.url.port = address.port();
        request.headers = headers.clone();
        request.route = Arc::new(Route {
            address: Some(address.ip()),
            ..Route::clone(&self.route)
        });
        request.reading = panel.reading.clone();
        let exchange = means.connector.exchange(&request, deadline).await;
        Visit {
            copy: exchange
                .result
                .map(|response| Copy::read(&response, panel, values)),
            target: self,
            evidence: exchange.evidence,
            phases: exchange.phases,
            took: began.elapsed(),
        }
    }
}

impl Copy {
    fn read(response: &Response, panel: &Cdn, values: &Values<'_>) -> Self {
        let headers = &response.headers;
        let own = panel.cache_header.as_ref().map(hyper::header::HeaderName::as_str);
        let (cache, cache_said) = said(headers, own, response.status);
        let sha256 = response.body.sha256.unwrap_or_default();
        let checks = panel.expect.iter().map(|one| match &one.check {
            Check::Each(assertion) => unmet(assertion, response, values),
            _ => None,
        });
        Self {
            status: response.status,
            bytes: response.body.bytes,
            // Half of it tells bodies apart as surely, and can still be read.
            sha256: sha256[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
            cache,
            cache_said,
            freshness: Freshness::of(headers, cache, Timestamp::now()),
            pop: pop(headers),
            unmet: checks.collect(),
            headers: headers.clone(),
        }
    }

    /// The cache's word, or `STALE` when the copy is older than it may be whatever the cache says.
    pub(super) fn cache(&self) -> Cache {
        match (&self.freshness.stale, self.cache) {
            (Some(_), Cache::Updating) | (None, _) => self.cache,
            (Some(_), _) => Cache::Stale,
        }
    }

    pub(super) fn tells_cache(&self) -> bool {
        self.cache() != Cache::Unknown
    }

    /// Whether it is stale or not can be known.
    pub(super) fn tells_freshness(&self) -> bool {
        self.tells_cache() || (self.freshness.age.is_some() && self.freshness.lifetime.is_some())
    }
}

impl Visit {
    /// For people: the address, and the place's name if it told one.
    pub(super) fn name(&self) -> String {
        match self.copy.as_ref().ok().and_then(|copy| copy.pop.as_ref()) {
            Some(pop) if !self.target.is_origin => format!("{} ({pop})", self.target.label),
            _ => self.target.label.clone(),
        }
    }

    /// What keeps it from being compared.
    pub(super) fn fault(&self, panel: &Cdn) -> Option<Fault> {
        let who = match self.target.is_origin {
            true => self.target.label.clone(),
            false => format!("the edge {}", self.target.label),
        };
        match &self.copy {
            Err(fault) => Some(Fault::new(fault.reason, format!("{who}: {}", fault.message))),
            Ok(copy) => {
                let is_asserted = panel.expect.iter().any(|one| one.check.is_about_status());
                // An origin that fails has no version to compare with, whatever the edges may answer.
                let limit = if is_asserted { 500 } else { 400 };
                let is_bad = copy.status >= limit && (self.target.is_origin || !is_asserted);
                let hint = if is_asserted {
                    ""
                } else {
                    "; without an assertion on it, it must be below 400"
                };
                is_bad.then(|| {
                    let message = format!("{who}: status {}{hint}", copy.status);
                    Fault::new(Reason::HttpStatus, message)
                })
            }
        }
    }
}

fn unmet(assertion: &Assertion, response: &Response, values: &Values<'_>) -> Option<String> {
    let found = match assertion.check(response, values).err()? {
        Unmet::Found(found) => found,
        Unmet::Missing(missing) => format!("`{}` has no value", missing.0),
    };
    Some(found.chars().take(MAX_FOUND_CHARS).collect())
}
