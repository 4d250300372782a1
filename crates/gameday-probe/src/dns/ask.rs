//! One question to one server, and what it said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::Reason;
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, Record, RecordType};

use super::chain::{Chain, is_internet, is_on};
use super::server::Server;
use super::signatures::{Signed, mismatch, signed, signer};
use super::wire::Roads;
use crate::duration::micros;
use crate::evidence::Exhibit;
use crate::net::{Connector, OwnTls};
use crate::observation::Fault;

/// What we take by datagram (DNS flag day 2020).
const PAYLOAD_BYTES: u16 = 1232;
/// RFC 8914: the option that says why.
const EXTENDED_ERROR: u16 = 15;

/// A name and a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) kind: RecordType,
}

impl Question {
    fn is(&self, asked: &Query) -> bool {
        asked.name == self.name && asked.query_type == self.kind && asked.query_class == DNSClass::IN
    }
}

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) message: Message,
    /// The names that lead from the question to the records.
    pub(crate) chain: Chain,
    /// It came cut off, and was asked for again over TCP.
    pub(crate) was_truncated: bool,
    /// Why the server could not answer, if it says so (RFC 8914) or its signatures do.
    pub(crate) why: Option<String>,
    /// What a server that does not check signatures would have said: the answer is bogus.
    pub(crate) is_bogus: bool,
}

/// A question to a server with what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) server: Server,
    pub(crate) question: Question,
    pub(crate) result: Result<Reply, Fault>,
    pub(crate) took: Duration,
}

/// Whoever asks.
#[derive(Clone)]
pub(crate) struct Asker<'a> {
    pub(crate) connector: &'a Connector,
    /// Trust of the panel's own.
    pub(crate) tls: Option<Arc<OwnTls>>,
    pub(crate) deadline: Instant,
}

/// How a question is put.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    /// Signatures are not to be checked (RFC 4035, 3.2.2).
    unchecked: bool,
    /// Over TCP, whatever the file says.
    stream: bool,
    /// Without RFC 6891, for servers that know only what is older.
    plain: bool,
}

