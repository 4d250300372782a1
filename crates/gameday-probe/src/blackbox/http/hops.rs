//! The way to the final answer: one connection for each hop, redirects followed as Go's client follows them.

mod request;
mod way;

use std::net::IpAddr;

use bytes::Bytes;
use cookie_store::{CookieStore, RawCookie};
use gameday_core::Reason;
use hyper::Method;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION, REFERER, SET_COOKIE,
};
use url::Url;

use super::super::client::hidden;
use super::super::look::Look;
use super::super::ssl::Secured;
use super::{Body, CONNECT, DURATION, Http, PROCESSING, TRANSFER};
use crate::net::{self, Answer, Head, Request, Trail};
use crate::observation::Fault;
use way::Way;

/// So many redirects are followed; the next one is where it ends.
const MAX_REDIRECTS: u32 = 10;

/// Where the hops led.
pub(super) struct Arrival {
    /// Redirects that came, the one too many among them.
    pub(super) redirects: u32,
    pub(super) answer: Result<Final, Fault>,
}

/// The last answer.
pub(super) struct Final {
    pub(super) answer: Answer,
    pub(super) secured: Option<Secured>,
    /// It is a redirect that was not followed, and its body was not read.
    pub(super) not_followed: bool,
    pub(super) is_head: bool,
}

/// What the next hop asks.
pub(super) struct Journey<'m> {
    module: &'m Http,
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// Said instead of the URL's host.
    host: Option<String>,
    /// The first hop's own address; its name is only said.
    ip: Option<IpAddr>,
    /// Names of the first host, to which credentials may go again.
    home: String,
    /// The name that TLS asks the first host for.
    server_name: String,
    /// No redirect has led elsewhere.
    at_first: bool,
    cookies: Option<CookieStore>,
}

impl<'m> Journey<'m> {
    pub(super) fn begin(
        module: &'m Http,
        url: Url,
        ip: Option<IpAddr>,
        hostname: Option<&str>,
        body: Bytes,
    ) -> Result<Self, Fault> {
        let ours = |why: String| Fault::new(Reason::CannotLook, why);
        let home = url.host_str().unwrap_or_default().to_owned();
        let host = hostname.map(str::to_owned).or_else(|| module.host.clone());
        let own = module.client.tls.server_name.clone();
        let said = host.as_deref().map(|host| without_port(host).to_owned());
        let mut headers = module.headers.clone();
        if !url.username().is_empty() && !headers.contains_key(AUTHORIZATION) {
            let plain = |text: &str| {
                percent_encoding::percent_decode_str(text)
                    .decode_utf8_lossy()
                    .into_owned()
            };
            let (user, password) = (plain(url.username()), plain(url.password().unwrap_or_default()));
            headers.insert(
                AUTHORIZATION,
                hidden(&super::super::client::basic(&user, &password))?,
            );
        }
        Ok(Self {
            module,
            method: module.method.clone().map_err(ours)?,
            headers,
            body,
            host,
            ip,
            server_name: own.or(said).unwrap_or_else(|| bare(&home).to_owned()),
            home,
            at_first: true,
            url,
            cookies: None,
        })
    }

    pub(super) async fn go(mut self, look: &mut Look<'_>) -> Arrival {
        let mut redirects = 0;
        loop {
            let answer = match self.hop(look, redirects).await {
                Ok(hop) => hop,
                Err(fault) => {
                    let answer = Err(fault);
                    return Arrival { redirects, answer };
                }
            };
            let Some(location) = self.location(&answer.answer.head) else {
                let answer = Ok(answer);
                return Arrival { redirects, answer };
            };
            redirects += 1;
            look.log
                .info("Received redirect", [("location", location.as_str().into())]);
            if redirects > MAX_REDIRECTS || !self.module.client.follow_redirects {
                look.log.info("Not following redirect", []);
                if redirects > MAX_REDIRECTS {
                    look.reason.get_or_insert(Reason::TooManyRedirects);
                }
                let not_followed = true;
                let answer = Ok(Final {
                    not_followed,
                    ..answer
                });
                return Arrival { redirects, answer };
            }
            if let Err(fault) = self.turn(&answer.answer.head, &location) {
                let answer = Err(fault);
                return Arrival { redirects, answer };
            }
        }
    }

