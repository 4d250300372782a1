//! Names to addresses, as this machine is configured and without a cache.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Instant;

use gameday_core::Reason;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{ResolverBuilder, TokioResolver};

use super::lacking;
use super::route::{Family, Route};
use crate::duration::micros;
use crate::evidence::{Evidence, Exhibit};
use crate::observation::Fault;

/// Finds addresses.
#[derive(Default)]
pub(crate) struct Resolver {
    /// Made when a name is first asked for; an address needs none.
    system: OnceLock<Result<TokioResolver, String>>,
}

impl Resolver {
    #[cfg(test)]
    pub(super) fn with(resolver: TokioResolver) -> Self {
        Self {
            system: OnceLock::from(Ok(resolver)),
        }
    }

    /// A host's addresses of the route's family, in the order in which they are to be tried; never none.
    pub(super) async fn addresses(
        &self,
        host: &str,
        route: &Route,
        evidence: &mut Evidence,
    ) -> Result<Vec<IpAddr>, Fault> {
        if let Some(address) = route.address {
            return Ok(vec![address]);
        }
        let mut addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) if is_localhost(host) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Err(_) => {
                let began = Instant::now();
                let found = self.ask(host, route.resolver).await;
                evidence.add(exhibit(host, route.resolver, &found, began));
                found?
            }
        };
        addresses.retain(|address| route.family.has(*address));
        if addresses.is_empty() {
            let family = if route.family == Family::Ip6 {
                "IPv6"
            } else {
                "IPv4"
            };
            let message = format!("`{host}` has no {family} address");
            return Err(Fault::new(Reason::DnsNoAddress, message));
        }
        Ok(addresses)
    }

    async fn ask(&self, host: &str, of: Option<SocketAddr>) -> Result<Vec<IpAddr>, Fault> {
        let unusable = |error: &String| {
            let message = format!("this machine has no usable resolver configuration: {error}");
            Fault::new(Reason::CannotLook, message)
        };
        let own = of
            .map(resolver_at)
            .transpose()
            .map_err(|error| unusable(&error))?;
        let resolver = match &own {
            Some(own) => own,
            None => self
                .system
                .get_or_init(system_resolver)
                .as_ref()
                .map_err(unusable)?,
        };
        let name = Name::from_utf8(host).map_err(|error| {
            let message = format!("`{host}` cannot be asked for: {error}");
            Fault::new(Reason::CannotLook, message)
        })?;
        let found = resolver
            .lookup_ip(name)
            .await
            .map_err(|error| fault(host, &error))?;
        let addresses = alternate(found.iter().collect());
        if addresses.is_empty() {
            return Err(Fault::new(
                Reason::DnsNoAddress,
                format!("`{host}` has no address"),
            ));
        }
        Ok(addresses)
    }
}

fn exhibit(
    host: &str,
    of: Option<SocketAddr>,
    found: &Result<Vec<IpAddr>, Fault>,
    began: Instant,
) -> Exhibit {
    let answer = match found {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            addresses.join(" ")
        }
        Err(fault) => fault.message.clone(),
    };
    Exhibit::Dns {
        question: format!("{host} A AAAA"),
        server: of.map_or_else(|| "system".to_owned(), |server| server.to_string()),
        answer,
        took_us: micros(began.elapsed()),
    }
}

/// RFC 6761, 6.3: never asked of a server.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn system_resolver() -> Result<TokioResolver, String> {
    built(TokioResolver::builder_tokio().map_err(|error| error.to_string())?)
}

/// One that asks a certain server, over UDP, and over TCP what does not fit.
fn resolver_at(server: SocketAddr) -> Result<TokioResolver, String> {
    let mut names = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut names.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![names]);
    built(TokioResolver::builder_with_config(
        config,
        TokioRuntimeProvider::default(),
    ))
}

fn built(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, String> {
    // A cached answer would hide a resolver that broke in the meantime.
    builder.options_mut().cache_size = 0;
    builder.build().map_err(|error| error.to_string())
}

/// The families take turns (RFC 8305, 4), so that one broken family costs one head start only.
fn alternate(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let Some(first) = addresses.first().map(IpAddr::is_ipv4) else {
        return addresses;
    };
    let (same, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv4() == first);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut mixed = Vec::new();
    loop {
        let before = mixed.len();
        mixed.extend(same.next());
        mixed.extend(other.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

fn fault(host: &str, error: &NetError) -> Fault {
    match error {
        NetError::Timeout => Fault::new(Reason::DnsTimeout, format!("no resolver answered for `{host}`")),
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            Fault::new(Reason::DnsNxdomain, format!("the name `{host}` does not exist"))
        }
        NetError::Dns(DnsError::NoRecordsFound(_)) => {
            Fault::new(Reason::DnsNoAddress, format!("the name `{host}` has no address"))
        }
        NetError::Dns(DnsError::ResponseCode(code)) => Fault::new(
            Reason::DnsServfail,
            format!("the resolver could not answer for `{host}`: {code}"),
        ),
        NetError::Proto(error) => Fault::new(
            Reason::UnexpectedReply,
            format!("the resolver answers for `{host}` what is no DNS message: {error}"),
        ),
        NetError::Truncated => Fault::new(
            Reason::UnexpectedReply,
            format!("the resolver's answer for `{host}` was cut off, and no whole one came over TCP"),
        ),
        NetError::Io(error) => lacking(error).unwrap_or_else(|| {
            let message = format!("the resolver cannot be reached for `{host}`: {error}");
            Fault::new(Reason::DnsServfail, message)
        }),
        other => Fault::new(
            Reason::DnsServfail,
            format!("the resolver failed for `{host}`: {other}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mixed = alternate(["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1"].map(address).to_vec());
        assert_eq!(mixed, ["10.0.0.1", "::1", "10.0.0.2", "10.0.0.3"].map(address));
    }

    #[test]
    fn localhost_needs_no_server() {
        assert!(is_localhost("LocalHost.") && is_localhost("api.localhost"));
        assert!(!is_localhost("localhost.example"));
    }
}
