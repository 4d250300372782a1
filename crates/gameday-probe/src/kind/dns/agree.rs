//! Whether servers say the same, and which is the odd one.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::Reason;

use super::Facts;
use crate::dns::ask::word;
use crate::kind::panel::Found;
use crate::observation::Fault;

/// What a server said, without order and times.
type Said = BTreeSet<String>;

impl Facts<'_> {
    /// Whether all say the same of each type; the one that most others contradict is named.
    pub(super) fn agree(&self) -> Found {
        let mut found = Vec::new();
        for kind in &self.panel.types {
            let answers = self.answers().filter(|(asked, _)| asked.question.kind == *kind);
            let said: Vec<(String, Said)> = answers
                .map(|(asked, reply)| {
                    let records = reply
                        .records(*kind)
                        .map(|record| record.data.to_string().to_lowercase());
                    let mut said: Said = records.collect();
                    if said.is_empty() {
                        said.insert(word(reply.code()));
                    }
                    (asked.server.to_string(), said)
                })
                .collect();
            if said.len() < 2 {
                continue;
            }
            match self.panel.overlap {
                true => overlap(&said)?,
                false => same(&said)?,
            }
            found.push(format!("{} servers agree on {kind}", said.len()));
        }
        Ok(found.join(", "))
    }
}

fn same(said: &[(String, Said)]) -> Result<(), Fault> {
    let mut camps: BTreeMap<&Said, Vec<&str>> = BTreeMap::new();
    for (server, said) in said {
        camps.entry(said).or_default().push(server);
    }
    if camps.len() < 2 {
        return Ok(());
    }
    // The largest camp is believed; without one, nobody is.
    let mut camps: Vec<_> = camps.into_iter().collect();
    camps.sort_by_key(|(_, servers)| std::cmp::Reverse(servers.len()));
    let told = |(said, servers): &(&Said, Vec<&str>)| {
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        format!(
            "{} say{} {}",
            servers.join(", "),
            if servers.len() == 1 { "s" } else { "" },
            said.join(" ")
        )
    };
    let (first, rest) = (&camps[0], &camps[1..]);
    let odd: Vec<String> = rest.iter().map(told).collect();
    let message = match first.1.len() > rest[0].1.len() {
        true => format!("{}, but {}", odd.join("; "), told(first)),
        false => format!("no majority: {}; {}", told(first), odd.join("; ")),
    };
    Err(Fault::new(Reason::ResolverDisagree, message))
}

/// Each server must share a record with some other.
fn overlap(said: &[(String, Said)]) -> Result<(), Fault> {
    for (index, (server, mine)) in said.iter().enumerate() {
        let mut others = said.iter().enumerate().filter(|(at, _)| *at != index);
        if others.all(|(_, (_, other))| mine.is_disjoint(other)) {
            let mine: Vec<&str> = mine.iter().map(String::as_str).collect();
            let message = format!("{server} says {}, which no other server says", mine.join(" "));
            return Err(Fault::new(Reason::ResolverDisagree, message));
        }
    }
    Ok(())
}