impl Asker<'_> {
    /// Asks once. A truncated answer is asked for over TCP; one that could not be checked, without checks.
    pub(crate) async fn ask(&self, server: &Server, question: &Question) -> Asked {
        let began = Instant::now();
        let result = self.answer(server, question).await;
        Asked {
            server: server.clone(),
            question: question.clone(),
            result,
            took: began.elapsed(),
        }
    }

    /// The same without checks: what matters is that there is an answer.
    pub(crate) async fn look_up(&self, server: &Server, question: &Question) -> Asked {
        let began = Instant::now();
        let manner = Manner {
            unchecked: true,
            ..Manner::default()
        };
        let result = self.whole(server, question, manner).await;
        Asked {
            server: server.clone(),
            question: question.clone(),
            result,
            took: began.elapsed(),
        }
    }

    async fn answer(&self, server: &Server, question: &Question) -> Result<Reply, Fault> {
        let reply = self.whole(server, question, Manner::default()).await?;
        if reply.code() != ResponseCode::ServFail || server.is_authority {
            return Ok(reply);
        }
        let manner = Manner {
            unchecked: true,
            ..Manner::default()
        };
        let unchecked = match self.whole(server, question, manner).await {
            Ok(unchecked) if unchecked.code() != ResponseCode::ServFail => unchecked.message,
            _ => return Ok(reply),
        };
        // It may have failed for a moment only, and have what it needs by now.
        let mut reply = self.whole(server, question, Manner::default()).await?;
        if reply.code() == ResponseCode::ServFail {
            reply.is_bogus = true;
            let found = self.why_bogus(server, question, &unchecked).await;
            reply.why = match (found, reply.why) {
                (Some(found), Some(told)) => Some(format!("{found}; {server} says {told}")),
                (found, told) => found.or(told),
            };
        }
        Ok(reply)
    }

    /// What signatures and keys themselves say is clearer than the resolver's word.
    async fn why_bogus(&self, server: &Server, question: &Question, unchecked: &Message) -> Option<String> {
        let zone = match signed(unchecked, jiff::Timestamp::now()) {
            Signed::OutOfTime(why) => return Some(why),
            Signed::Not => return Some(format!("{} is not signed, but should be", question.name)),
            Signed::InTime => signer(unchecked)?,
        };
        let of_zone = |kind| Question {
            name: zone.clone(),
            kind,
        };
        let keys = self.look_up(server, &of_zone(RecordType::DNSKEY)).await;
        let delegation = self.look_up(server, &of_zone(RecordType::DS)).await;
        let keys = keys.result.ok()?.message;
        if let Signed::OutOfTime(why) = signed(&keys, jiff::Timestamp::now()) {
            return Some(why);
        }
        mismatch(&zone, &keys, &delegation.result.ok()?.message)
    }

    /// A whole answer, by TCP if it does not fit a datagram.
    async fn whole(&self, server: &Server, question: &Question, mut manner: Manner) -> Result<Reply, Fault> {
        let mut message = self.once(server, question, manner).await?;
        if matches!(
            message.metadata.response_code,
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS
        ) {
            manner.plain = true;
            message = self.once(server, question, manner).await?;
        }
        let was_truncated = message.metadata.truncation;
        if was_truncated {
            manner.stream = true;
            let cut = |fault: Fault| {
                let message = format!("its answer was cut off, and over TCP: {}", fault.message);
                Fault::new(fault.reason, message)
            };
            message = self.once(server, question, manner).await.map_err(cut)?;
        }
        if message.metadata.truncation {
            let message = format!("{server} cuts its answer off even over TCP");
            return Err(Fault::new(Reason::UnexpectedReply, message));
        }
        Ok(Reply {
            was_truncated,
            ..understand(&question.name, message)
        })
    }

    async fn once(&self, server: &Server, question: &Question, manner: Manner) -> Result<Message, Fault> {
        let roads = Roads {
            connector: self.connector,
            tls: self.tls.as_deref(),
            deadline: self.deadline,
        };
        let query = query(question, server, manner)
            .to_vec()
            .map_err(|error| Fault::new(Reason::CannotLook, format!("no question: {error}")))?;
        let answer = roads.carry(server, &query, manner.stream).await?;
        let wrong = |why: String| Fault::new(Reason::UnexpectedReply, format!("{server} answers {why}"));
        let message =
            Message::from_vec(&answer).map_err(|error| wrong(format!("what is no DNS message: {error}")))?;
        if answer.get(..2) != query.get(..2) {
            return Err(wrong("with the id of another question".to_owned()));
        }
        if message.metadata.message_type != MessageType::Response {
            return Err(wrong("with a question".to_owned()));
        }
        match message.queries.first() {
            Some(asked) if !question.is(asked) => Err(wrong(format!(
                "another question: {} {} {}",
                asked.name, asked.query_class, asked.query_type
            ))),
            // Some leave the question out of an error, nobody may leave it out of an answer.
            None if !message.answers.is_empty() => Err(wrong("without saying to which question".to_owned())),
            _ => Ok(message),
        }
    }
}

fn query(question: &Question, server: &Server, manner: Manner) -> Message {
    let mut message = Message::query();
    if server.is_https() {
        // RFC 8484, 4.1: caches see the same question as the same.
        message.metadata.id = 0;
    }
    message.metadata.recursion_desired = !server.is_authority;
    message.metadata.checking_disabled = manner.unchecked;
    // RFC 6840, 5.7: we want to be told whether the answer was checked.
    message.metadata.authentic_data = true;
    message.add_query(Query::query(question.name.clone(), question.kind));
    if !manner.plain {
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD_BYTES).set_dnssec_ok(true);
        message.set_edns(edns);
    }
    message
}

/// What an answer says to the question for a name.
pub(crate) fn understand(name: &Name, message: Message) -> Reply {
    Reply {
        chain: Chain::of(name, &message.answers),
        why: extended_error(&message),
        is_bogus: false,
        was_truncated: false,
        message,
    }
}

