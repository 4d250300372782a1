//! Who may ask: programs that reach us under our own name and know the token, not web pages that a browser on
//! this machine happens to show.

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, USER_AGENT};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use gameday_core::host_name;

use crate::access::Access;

/// Why a request is not even looked at, as a line for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It comes from a web page, or names a foreign host.
    Away(&'static str),
    /// It does not know the token.
    Unknown(&'static str),
}

/// What a server of ours asks of everybody.
#[derive(Debug, Clone)]
pub struct Guard {
    access: Access,
    /// Where it listens.
    bound: SocketAddr,
}

impl Guard {
    /// For a server that listens on `bound`.
    #[must_use]
    pub fn new(access: Access, bound: SocketAddr) -> Self {
        Self { access, bound }
    }

    /// Refuses what only a browser sends (an `Origin`, or the name of a foreign host that was pointed at us),
    /// and whoever does not know the token.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Turned> {
        if headers.contains_key(ORIGIN) {
            let why = "requests with an `Origin` header are refused: this API is not for web pages";
            return Err(Turned::Away(why));
        }
        let hosts = headers
            .get_all(HOST)
            .iter()
            .map(|host| host.to_str().unwrap_or_default());
        let mut hosts = hosts.chain(uri.authority().map(Authority::as_str));
        if !hosts.all(|host| self.is_ours(host)) {
            let why = if self.bound.ip().is_loopback() {
                "the `Host` header must name this machine: `localhost` or a loopback address"
            } else {
                "the `Host` header must be the address that is listened on, or a name given by `--host`"
            };
            return Err(Turned::Away(why));
        }
        match &self.access.token {
            Some(token) if !carries(headers, token.expose()) => {
                let why = "the header `Authorization: Bearer …` with this server's token is missing or wrong";
                Err(Turned::Unknown(why))
            }
            _ => Ok(()),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = host_name(host);
        let is_our_address = |ip: IpAddr| {
            // A name can be pointed at us by its owner, an address cannot: when we listen on all of this
            // machine's, any will do.
            let bound = self.bound.ip();
            ip.is_loopback() || (!bound.is_loopback() && (bound.is_unspecified() || bound == ip))
        };
        let given = &self.access.hosts;
        name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(is_our_address)
            || given.iter().any(|given| given.eq_ignore_ascii_case(name))
    }
}

/// Toxiproxy refuses browsers by their user agent.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

fn carries(headers: &HeaderMap, token: &str) -> bool {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(first), None) = (given.next(), given.next()) else {
        return false;
    };
    let text = first.to_str().unwrap_or_default();
    text.split_once(' ')
        .is_some_and(|(kind, rest)| kind.eq_ignore_ascii_case("bearer") && same(rest.trim(), token))
}

/// Whether two texts are the same, in a time that tells nothing but their lengths.
fn same(given: &str, token: &str) -> bool {
    let pairs = given.bytes().zip(token.bytes());
    let difference = pairs.fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    given.len() == token.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use gameday_core::Secret;

    fn guard(bound: &str, hosts: &[&str], token: Option<&str>) -> Guard {
        let access = Access {
            token: token.map(|token| Secret::new(token.to_owned())),
            insecure: true,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        Guard::new(access, bound.parse().unwrap())
    }

    #[track_caller]
    fn check(guard: &Guard, good: &[&str], bad: &[&str]) {
        good.iter()
            .for_each(|host| assert!(guard.is_ours(host), "{host}"));
        bad.iter()
            .for_each(|host| assert!(!guard.is_ours(host), "{host}"));
    }

    #[test]
    fn only_hosts_of_this_machine_are_loopback() {
        check(
            &guard("127.0.0.1:8474", &[], None),
            &[
                "localhost",
                "LOCALHOST:8474",
                "127.0.0.1:8474",
                "127.9.9.9",
                "[::1]:8474",
                "[::1]",
            ],
            &[
                "",
                "evil.example",
                "localhost.evil.example:8474",
                "10.0.0.1",
                "[::]:1",
                "127.0.0.1.evil.example",
            ],
        );
    }

    #[test]
    fn elsewhere_the_bound_address_and_given_names_are_ours() {
        let names: &[&str] = &["toxiproxy", "proxy.example"];
        check(
            &guard("10.0.0.5:8474", names, None),
            &["10.0.0.5:8474", "Toxiproxy:8474", "proxy.example", "localhost"],
            &["10.0.0.6", "evil.example", "toxiproxy.evil.example"],
        );
        check(
            &guard("0.0.0.0:8474", &[], None),
            &["10.0.0.6", "[fe80::1]:8474", "127.0.0.1"],
            &["evil.example", ""],
        );
    }

    #[test]
    fn a_token_is_asked_for_whole_and_once() {
        let guard = guard("127.0.0.1:8474", &[], Some("0123456789abcdef"));
        let ask = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            guard.check(&headers, &Uri::from_static("/version")).is_ok()
        };
        assert!(ask(&["Bearer 0123456789abcdef"]));
        assert!(ask(&["bearer  0123456789abcdef"]));
        for wrong in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["0123456789abcdef"],
            &["Basic 0123456789abcdef"],
            &["Bearer 0123456789abcde"],
            &["Bearer 0123456789abcdeg"],
            &["Bearer 0123456789abcdef0"],
            &["Bearer 0123456789abcdef", "Bearer x"],
        ] {
            assert!(!ask(wrong), "{wrong:?}");
        }
    }
}
