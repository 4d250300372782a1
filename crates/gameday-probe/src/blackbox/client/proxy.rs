//! `proxy_url`, `no_proxy`, `proxy_from_environment`: whether a request goes through a proxy.

use std::net::IpAddr;

use gameday_core::Problems;
use hyper::header::{HeaderMap, HeaderName, PROXY_AUTHORIZATION};
use url::Url;

use super::super::config::{Block, Value};
use super::{basic, hidden};
use crate::Environment;

/// A proxy that a request goes through.
#[derive(Debug, Clone)]
pub(in crate::blackbox) struct Via {
    pub(in crate::blackbox) tls: bool,
    pub(in crate::blackbox) host: String,
    pub(in crate::blackbox) port: u16,
    /// What it alone is told.
    pub(in crate::blackbox) headers: HeaderMap,
}

#[derive(Default)]
pub(in crate::blackbox) struct Proxy {
    url: Option<Url>,
    except: Exceptions,
    from_environment: bool,
    /// Sent with `CONNECT`.
    pub(in crate::blackbox) connect_headers: HeaderMap,
}

/// Without what its URL may hold.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("except", &self.except)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    pub(in crate::blackbox) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        let url = block.text("proxy_url");
        let from_environment = block.flag("proxy_from_environment");
        let has_url = !url.is_empty();
        let clash = |key: &str, message: &str| problems.add(block.place(key), message);
        if from_environment && has_url {
            clash(
                "proxy_from_environment",
                "with `proxy_from_environment`, `proxy_url` may not be set",
            );
        }
        if from_environment && block.has("no_proxy") {
            clash(
                "no_proxy",
                "with `proxy_from_environment`, `no_proxy` comes from there too",
            );
        }
        for key in ["no_proxy", "proxy_connect_header"] {
            if block.has(key) && !has_url && !(from_environment && key != "no_proxy") {
                let message = format!("`{key}` needs a `proxy_url`");
                problems.add(block.place(key), message);
            }
        }
        let url = Url::parse(url).ok();
        if let Some(url) = url
            .as_ref()
            .filter(|url| !matches!(url.scheme(), "http" | "https"))
        {
            let message = format!(
                "proxies are spoken to over http and https, not `{}`",
                url.scheme()
            );
            problems.push(
                problems
                    .source()
                    .problem(block.place("proxy_url"), message)
                    .hiding_the_line(),
            );
        }
        Self {
            url,
            except: Exceptions::read(block.text("no_proxy")),
            from_environment,
            connect_headers: connect_headers(block, problems),
        }
    }

    /// Whether the file itself names a proxy.
    pub(in crate::blackbox) fn is_fixed(&self) -> bool {
        self.url.is_some()
    }

    /// The proxy for a URL, if there is one.
    pub(in crate::blackbox) fn via(
        &self,
        tls: bool,
        host: &str,
        port: u16,
        environment: &Environment,
    ) -> Option<Via> {
        if let Some(url) = &self.url {
            return if self.except.has(host, port) {
                None
            } else {
                via(url)
            };
        }
        if !self.from_environment {
            return None;
        }
        let get = |name: &str| {
            let value = environment
                .get(name)
                .or_else(|| environment.get(&name.to_lowercase()));
            value.filter(|value| !value.is_empty())
        };
        let proxy = get(if tls { "HTTPS_PROXY" } else { "HTTP_PROXY" })?;
        let except = Exceptions::of_environment(get("NO_PROXY").map_or("", String::as_str));
        if except.has(host, port) {
            return None;
        }
        let url = Url::parse(proxy)
            .or_else(|_| Url::parse(&format!("http://{proxy}")))
            .ok()?;
        via(&url)
    }
}