fn extended_error(message: &Message) -> Option<String> {
    let option = message.edns.as_ref()?.option(EdnsCode::from(EXTENDED_ERROR))?;
    let EdnsOption::Unknown(_, data) = option else {
        return None;
    };
    let (code, text) = data.split_at_checked(2)?;
    let code = u16::from_be_bytes([code[0], code[1]]);
    // RFC 8914, 5.2.
    let meaning = match code {
        1 => "unsupported DNSKEY algorithm",
        2 => "unsupported DS digest",
        3 => "stale answer",
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
        15 => "blocked",
        16 => "censored",
        17 => "filtered",
        18 => "prohibited",
        19 => "stale NXDOMAIN",
        20 => "not authoritative",
        22 => "no reachable authority",
        23 => "network error",
        _ => "extended error",
    };
    let text = String::from_utf8_lossy(text);
    Some(match text.is_empty() {
        true => format!("{meaning} (EDE {code})"),
        false => format!("{meaning} (EDE {code}): {text}"),
    })
}

impl Reply {
    pub(crate) fn code(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    /// The records of a type at the name that the CNAMEs lead to.
    pub(crate) fn records(&self, kind: RecordType) -> impl Iterator<Item = &Record> {
        let is_wanted = move |record: &&Record| match kind {
            RecordType::ANY => record.name == self.chain.names[0],
            RecordType::CNAME => record.record_type() == kind && record.name == self.chain.names[0],
            _ => record.record_type() == kind && record.name == *self.chain.end(),
        };
        let records = self.message.answers.iter().filter(|record| is_internet(record));
        records.filter(is_wanted)
    }

    /// The same with the CNAMEs that lead there.
    pub(crate) fn records_and_links(&self, kind: RecordType) -> impl Iterator<Item = &Record> {
        let is_wanted = move |record: &&Record| is_on(&self.chain, record, kind);
        self.message.answers.iter().filter(is_wanted)
    }

    /// The name beyond this server's zone that a CNAME leads to, when it tells nothing more of it.
    pub(crate) fn leads_away(&self, kind: RecordType) -> Option<&Name> {
        let leads = self.code() == ResponseCode::NoError
            && kind != RecordType::CNAME
            && self.chain.has_links()
            && self.chain.fault.is_none();
        (leads && self.records(kind).next().is_none()).then(|| self.chain.end())
    }
}

/// The usual words for codes (RFC 1035, 4.1.1).
pub(crate) const CODES: [(ResponseCode, &str); 10] = [
    (ResponseCode::NoError, "NOERROR"),
    (ResponseCode::FormErr, "FORMERR"),
    (ResponseCode::ServFail, "SERVFAIL"),
    (ResponseCode::NXDomain, "NXDOMAIN"),
    (ResponseCode::NotImp, "NOTIMP"),
    (ResponseCode::Refused, "REFUSED"),
    (ResponseCode::YXDomain, "YXDOMAIN"),
    (ResponseCode::NotAuth, "NOTAUTH"),
    (ResponseCode::NotZone, "NOTZONE"),
    (ResponseCode::BADVERS, "BADVERS"),
];

/// A code's word, or its number.
pub(crate) fn word(code: ResponseCode) -> String {
    let known = CODES.iter().find(|(known, _)| *known == code);
    known.map_or_else(
        || format!("RCODE {}", u16::from(code)),
        |(_, word)| (*word).to_owned(),
    )
}

impl Asked {
    /// For the evidence.
    pub(crate) fn exhibit(&self) -> Exhibit {
        let answer = match &self.result {
            Err(fault) => fault.message.clone(),
            Ok(reply) => {
                let flags = &reply.message.metadata;
                let mut text = word(reply.code());
                for (set, name) in [
                    (flags.authoritative, "aa"),
                    (flags.authentic_data, "ad"),
                    (reply.was_truncated, "tc, then TCP"),
                ] {
                    if set {
                        text.push_str(&format!(" {name}"));
                    }
                }
                text.extend(reply.why.iter().map(|why| format!(" [{why}]")));
                let records = reply
                    .message
                    .answers
                    .iter()
                    .filter(|record| record.record_type() != RecordType::RRSIG);
                text.extend(records.map(|record| format!("\n{record}")));
                text
            }
        };
        Exhibit::Dns {
            question: format!("{} {}", self.question.name, self.question.kind),
            server: self.server.to_string(),
            answer,
            took_us: micros(self.took),
        }
    }
}
