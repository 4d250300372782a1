//! `[Options]` of an entry as keys of a step.

use std::net::IpAddr;
use std::time::Duration;

use gameday_core::Span;

use super::file::Pair;
use super::names::Names;
use crate::file::MAX_RETRIES;
use crate::import::write::{Step, inline, quoted};

/// More redirects are never followed here.
const MAX_FOLLOW: u32 = 50;

/// What an entry's options say beside the keys of a step.
#[derive(Debug, Default)]
pub(super) struct Options {
    follow: bool,
    max_redirects: Option<u32>,
    retries: u32,
    interval: Option<Duration>,
    delay: Option<Duration>,
    tls: Vec<(String, String)>,
    pub(super) user: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) skip: bool,
    max_time: Option<Duration>,
}

impl Options {
    /// The user that the URL names, and nothing else yet.
    pub(super) fn of(user: Option<String>) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// Takes one option.
    ///
    /// # Errors
    /// In words: why there is no such thing here.
    pub(super) fn take(
        &mut self,
        option: &Pair,
        step: &mut Step,
        url: &str,
        names: &mut Names,
    ) -> Result<(), String> {
        let value = option.value.as_str();
        let is_on = value == "true";
        match option.key.as_str() {
            "location" => self.follow = is_on,
            "location-trusted" => {
                self.follow = is_on;
                return Err("redirects are followed, but credentials stay with the first host".to_owned());
            }
            "max-redirs" => self.max_redirects = Some(value.parse().unwrap_or(MAX_FOLLOW).min(MAX_FOLLOW)),
            "retry" => match value.parse() {
                Ok(times @ 0..=MAX_RETRIES) => self.retries = times,
                _ => {
                    self.retries = MAX_RETRIES;
                    return Err(format!("a step is tried again {MAX_RETRIES} times at most"));
                }
            },
            "delay" => self.delay = Some(span(value, 1)?),
            "retry-interval" => self.interval = Some(span(value, 1)?),
            "max-time" => self.max_time = Some(span(value, 1000)?),
            "insecure" if is_on => self.tls.push(("insecure".to_owned(), "true".to_owned())),
            "cacert" => self.tls.push(("roots".to_owned(), quoted(&names.file(value)?))),
            "cert" => self
                .tls
                .push(("cert".to_owned(), quoted(&names.file(certificate(value)?)?))),
            "key" => self.tls.push(("key".to_owned(), quoted(&names.file(value)?))),
            "http1.1" if is_on => step.text("version", "1.1"),
            "http2" if is_on => step.text("version", "2"),
            "user" => self.user = Some(value.to_owned()),
            "header" => {
                let (name, value) = value.split_once(':').ok_or("a header is `Name: value`")?;
                self.headers
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "variable" => {
                let (name, value) = value.split_once('=').ok_or("a variable is `name=value`")?;
                names.set(name.trim(), value.trim().trim_matches('"'))?;
            }
            "connect-to" | "resolve" => step.text("connect_to", &address(value, url)?.to_string()),
            "skip" => self.skip = is_on,
            // What is asked for anyway, or said by something else.
            "compressed" | "verbose" | "very-verbose" | "verbosity" | "color" | "no-color" => {}
            "insecure" | "http1.0" | "http1.1" | "http2" | "http3" | "path-as-is" | "ipv4" | "ipv6"
            | "netrc" | "digest" | "ntlm" | "negotiate"
                if value == "false" => {}
            other => return Err(why_not(other)),
        }
        Ok(())
    }

    /// Writes what depends on several of them; how long the step may wait before it and between its tries.
    pub(super) fn finish(&self, step: &mut Step) -> Duration {
        if self.follow {
            step.raw("follow", &self.max_redirects.unwrap_or(MAX_FOLLOW).to_string());
        }
        for (key, value) in &self.tls {
            step.raw(key, value);
        }
        if let Some(max_time) = self.max_time {
            step.text("timeout", &Span::from_value(max_time).to_string());
        }
        let delay = self.delay.unwrap_or_default();
        if !delay.is_zero() {
            step.text("delay", &Span::from_value(delay).to_string());
        }
        if self.retries == 0 {
            return delay;
        }
        let interval = self.interval.unwrap_or(Duration::from_secs(1));
        let every = quoted(&Span::from_value(interval).to_string());
        let retry = [
            ("times".to_owned(), self.retries.to_string()),
            ("every".to_owned(), every),
        ];
        step.raw("retry", &inline(&retry));
        delay + interval * self.retries
    }
}

fn why_not(option: &str) -> String {
    match option {
        "repeat" => "a step runs once a look".to_owned(),
        "connect-timeout" => "there is `timeout` for a whole request".to_owned(),
        "http1.0" | "http3" => "HTTP/1.1 and HTTP/2 are spoken here".to_owned(),
        "ipv4" | "ipv6" => "`family = \"ip4\"` in `[http]` says it for all steps".to_owned(),
        "digest" | "ntlm" | "negotiate" | "aws-sigv4" => {
            "`auth` is basic, bearer or client credentials here".to_owned()
        }
        "proxy" | "unix-socket" => "a probe goes the way that users go".to_owned(),
        "netrc" | "netrc-file" | "netrc-optional" => {
            "secrets come from the environment: `[secrets]`".to_owned()
        }
        "pinnedpubkey" => "`[check.tls]` pins keys".to_owned(),
        "output" => "a probe writes no files; evidence of failures is kept".to_owned(),
        _ => "there is no such thing here".to_owned(),
    }
}

/// A time with a unit, or a number of so many milliseconds.
fn span(text: &str, unit_ms: u64) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(number) => Ok(Duration::from_millis(number.saturating_mul(unit_ms))),
        Err(_) => text
            .parse::<Span>()
            .map(Span::get)
            .map_err(|error| error.to_string()),
    }
}

/// curl's `FILE:PASSWORD`.
fn certificate(value: &str) -> Result<&str, String> {
    match value.split_once(':') {
        None => Ok(value),
        Some(_) => Err("a key with a password cannot be read".to_owned()),
    }
}

/// `host:port:address` or `host:port:address:port` of the URL's own host.
fn address(value: &str, url: &str) -> Result<IpAddr, String> {
    let why = "only the URL's own host can be dialled at another address: `connect_to`";
    let mut parts = value.splitn(3, ':');
    let (Some(host), Some(_), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(why.to_owned());
    };
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let address = bare(rest).or_else(|| bare(rest.rsplit_once(':')?.0));
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let is_own = host.is_empty() || authority.starts_with(host);
    address.filter(|_| is_own).ok_or_else(|| why.to_owned())
}
