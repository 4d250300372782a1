//! Follows redirects, as a browser would (RFC 9110, 15.4; WHATWG Fetch, 4.4), and names loops.

use std::time::Instant;

use gameday_core::Reason;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, LOCATION};

use super::{Asking, Stop};
use crate::credentials;
use crate::net::{Request, Url};
use crate::observation::Fault;
use crate::response::Response;

/// A place that is no URL is cut in messages after so many bytes.
const MAX_SHOWN_BYTES: usize = 120;

impl Asking<'_, '_> {
    /// Sends a request, and follows where its answer leads, at most `follow` times.
    pub(super) async fn follow(
        &mut self,
        mut request: Request,
        follow: u32,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let (home, own_cookies) = (request.url.clone(), request.headers.get(COOKIE).cloned());
        let mut been: Vec<Station> = Vec::new();
        let mut phases = gameday_core::Phases::default();
        loop {
            if let Some(cookies) = own_cookies.as_ref().filter(|_| same_origin(&home, &request.url)) {
                request.headers.insert(COOKIE, cookies.clone());
            }
            self.session.sign(&request.url.to_string(), &mut request.headers);
            let here = Station::of(&request);
            let redirects = u32::try_from(been.len()).unwrap_or(u32::MAX);
            if been.contains(&here) {
                return Err(redirect_loop(&been, &here).into());
            }
            if redirects > follow {
                let message = format!("redirect {redirects} to `{}` is one too many", here.url);
                return Err(Fault::new(Reason::TooManyRedirects, message).into());
            }
            let mut response = self.exchange(&request, deadline).await?;
            phases.add(&response.phases);
            let Some(next) = (follow > 0).then(|| next(&request, &response)).flatten() else {
                response.redirects = redirects;
                return Ok(response.took(phases));
            };
            request = next?;
            been.push(here);
        }
    }
}

/// A request on the way. One that is made again with other cookies is no loop: the answer may be another.
#[derive(PartialEq)]
struct Station {
    method: Method,
    url: String,
    cookies: Option<HeaderValue>,
}

impl Station {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            url: request.url.to_string(),
            cookies: request.headers.get(COOKIE).cloned(),
        }
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    (&one.host, one.port, one.tls) == (&other.host, other.port, other.tls)
}

/// The request that an answer leads to; none when it is no redirect.
fn next(request: &Request, response: &Response) -> Option<Result<Request, Fault>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(LOCATION)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    let base = url::Url::parse(&response.url).ok()?;
    let url = base.join(&location).map_err(|error| error.to_string());
    let url = url.and_then(|url| Url::parse(url.as_str()));
    Some(match url {
        Ok(url) => Ok(redirected(request, url, response.status)),
        Err(wrong) => Err(Fault::new(
            Reason::HttpProtocol,
            format!(
                "a redirect from `{}` to `{}`: {wrong}",
                response.url,
                cut(&credentials::hidden(&location))
            ),
        )),
    })
}

/// The beginning of a text that may be very long.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)]
}

fn redirected(request: &Request, url: Url, status: u16) -> Request {
    let mut next = request.clone();
    next.headers.remove(COOKIE);
    next.headers.remove("traceparent");
    // What only the first host should hear stays with it.
    if !same_origin(&next.url, &url) {
        let private = request.headers.iter().filter(|(_, value)| value.is_sensitive());
        for (name, _) in private {
            next.headers.remove(name);
        }
        next.headers.remove(AUTHORIZATION);
        let mut route = (*next.route).clone();
        route.address = None;
        next.route = route.into();
    }
    let becomes_get = status == 303 && next.method != Method::HEAD
        || matches!(status, 301 | 302) && next.method == Method::POST;
    if becomes_get {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(CONTENT_TYPE);
    }
    next.url = url;
    next
}

fn redirect_loop(been: &[Station], back_to: &Station) -> Fault {
    let stations = been.iter().chain([back_to]);
    let urls: Vec<&str> = stations.map(|station| station.url.as_str()).collect();
    Fault::new(
        Reason::RedirectLoop,
        format!("the redirects go round: {}", urls.join(" → ")),
    )
}
