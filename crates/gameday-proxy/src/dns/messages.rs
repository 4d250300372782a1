//! What faults make of one client's DNS messages. It has no clock and no socket; what is no DNS passes as it is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gameday_core::{Ratio, Span};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use rand::RngExt;

use super::{DnsFault, Rcode};
use crate::attached::{Attached, Visitor};
use crate::rolls::Rolls;
use crate::toxic::ToxicSpec;

/// What becomes of a query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The upstream gets it.
    Pass,
    /// Nobody does.
    Lost,
    /// The client gets this, after so long.
    Answered(Bytes, Duration),
}

/// One client's queries and answers.
pub(crate) struct Messages {
    visitor: Arc<Visitor>,
    datagrams: bool,
    rolls: Rolls,
}

impl Messages {
    /// Over UDP (`datagrams`) or TCP.
    pub(crate) fn new(visitor: Arc<Visitor>, datagrams: bool) -> Self {
        Self {
            visitor,
            datagrams,
            rolls: Rolls::default(),
        }
    }

    /// A query has come from the client.
    pub(crate) fn ask(&mut self, toxics: &[Arc<Attached>], query: &[u8]) -> Asked {
        if !toxics.iter().any(|toxic| fault_of(toxic).is_some()) {
            return Asked::Pass;
        }
        let Some((message, question)) = parse(query, MessageType::Query) else {
            return Asked::Pass;
        };
        let datagrams = self.datagrams;
        let takes = |fault: &DnsFault| fault.takes(question.query_type(), datagrams);
        let Some((toxic, fault)) = self.met(toxics, &question, takes).into_iter().next() else {
            return Asked::Pass;
        };
        if fault.drop {
            toxic.touches.note();
            return Asked::Lost;
        }
        let Some(answer) = answer_of(fault, &message, &question) else {
            return Asked::Pass;
        };
        toxic.touches.note();
        let delay = self.delay(toxic, fault);
        let (answer, more) = self.answer(toxics, answer);
        Asked::Answered(answer, delay + more)
    }

    /// An answer has come from the upstream, or was made here: what of it reaches the client, and after how long.
    pub(crate) fn answer(&mut self, toxics: &[Arc<Attached>], answer: Bytes) -> (Bytes, Duration) {
        let edits = |toxic: &Arc<Attached>| fault_of(toxic).is_some_and(DnsFault::edits);
        if !toxics.iter().any(edits) {
            return (answer, Duration::ZERO);
        }
        let Some((mut message, question)) = parse(&answer, MessageType::Response) else {
            return (answer, Duration::ZERO);
        };
        let (mut delay, mut changed) = (Duration::ZERO, false);
        for (toxic, fault) in self.met(toxics, &question, DnsFault::edits) {
            toxic.touches.note();
            delay += self.delay(toxic, fault);
            if let Some(ttl) = fault.ttl_seconds() {
                changed = true;
                for record in records(&mut message) {
                    record.ttl = ttl;
                }
            }
        }
        let encoded = changed.then(|| message.to_vec().ok()).flatten();
        (encoded.map_or(answer, Bytes::from), delay)
    }

    /// The faults that a message meets, in the order in which they were attached.
    fn met<'a>(
        &mut self,
        toxics: &'a [Arc<Attached>],
        question: &Query,
        acts: impl Fn(&DnsFault) -> bool,
    ) -> Vec<(&'a Arc<Attached>, &'a DnsFault)> {
        let name = question.name().to_ascii().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let mut met = Vec::new();
        for toxic in toxics {
            let Some(fault) = fault_of(toxic) else { continue };
            let is_meant = acts(fault) && fault.matches(name, question.query_type());
            if is_meant && self.visitor.is_met_by(toxic) && self.is_hit(toxic, fault) {
                met.push((toxic, fault));
            }
        }
        met
    }

    fn is_hit(&mut self, toxic: &Attached, fault: &DnsFault) -> bool {
        let share = fault.share.map_or(1.0, Ratio::get);
        share >= 1.0 || self.roll(toxic) < share
    }

    fn delay(&mut self, toxic: &Attached, fault: &DnsFault) -> Duration {
        let [delay, jitter] = [fault.delay, fault.jitter].map(|span| span.map(Span::get).unwrap_or_default());
        if jitter.is_zero() {
            return delay;
        }
        let stray = jitter.mul_f64(2.0 * self.roll(toxic));
        (delay + stray).saturating_sub(jitter)
    }

    fn roll(&self, toxic: &Attached) -> f64 {
        self.rolls.draw(toxic, self.visitor.number, RngExt::random)
    }
}

fn fault_of(toxic: &Attached) -> Option<&DnsFault> {
    match &toxic.spec {
        ToxicSpec::Dns(fault) => Some(fault),
        _ => None,
    }
}

/// A message with one question, as all queries of clients have.
fn parse(bytes: &[u8], kind: MessageType) -> Option<(Message, Query)> {
    let message = Message::from_vec(bytes).ok()?;
    let [question] = &message.queries[..] else {
        return None;
    };
    let is_lookup = message.metadata.op_code == OpCode::Query && message.metadata.message_type == kind;
    let question = question.clone();
    is_lookup.then_some((message, question))
}

/// The answer of a fault to a query, in the words of a recursive resolver.
fn answer_of(fault: &DnsFault, query: &Message, question: &Query) -> Option<Bytes> {
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.checking_disabled = query.metadata.checking_disabled;
    answer.metadata.recursion_available = true;
    answer.metadata.response_code = fault.rcode.map_or(ResponseCode::NoError, Rcode::code);
    answer.metadata.truncation = fault.truncate;
    answer.add_query(question.clone());
    let data = fault
        .answer
        .iter()
        .filter_map(|address| match (address, question.query_type()) {
            (IpAddr::V4(address), RecordType::A) => Some(RData::A((*address).into())),
            (IpAddr::V6(address), RecordType::AAAA) => Some(RData::AAAA((*address).into())),
            _ => None,
        });
    let ttl = fault.own_ttl_seconds();
    let record = |data| Record::from_rdata(question.name().clone(), ttl, data);
    answer.add_answers(data.map(record));
    if let Some(asked) = &query.edns {
        // Whoever asks with EDNS is answered with it (RFC 6891, 6.1.1).
        let mut edns = Edns::new();
        edns.set_max_payload(asked.max_payload());
        edns.set_dnssec_ok(asked.flags().dnssec_ok);
        answer.set_edns(edns);
    }
    answer.to_vec().ok().map(Bytes::from)
}

fn records(message: &mut Message) -> impl Iterator<Item = &mut Record> {
    let Message {
        answers,
        authorities,
        additionals,
        ..
    } = message;
    answers.iter_mut().chain(authorities).chain(additionals)
}
