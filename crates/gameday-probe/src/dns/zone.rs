//! Who holds a name's zone: its name servers and their addresses, asked of a resolver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::join_all;
use gameday_core::Reason;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};

use super::ask::{Asked, Asker, Question, word};
use super::chain::is_internet;
use super::server::Server;
use crate::observation::Fault;

/// More servers of one zone are not asked.
const MAX_AUTHORITIES: usize = 16;

/// The servers of a zone, and those of them that cannot be found.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    pub(crate) servers: Vec<Server>,
    /// Each with its name.
    pub(crate) lost: Vec<(String, Fault)>,
}

impl Asker<'_> {
    /// The zone's servers, each at each of its addresses, as `resolver` knows them.
    ///
    /// # Errors
    /// Whatever keeps the zone from being found.
    pub(crate) async fn authorities(&self, resolver: &Server, name: &Name) -> Result<Authorities, Fault> {
        let names = self.name_servers(resolver, name).await?;
        let looking = names.into_iter().take(MAX_AUTHORITIES).map(|name| async move {
            let asked = self
                .ask_addresses(std::slice::from_ref(resolver), &name, false)
                .await;
            (name, asked)
        });
        let mut found = Authorities::default();
        for (name, asked) in join_all(looking).await {
            let text = name.to_utf8();
            let text = text.trim_end_matches('.');
            let addresses: BTreeSet<IpAddr> = asked.iter().flat_map(Asked::addresses).collect();
            if addresses.is_empty() {
                let fault = asked.into_iter().find_map(Asked::no_address);
                let none = || Fault::new(Reason::DnsNoAddress, format!("{resolver} knows no address of it"));
                found.lost.push((text.to_owned(), fault.unwrap_or_else(none)));
            }
            let at = |address| Server::authority(text, address);
            found.servers.extend(addresses.into_iter().map(at));
        }
        found.servers.truncate(MAX_AUTHORITIES);
        Ok(found)
    }

    /// The names of the servers of the nearest zone above a name.
    async fn name_servers(&self, resolver: &Server, name: &Name) -> Result<BTreeSet<Name>, Fault> {
        let mut zone = name.clone();
        loop {
            let question = Question {
                name: zone.clone(),
                kind: RecordType::NS,
            };
            let reply = self.look_up(resolver, &question).await.result?;
            // A CNAME leads to another zone, which is none of this name.
            let records = reply.message.answers.iter().filter(|record| is_internet(record));
            let found = records.filter(|record| record.name == zone);
            let names: BTreeSet<Name> = found
                .filter_map(|record| match &record.data {
                    RData::NS(server) => Some(server.0.clone()),
                    _ => None,
                })
                .collect();
            if !names.is_empty() {
                return Ok(names);
            }
            let code = reply.code();
            if zone.num_labels() <= 1 || !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
                let message = format!(
                    "{resolver} does not tell who holds the zone of `{name}`: {} for {zone} NS",
                    word(code)
                );
                return Err(Fault::new(Reason::DnsServfail, message));
            }
            zone = zone.base_name();
        }
    }

    /// Asks each resolver for the addresses of both families, all at once.
    pub(crate) async fn ask_addresses(&self, resolvers: &[Server], name: &Name, checked: bool) -> Vec<Asked> {
        let questions = resolvers.iter().flat_map(|resolver| {
            [RecordType::A, RecordType::AAAA].map(|kind| {
                let name = name.clone();
                (resolver, Question { name, kind })
            })
        });
        let asking = questions.map(|(resolver, question)| async move {
            match checked {
                true => self.ask(resolver, &question).await,
                false => self.look_up(resolver, &question).await,
            }
        });
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
            _ if reply.is_bogus => Some(Fault::new(
                Reason::DnssecBogus,
                format!(
                    "{server} says that `{name}` is bogus: {}",
                    reply.why.unwrap_or_default()
                ),
            )),
            code => Some(Fault::new(
                Reason::DnsServfail,
                format!("{server} says {} of `{name}`", word(code)),
            )),
        }
    }
}
