//! Which addresses are edges: every one that the resolvers know for the name, and those of the list.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use gameday_core::{Reason, Table};
use hickory_proto::rr::Name;
use toml::Spanned;
use toml::de::DeValue;

use super::Cdn;
use super::visit::Target;
use crate::dns::Asked;
use crate::dns::ask::Asker;
use crate::file::Scope;
use crate::kind::whom::servers;
use crate::kind::{Means, host_and_port};
use crate::net::{Route, Trail, Url};
use crate::observation::Fault;

/// More edges are not asked.
const MAX_EDGES: usize = 32;
/// Resolvers have this share of the time, so that one that is silent leaves some for the edges.
const RESOLVE_SHARE: u32 = 3;

/// Where edges are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// At each address of the URL's host.
    EveryIp,
    At(String),
}

/// Takes `edges`: one place or a list of them.
pub(super) fn read_edges(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Vec<Place> {
    let is_list = matches!(
        table.entries_mut().get("edges").map(Spanned::get_ref),
        Some(DeValue::Array(_))
    );
    let typed: Vec<Spanned<String>> = match is_list {
        true => table.get("edges").unwrap_or_default(),
        false => table.spanned("edges").into_iter().collect(),
    };
    if let Some(extra) = typed.get(MAX_EDGES) {
        scope
            .problems()
            .add(extra.span(), format!("at most {MAX_EDGES} edges are asked"));
    }
    let places = typed.iter().filter_map(|typed| {
        let text = scope.now(typed)?;
        if text == "every-ip" {
            return Some(Place::EveryIp);
        }
        if let Err(wrong) = host_and_port(&text, 443) {
            let problem = scope.problems().source().problem(typed.span(), wrong.message);
            scope
                .problems()
                .push(problem.hint("`every-ip`, `IP` or `IP:PORT`"));
            return None;
        }
        Some(Place::At(text))
    });
    let mut places: Vec<_> = places.collect();
    if typed.is_empty() {
        places.push(Place::EveryIp);
    }
    places
}

impl Cdn {
    /// Every edge once, in order of address; never none.
    pub(super) async fn targets(
        &self,
        url: &Url,
        means: &Means<'_>,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<Vec<Target>, Fault> {
        let mut found = BTreeSet::new();
        for place in &self.edges {
            match place {
                Place::EveryIp => {
                    let addresses = self.every_ip(url, means, deadline, trail).await?;
                    found.extend(addresses.into_iter().map(|ip| SocketAddr::new(ip, url.port)));
                }
                Place::At(text) => {
                    let (host, port) = host_and_port(text, url.port)?;
                    let addresses = means
                        .connector
                        .resolve(&host, &self.route, deadline, trail)
                        .await?;
                    found.extend(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)));
                }
            }
        }
        let edges = found.into_iter().take(MAX_EDGES);
        let targets = edges.map(|address| Target {
            label: address.to_string(),
            at: Ok(address),
            url: url.clone(),
            route: self.route.clone(),
            is_origin: false,
        });
        Ok(targets.collect())
    }

    /// What all resolvers together know; one that fails is seen in the evidence, all that fail are a fault.
    async fn every_ip(
        &self,
        url: &Url,
        means: &Means<'_>,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<Vec<IpAddr>, Fault> {
        if self.ask.is_empty() || url.host.parse::<IpAddr>().is_ok() {
            let route = Route {
                address: None,
                ..Route::clone(&self.route)
            };
            return means.connector.resolve(&url.host, &route, deadline, trail).await;
        }
        let wrong = |error| {
            let message = format!("`{}` is not a DNS name: {error}", url.host);
            Fault::new(Reason::CannotLook, message)
        };
        let mut name = Name::from_utf8(&url.host).map_err(wrong)?;
        name.set_fqdn(true);
        let now = Instant::now();
        let asker = Asker {
            connector: means.connector,
            tls: self.route.tls.clone(),
            deadline: now + deadline.saturating_duration_since(now) / RESOLVE_SHARE,
        };
        let servers = servers(&self.ask, &asker, &name).await?.servers;
        let asked = asker.ask_addresses(&servers, &name, true).await;
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        for one in &asked {
            trail.show(one.exhibit());
            addresses.extend(one.addresses());
        }
        addresses.retain(|address| self.route.family.has(*address));
        if addresses.is_empty() {
            let faults = asked.into_iter().filter_map(Asked::no_address);
            let none = || Fault::new(Reason::DnsNoAddress, format!("`{}` has no address", url.host));
            return Err(faults.into_iter().next().unwrap_or_else(none));
        }
        Ok(addresses.into_iter().collect())
    }
}
