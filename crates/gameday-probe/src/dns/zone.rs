//! Who holds a name's zone: its name servers and their addresses, asked of a resolver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use gameday_core::Reason;
use hickory_proto::rr::{Name, RData, RecordType};

use super::ask::{Asker, Question};
use super::server::Server;
use crate::observation::Fault;

/// More servers of one zone are not asked.
const MAX_AUTHORITIES: usize = 16;

impl Asker<'_> {
    /// The zone's servers, each at each of its addresses, as `resolver` knows them.
    ///
    /// # Errors
    /// Whatever keeps them from being found.
    pub(crate) async fn authorities(&self, resolver: &Server, name: &Name) -> Result<Vec<Server>, Fault> {
        let mut zone = name.clone();
        let names = loop {
            let question = Question {
                name: zone.clone(),
                kind: RecordType::NS,
            };
            let reply = self.ask(resolver, &question).await.result?;
            let found: BTreeSet<Name> = reply
                .records(RecordType::NS)
                .filter_map(|record| match &record.data {
                    RData::NS(server) => Some(server.0.clone()),
                    _ => None,
                })
                .collect();
            if !found.is_empty() {
                break found;
            }
            if zone.num_labels() <= 1 {
                let message = format!("no zone with name servers was found for `{name}`");
                return Err(Fault::new(Reason::DnsServfail, message));
            }
            zone = zone.base_name();
        };
        let mut servers = Vec::new();
        for name in names {
            let addresses = self.addresses(std::slice::from_ref(resolver), &name).await;
            let text = name.to_utf8();
            servers.extend(
                addresses
                    .into_iter()
                    .map(|address| Server::authority(text.trim_end_matches('.'), address)),
            );
        }
        servers.truncate(MAX_AUTHORITIES);
        match servers.is_empty() {
            true => Err(Fault::new(
                Reason::DnsNoAddress,
                format!("no server of `{zone}` has an address"),
            )),
            false => Ok(servers),
        }
    }

    /// Every address of a name that any of these resolvers tells.
    pub(crate) async fn addresses(&self, resolvers: &[Server], name: &Name) -> BTreeSet<IpAddr> {
        let mut found = BTreeSet::new();
        for resolver in resolvers {
            for kind in [RecordType::A, RecordType::AAAA] {
                let question = Question {
                    name: name.clone(),
                    kind,
                };
                let Ok(reply) = self.ask(resolver, &question).await.result else {
                    continue;
                };
                found.extend(reply.records(kind).filter_map(|record| record.data.ip_addr()));
            }
        }
        found
    }
}
