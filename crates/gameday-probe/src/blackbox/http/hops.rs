//! The way to the final answer: one connection for each hop, redirects followed as Go's client follows them.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use cookie_store::{CookieStore, RawCookie};
use gameday_core::Reason;
use hyper::Method;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION, REFERER, SET_COOKIE,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;
use url::Url;

use super::super::client::{Via, hidden};
use super::super::look::Look;
use super::super::ssl::{self, Secured};
use super::super::tls::Tls;
use super::{Body, CONNECT, DURATION, Http, PROCESSING, TRANSFER};
use crate::net::{self, Alpn, Answer, Head, HttpVersion, Io, Link, Request, Route, Trail};
use crate::observation::Fault;

/// So many redirects are followed; the next one is where it ends.
const MAX_REDIRECTS: u32 = 10;
/// A proxy's answer to CONNECT may not be longer.
const MAX_TUNNEL_HEAD: usize = 16 * 1024;

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

/// How the next hop's server is reached.
struct Way<'a> {
    host: &'a str,
    port: u16,
    tls: bool,
    via: Option<&'a Via>,
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

    async fn request(
        &self,
        look: &mut Look<'_>,
        host: &str,
        port: u16,
        tls: bool,
        via: Option<&Via>,
    ) -> Result<Request, Fault> {
        let at_home = self.url.host_str() == Some(&self.home);
        let mut headers = self.headers.clone();
        self.module.client.sign(look, &mut headers, at_home).await?;
        if let Some(store) = &self.cookies {
            let pairs = store.get_request_values(&self.url);
            let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
            if !pairs.is_empty() {
                headers.insert(COOKIE, hidden(&pairs.join("; "))?);
            }
        }
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let said = match self.url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed,
        };
        let authority = self.host.clone().unwrap_or_else(|| said.clone());
        let mut target = self.url.path().to_owned();
        if let Some(query) = self.url.query() {
            target = format!("{target}?{query}");
        }
        if let Some(via) = via.filter(|_| !tls) {
            // A proxy is told the whole URL (RFC 9112, 3.2.2), in theirs with the address that was found.
            let place = self
                .ip
                .map_or(said, |ip| std::net::SocketAddr::new(ip, port).to_string());
            target = format!("http://{place}{target}");
            headers.extend(via.headers.clone());
        }
        Ok(Request {
            private: false,
            method: self.method.clone(),
            url: net::Url {
                tls,
                host: host.to_owned(),
                port,
                authority,
                target,
            },
            headers,
            body: (!self.body.is_empty()).then(|| self.body.clone()),
            route: Arc::new(Route {
                version: HttpVersion::Auto,
                ..Route::default()
            }),
            bare: true,
            reading: Arc::clone(&self.module.reading),
        })
    }

    async fn open(
        &self,
        look: &mut Look<'_>,
        way: &Way<'_>,
        trail: &mut Trail,
    ) -> Result<(Link, Option<Secured>), Fault> {
        let Way { host, port, tls, via } = *way;
        let (to, at, address) = match via {
            Some(via) => (via.host.as_str(), via.port, None),
            None => (host, port, self.ip),
        };
        let route = Route {
            address,
            ..Route::default()
        };
        let (stream, remote) = look.connector.reach(to, at, &route, look.deadline, trail).await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        if let Some(via) = via {
            if via.tls {
                let plain = Tls::default();
                let (secured, _) = ssl::secure(look, stream, &via.host, Alpn::None, &plain, trail).await?;
                stream = Box::new(secured);
            }
            if tls {
                let place = self.ip.map_or_else(
                    || format!("{host}:{port}"),
                    |ip| std::net::SocketAddr::new(ip, port).to_string(),
                );
                let tunnel = tunnel(
                    &mut stream,
                    &place,
                    via,
                    &self.module.client.proxy.connect_headers,
                );
                let dug = timeout_at(look.deadline.into(), tunnel).await;
                dug.map_err(|_| Fault::new(Reason::ConnectTimeout, "the proxy did not answer in time"))??;
            }
        }
        if !tls {
            let link = Link {
                stream,
                remote,
                chose_http2: false,
            };
            return Ok((link, None));
        }
        let name = if self.at_first {
            self.server_name.as_str()
        } else {
            host
        };
        let alpn = if self.module.client.http2 {
            Alpn::Both
        } else {
            Alpn::None
        };
        let (stream, secured) = ssl::secure(look, stream, name, alpn, &self.module.client.tls, trail).await?;
        let link = Link {
            stream: Box::new(stream),
            remote,
            chose_http2: secured.chose_http2,
        };
        Ok((link, Some(secured)))
    }
}

/// CONNECT (RFC 9110, 9.3.6).
async fn tunnel(stream: &mut Box<dyn Io>, place: &str, via: &Via, headers: &HeaderMap) -> Result<(), Fault> {
    let broken = |error: std::io::Error| {
        Fault::new(
            Reason::ConnectionReset,
            format!("the proxy closed the connection: {error}"),
        )
    };
    let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    for (name, value) in via.headers.iter().chain(headers) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut answer = Vec::new();
    // Byte by byte: what comes behind the head belongs to the tunnel.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_TUNNEL_HEAD {
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    let first = String::from_utf8_lossy(&answer);
    let status = first.split_whitespace().nth(1).unwrap_or_default();
    match status.starts_with('2') {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::HttpStatus,
            format!(
                "the proxy answered CONNECT with `{}`",
                first.lines().next().unwrap_or_default()
            ),
        )),
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
