//! Follows redirects, as a browser would (RFC 9110, 15.4; WHATWG Fetch, 4.4), and names loops.

use std::time::Instant;

use gameday_core::Reason;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};

use super::{Asking, Stop};
use crate::net::{Request, Url};
use crate::observation::Fault;
use crate::response::Response;

impl Asking<'_, '_> {
    /// Sends a request, and follows where its answer leads, at most `follow` times.
    pub(super) async fn follow(
        &mut self,
        mut request: Request,
        follow: u32,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let mut been = Vec::new();
        let mut phases = gameday_core::Phases::default();
        loop {
            self.session.sign(&request.url.to_string(), &mut request.headers);
            let mut response = self.exchange(&request, deadline).await?;
            phases.add(&response.phases);
            let redirects = u32::try_from(been.len()).unwrap_or(u32::MAX);
            let Some(next) = (follow > 0).then(|| next(&request, &response)).flatten() else {
                response.redirects = redirects;
                return Ok(response.took(phases));
            };
            let next = next?;
            let here = (request.method.clone(), response.url);
            been.push(here);
            let there = (next.method.clone(), next.url.to_string());
            if been.contains(&there) {
                return Err(redirect_loop(&been, &there.1).into());
            }
            if redirects >= follow {
                let message = format!("redirect {} to `{}` is one too many", redirects + 1, there.1);
                return Err(Fault::new(Reason::TooManyRedirects, message).into());
            }
            request = next;
        }
    }
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
            format!("a redirect from `{}` to `{location}`: {wrong}", response.url),
        )),
    })
}

fn redirected(request: &Request, url: Url, status: u16) -> Request {
    let mut next = request.clone();
    next.headers.remove(COOKIE);
    next.headers.remove("traceparent");
    // What only the first host should hear stays with it.
    if (&next.url.host, next.url.port, next.url.tls) != (&url.host, url.port, url.tls) {
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

fn redirect_loop(been: &[(Method, String)], back_to: &str) -> Fault {
    let mut urls: Vec<&str> = been.iter().map(|(_, url)| url.as_str()).collect();
    urls.push(back_to);
    Fault::new(
        Reason::RedirectLoop,
        format!("the redirects go round: {}", urls.join(" → ")),
    )
}
