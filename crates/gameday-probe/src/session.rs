//! What the requests of one run share: the way out, cookies, the trace, and what was seen.

use cookie_store::{CookieStore, RawCookie};
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use url::Url;
use uuid::Uuid;

use crate::evidence::Evidence;
use crate::net::Connector;
use crate::plan::FlowPlan;

/// W3C Trace Context, 3.2.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// One run of a flow.
pub(crate) struct Session<'a> {
    pub(crate) connector: &'a Connector,
    cookies: Option<CookieStore>,
    /// 32 hexadecimal digits by which the run's requests can be found in the traces.
    pub(crate) trace_id: Option<String>,
    pub(crate) evidence: Evidence,
}

impl<'a> Session<'a> {
    pub(crate) fn begin(connector: &'a Connector, flow: &FlowPlan) -> Self {
        Self {
            connector,
            cookies: flow.cookies.then(CookieStore::default),
            trace_id: flow.traceparent.then(|| Uuid::new_v4().simple().to_string()),
            evidence: Evidence::default(),
        }
    }

    /// Adds what every request of the run carries; what the step says itself stays.
    pub(crate) fn sign(&self, url: &str, headers: &mut HeaderMap) {
        if let Some(cookies) = self.cookies_for(url, headers.get(COOKIE)) {
            headers.insert(COOKIE, cookies);
        }
        if let Some(trace_id) = &self.trace_id {
            // The parent's id is 16 digits, not all zero; the flag says that it may be recorded.
            let span = &Uuid::new_v4().simple().to_string()[..16];
            let value = HeaderValue::from_str(&format!("00-{trace_id}-{span}-01"));
            headers
                .entry(TRACEPARENT)
                .or_insert(value.expect("hexadecimal digits"));
        }
    }

    /// The step's own cookies, and those that were set and have other names.
    fn cookies_for(&self, url: &str, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        let url = Url::parse(url).ok()?;
        let own = own.map(|own| String::from_utf8_lossy(own.as_bytes()));
        let mut pairs: Vec<String> = own.iter().map(ToString::to_string).collect();
        for (name, value) in self.cookies.as_ref()?.get_request_values(&url) {
            let is_own = |own: &str| {
                own.split(';')
                    .any(|pair| pair.trim().split('=').next() == Some(name))
            };
            if !own.as_deref().is_some_and(is_own) {
                pairs.push(format!("{name}={value}"));
            }
        }
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        (!pairs.is_empty()).then_some(value)
    }

    /// Keeps the cookies that an answer sets.
    pub(crate) fn remember(&mut self, url: &str, headers: &HeaderMap) {
        let (Some(store), Ok(url)) = (&mut self.cookies, Url::parse(url)) else {
            return;
        };
        let set = headers.get_all(SET_COOKIE).iter();
        let cookies = set.filter_map(|value| RawCookie::parse(value.to_str().ok()?.to_owned()).ok());
        store.store_response_cookies(cookies, &url);
    }
}
