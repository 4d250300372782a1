//! Whether servers say the same, and which is the odd one.

use std::collections::BTreeSet;

use gameday_core::Reason;
use hickory_proto::rr::RecordType;

use super::Facts;
use super::expect::plain;
use super::holds::unmet;
use crate::dns::ask::word;
use crate::dns::{Asked, Reply};
use crate::kind::camps::{self, odd_ones};
use crate::kind::panel::Found;
use crate::observation::Fault;

/// What a server said, without order and times.
type Said = BTreeSet<String>;

impl Facts<'_> {
    /// Whether all say the same of a type; the one that most others contradict is named. Fewer than `least`
    /// are nobody to agree.
    pub(super) fn agree(&self, kind: RecordType, least: usize) -> Found {
        let answers = self.answers().filter(|(asked, _)| asked.question.kind == kind);
        let answers: Vec<_> = answers.collect();
        let comparable = answers
            .iter()
            .filter(|(asked, reply)| !is_followed(asked, reply, &answers));
        let said: Vec<(&Asked, Said)> = comparable
            .map(|(asked, reply)| (*asked, said(reply, kind)))
            .collect();
        match self.panel.overlap {
            true => overlap(&said)?,
            false => same(&said)?,
        }
        match answers.as_slice() {
            [] if least > 0 => Err(unmet("nobody answered".to_owned())),
            [(asked, _)] if least > 1 => Err(unmet(format!(
                "only {} answered: there is nothing to compare",
                asked.server
            ))),
            [] | [_] => Ok(format!("{} answered", answers.len())),
            several => Ok(format!("{} servers agree", several.len())),
        }
    }
}

/// Whether an authority names a CNAME out of its zone that some resolver has followed: they say the same.
fn is_followed(asked: &Asked, reply: &Reply, answers: &[(&Asked, &Reply)]) -> bool {
    let Some(away) = reply
        .leads_away(asked.question.kind)
        .filter(|_| asked.server.is_authority)
    else {
        return false;
    };
    let follows = |other: &Reply| other.chain.has_links() && other.chain.names.contains(away);
    answers
        .iter()
        .any(|(other, reply)| !other.server.is_authority && follows(reply))
}

fn said(reply: &Reply, kind: RecordType) -> Said {
    if let Some(away) = reply.leads_away(kind) {
        return Said::from([format!("CNAME {}", plain(&away.to_string()))]);
    }
    let records = reply.records(kind).map(|record| plain(&record.data.to_string()));
    let mut said: Said = records.collect();
    if said.is_empty() {
        said.insert(word(reply.code()));
    }
    said
}

fn same(said: &[(&Asked, Said)]) -> Result<(), Fault> {
    let said = said.iter().map(|(asked, said)| camps::Said {
        who: asked.server.to_string(),
        what: joined(said),
        knows: asked.server.is_authority,
    });
    match odd_ones(&said.collect::<Vec<_>>()) {
        Some(odd) => Err(Fault::new(Reason::ResolverDisagree, odd)),
        None => Ok(()),
    }
}

fn joined(said: &Said) -> String {
    said.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Each server must share a record with some other.
fn overlap(said: &[(&Asked, Said)]) -> Result<(), Fault> {
    for (index, (asked, mine)) in said.iter().enumerate() {
        let mut others = said.iter().enumerate().filter(|(at, _)| *at != index).peekable();
        if others.peek().is_some() && others.all(|(_, (_, other))| mine.is_disjoint(other)) {
            let message = format!(
                "{} says {}, which no other server says",
                asked.server,
                joined(mine)
            );
            return Err(Fault::new(Reason::ResolverDisagree, message));
        }
    }
    Ok(())
}
