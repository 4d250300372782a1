//! One question to one server, and what it said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::Reason;
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::server::Server;
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

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) message: Message,
    /// It came cut off, and was asked for again over TCP.
    pub(crate) was_truncated: bool,
    /// Why the server could not answer, if it says so (RFC 8914).
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

impl Asker<'_> {
    /// Asks once; a truncated answer is asked for over TCP, a SERVFAIL again without checks (RFC 4035, 3.2.2).
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

    async fn answer(&self, server: &Server, question: &Question) -> Result<Reply, Fault> {
        let mut message = self.once(server, question, false, false).await?;
        let was_truncated = message.metadata.truncation;
        if was_truncated {
            message = self.once(server, question, false, true).await?;
        }
        let mut reply = Reply {
            why: extended_error(&message),
            is_bogus: false,
            was_truncated,
            message,
        };
        if reply.code() == ResponseCode::ServFail && !server.is_authority {
            let unchecked = self.once(server, question, true, false).await;
            let answer = unchecked
                .ok()
                .filter(|one| one.metadata.response_code == ResponseCode::NoError);
            reply.is_bogus = answer.is_some();
            // What the signatures themselves say is clearer than the resolver's word.
            reply.why = answer.as_ref().and_then(signature_fault).or(reply.why);
        }
        Ok(reply)
    }

    async fn once(
        &self,
        server: &Server,
        question: &Question,
        unchecked: bool,
        stream: bool,
    ) -> Result<Message, Fault> {
        let roads = Roads {
            connector: self.connector,
            tls: self.tls.as_deref(),
            deadline: self.deadline,
        };
        let query = query(question, server.is_authority, unchecked)
            .to_vec()
            .map_err(|error| Fault::new(Reason::CannotLook, format!("no question: {error}")))?;
        let answer = roads.carry(server, &query, stream).await?;
        let wrong = |why: String| Fault::new(Reason::UnexpectedReply, format!("{server} answered {why}"));
        let message =
            Message::from_vec(&answer).map_err(|error| wrong(format!("what is no DNS message: {error}")))?;
        let asked = Query::query(question.name.clone(), question.kind);
        let fits = message
            .queries
            .first()
            .is_none_or(|query| query.name == asked.name && query.query_type == asked.query_type);
        if answer.get(..2) != query.get(..2) || !fits {
            return Err(wrong("another question than ours".to_owned()));
        }
        Ok(message)
    }
}

fn query(question: &Question, is_authority: bool, unchecked: bool) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = !is_authority;
    message.metadata.checking_disabled = unchecked;
    // RFC 6840, 5.7: we want to be told whether the answer was checked.
    message.metadata.authentic_data = true;
    message.add_query(Query::query(question.name.clone(), question.kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD_BYTES).set_dnssec_ok(true);
    message.set_edns(edns);
    message
}

/// A signature whose time is over, or has not begun (RFC 4034, 3.1).
fn signature_fault(message: &Message) -> Option<String> {
    let now = jiff::Timestamp::now().as_second();
    message.all_sections().find_map(|record| {
        let RData::Unknown { rdata, .. } = &record.data else {
            return None;
        };
        if record.record_type() != RecordType::RRSIG {
            return None;
        }
        let times = rdata.anything.get(8..16)?;
        let seconds = |at: usize| {
            Some(i64::from(u32::from_be_bytes(
                times.get(at..at + 4)?.try_into().ok()?,
            )))
        };
        let date = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let (ends, begins) = (seconds(0)?, seconds(4)?);
        match (ends < now, begins > now) {
            (true, _) => Some(format!(
                "the signature of {} expired on {}",
                record.name,
                date(ends)
            )),
            (_, true) => Some(format!(
                "the signature of {} begins only on {}",
                record.name,
                date(begins)
            )),
            _ => None,
        }
    })
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
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
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

    /// The records of a type in the answer, without those that lead to them.
    pub(crate) fn records(&self, kind: RecordType) -> impl Iterator<Item = &Record> {
        self.message
            .answers
            .iter()
            .filter(move |record| record.record_type() == kind)
    }
}

/// The usual words for codes (RFC 1035, 4.1.1).
pub(crate) fn word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }
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