fn connect_headers(block: &Block, problems: &Problems<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in block.pairs("proxy_connect_header") {
        let (Ok(header), Value::List(values)) = (HeaderName::try_from(name.as_str()), values) else {
            let message = format!(
                "`{}` cannot be the name of a header",
                gameday_core::printable(name)
            );
            problems.add(block.place("proxy_connect_header"), message);
            continue;
        };
        for value in values {
            let Value::Secret(value) = value else { continue };
            match hidden(value) {
                Ok(value) => drop(headers.append(&header, value)),
                Err(wrong) => problems.add(block.place("proxy_connect_header"), wrong.message),
            }
        }
    }
    headers
}

fn via(url: &Url) -> Option<Via> {
    let mut headers = HeaderMap::new();
    if !url.username().is_empty() || url.password().is_some() {
        let plain = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let value = basic(&plain(url.username()), &plain(url.password().unwrap_or_default()));
        headers.insert(PROXY_AUTHORIZATION, hidden(&value).ok()?);
    }
    Some(Via {
        tls: url.scheme() == "https",
        host: url
            .host_str()?
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: url.port_or_known_default()?,
        headers,
    })
}

/// Hosts that are reached directly, as curl and Go read `NO_PROXY`.
#[derive(Debug, Default)]
struct Exceptions {
    entries: Vec<(String, Option<u16>)>,
    /// This machine itself is reached directly.
    and_loopback: bool,
}

impl Exceptions {
    fn read(text: &str) -> Self {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entries: Vec<_> = entries
            .map(|entry| {
                let (host, port) = match entry.rsplit_once(':') {
                    Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
                    _ => (entry, None),
                };
                (host.trim_matches(['[', ']']).to_ascii_lowercase(), port)
            })
            .collect();
        Self {
            // Go's rule comes with `no_proxy` alone.
            and_loopback: !entries.is_empty(),
            entries,
        }
    }

    fn of_environment(text: &str) -> Self {
        Self {
            and_loopback: true,
            ..Self::read(text)
        }
    }

    fn has(&self, host: &str, port: u16) -> bool {
        let host = host
            .trim_matches(['[', ']'])
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let ip: Option<IpAddr> = host.parse().ok();
        if self.and_loopback && (host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())) {
            return true;
        }
        self.entries.iter().any(|(entry, only)| {
            let fits = match (entry.as_str(), ip) {
                ("*", _) => true,
                (entry, Some(ip)) => in_range(ip, entry),
                (entry, None) => match entry.trim_start_matches('*').strip_prefix('.') {
                    Some(domain) => host.ends_with(&format!(".{domain}")),
                    None => host == entry || host.ends_with(&format!(".{entry}")),
                },
            };
            fits && only.is_none_or(|only| only == port)
        })
    }
}

/// Whether an address is in a range such as `10.0.0.0/8`, or is that one address.
fn in_range(ip: IpAddr, range: &str) -> bool {
    let (base, bits) = range.split_once('/').unwrap_or((range, "128"));
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    let (ip, base, width) = match (ip, base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => (u128::from(ip.to_bits()), u128::from(base.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(base)) => (ip.to_bits(), base.to_bits(), 128),
        _ => return false,
    };
    let shift = width - bits.min(width);
    ip.checked_shr(shift).unwrap_or(0) == base.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_names_domains_addresses_and_ranges() {
        let except = Exceptions::read("example.com, .inner.test,10.0.0.0/8, 192.168.0.1:8080,[fd00::]/8");
        for (host, port, is_direct) in [
            ("example.com", 80, true),
            ("a.example.com", 80, true),
            ("badexample.com", 80, false),
            ("inner.test", 80, false),
            ("x.inner.test", 80, true),
            ("10.1.2.3", 80, true),
            ("11.1.2.3", 80, false),
            ("192.168.0.1", 8080, true),
            ("192.168.0.1", 80, false),
            ("localhost", 80, true),
            ("127.0.0.1", 80, true),
        ] {
            assert_eq!(except.has(host, port), is_direct, "{host}:{port}");
        }
        assert!(
            !Exceptions::read("").has("localhost", 80),
            "a proxy without exceptions takes all"
        );
        assert!(Exceptions::of_environment("").has("localhost", 80));
    }
}
