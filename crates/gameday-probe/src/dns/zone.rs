//! Who holds a name's zone: its name servers and their addresses, asked of a resolver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::join_all;
use gameday_core::Reason;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};

use super::ask::{Asked, Asker, Question, word};
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
        let asked = self.ask_addresses(resolvers, name).await;
        asked.iter().flat_map(Asked::addresses).collect()
    }

    /// Asks each resolver for the addresses of both families, all at once.
    pub(crate) async fn ask_addresses(&self, resolvers: &[Server], name: &Name) -> Vec<Asked> {
        let questions = resolvers.iter().flat_map(|resolver| {
            [RecordType::A, RecordType::AAAA].map(|kind| {
                let name = name.clone();
                (resolver, Question { name, kind })
            })
        });
        let asking = questions.map(|(resolver, question)| async move { self.ask(resolver, &question).await });
        join_all(asking).await
    }
}

impl Asked {
    /// The addresses in the answer.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let records = self
            .result
            .iter()
            .flat_map(|reply| reply.records(self.question.kind));
        records.filter_map(|record| record.data.ip_addr())
    }

    /// Why there is no address in the answer, if that is a fault.
    pub(crate) fn no_address(self) -> Option<Fault> {
        let (name, server) = (&self.question.name, &self.server);
        let reply = match self.result {
            Ok(reply) => reply,
            Err(fault) => return Some(fault),
        };
        match reply.code() {
            ResponseCode::NoError => None,
            ResponseCode::NXDomain => Some(Fault::new(
                Reason::DnsNxdomain,
                format!("{server} says that `{name}` does not exist"),
            )),
            code => Some(Fault::new(
                Reason::DnsServfail,
                format!("{server} says {} of `{name}`", word(code)),
            )),
        }
    }
}