    /// Where an answer leads, if it is a redirect that can be followed.
    fn location(&self, head: &Head) -> Option<String> {
        let keeps_body = match head.status {
            301..=303 => false,
            307 | 308 => true,
            _ => return None,
        };
        // What was read from a file cannot be sent again; theirs take such an answer as it is.
        if keeps_body && matches!(self.module.body, Body::File(_)) {
            return None;
        }
        let location = head.headers.get(LOCATION)?;
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        (!location.is_empty()).then_some(location)
    }

    /// Makes the next hop of an answer.
    fn turn(&mut self, head: &Head, location: &str) -> Result<(), Fault> {
        let next = self.url.join(location).map_err(|error| {
            let message = format!("failed to parse Location header `{location}`: {error}");
            Fault::new(Reason::HttpProtocol, message)
        })?;
        if !matches!(next.scheme(), "http" | "https") {
            let message = format!("unsupported protocol scheme `{}`", next.scheme());
            return Err(Fault::new(Reason::HttpProtocol, message));
        }
        self.remember(head);
        if self.url.scheme() == "http" || next.scheme() == "https" {
            let mut from = self.url.clone();
            from.set_username("").ok();
            from.set_password(None).ok();
            if let Ok(value) = HeaderValue::from_str(from.as_str()) {
                self.headers.insert(REFERER, value);
            }
        }
        if matches!(head.status, 301..=303) {
            if self.method != Method::HEAD {
                self.method = Method::GET;
            }
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
        }
        let is_relative = Url::parse(location).is_err() && !location.starts_with("//");
        if !is_relative {
            // The names that were said stay with the address that they were said to.
            self.at_first &= self.ip.is_none() && next.host_str() == Some(&self.home);
            self.host = None;
            self.ip = None;
        }
        if next.host_str() != self.url.host_str() {
            self.headers.remove(AUTHORIZATION);
            self.headers.remove(COOKIE);
        }
        self.url = next;
        Ok(())
    }

    fn remember(&mut self, head: &Head) {
        let set = head.headers.get_all(SET_COOKIE).iter();
        let mut cookies = set
            .filter_map(|value| RawCookie::parse(value.to_str().ok()?.to_owned()).ok())
            .peekable();
        if cookies.peek().is_some() {
            let store = self.cookies.get_or_insert_default();
            store.store_response_cookies(cookies, &self.url);
        }
    }

    /// Asks once.
    async fn hop(&self, look: &mut Look<'_>, number: u32) -> Result<Final, Fault> {
        let tls = self.url.scheme() == "https";
        let host = bare(self.url.host_str().unwrap_or_default()).to_owned();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let via = self.module.client.proxy.via(tls, &host, port, look.environment);
        let request = self.request(look, &host, port, tls, via.as_ref()).await?;
        look.log.info(
            "Making HTTP request",
            [
                ("url", gameday_core::redact_url(self.url.as_str()).into()),
                ("host", request.url.authority.as_str().into()),
            ],
        );
        let mut trail = Trail::start();
        let way = Way {
            host: &host,
            port,
            tls,
            via: via.as_ref(),
        };
        let answer = self.ask(look, &request, &way, &mut trail, number).await;
        look.took(&trail);
        answer
    }

    async fn ask(
        &self,
        look: &mut Look<'_>,
        request: &Request,
        way: &Way<'_>,
        trail: &mut Trail,
        number: u32,
    ) -> Result<Final, Fault> {
        let (link, secured) = self.open(look, way, trail).await?;
        let phases = trail.laps.phases();
        if number > 0 {
            look.metrics
                .add(DURATION, super::RESOLVE, seconds(phases.resolve_us));
        }
        look.metrics.add(DURATION, CONNECT, seconds(phases.connect_us));
        look.metrics.add(DURATION, super::TLS, seconds(phases.tls_us));
        let follows = self.module.client.follow_redirects && number < MAX_REDIRECTS;
        // A redirect's body is not read: theirs closes the connection.
        let wants_body = |head: &Head| self.location(head).is_none();
        let answer = net::ask(link, request, look.deadline, trail, &wants_body).await?;
        let phases = trail.laps.phases();
        look.metrics
            .add(DURATION, PROCESSING, seconds(phases.send_us + phases.wait_us));
        let is_last = !follows || self.location(&answer.head).is_none();
        if is_last {
            look.metrics.add(DURATION, TRANSFER, seconds(phases.transfer_us));
        }
        Ok(Final {
            answer,
            secured,
            not_followed: false,
            is_head: self.method == Method::HEAD,
        })
    }
}

fn seconds(us: u64) -> f64 {
    std::time::Duration::from_micros(us).as_secs_f64()
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() && !name.ends_with(':') => bare(name),
        _ => bare(host),
    }
}
