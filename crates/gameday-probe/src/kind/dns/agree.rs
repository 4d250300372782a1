//! Whether servers say the same, and which is the odd one.

use std::collections::BTreeSet;

use gameday_core::Reason;

use super::Facts;
use crate::dns::ask::word;
use crate::kind::camps::odd_ones;
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
    let said: Vec<_> = said
        .iter()
        .map(|(server, said)| (server.clone(), joined(said)))
        .collect();
    match odd_ones(&said) {
        Some(odd) => Err(Fault::new(Reason::ResolverDisagree, odd)),
        None => Ok(()),
    }
}

fn joined(said: &Said) -> String {
    said.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Each server must share a record with some other.
fn overlap(said: &[(String, Said)]) -> Result<(), Fault> {
    for (index, (server, mine)) in said.iter().enumerate() {
        let mut others = said.iter().enumerate().filter(|(at, _)| *at != index);
        if others.all(|(_, (_, other))| mine.is_disjoint(other)) {
            let message = format!("{server} says {}, which no other server says", joined(mine));
            return Err(Fault::new(Reason::ResolverDisagree, message));
        }
    }
    Ok(())
}
