//! `prober: dns`: one question to the server that is the target.

mod record;
mod validate;
mod wire;

use std::net::SocketAddr;
use std::time::Instant;

use gameday_core::{Problems, Reason};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use self::validate::Validator;
use super::choose::Choice;
use super::config::Block;
use super::look::Look;
use super::metrics::{Name, Phase};
use super::tcp;
use super::tls::Tls;
use crate::net::Trail;
use crate::observation::Fault;

const DURATION: Name = Name("probe_dns_duration_seconds", "Duration of DNS request by phase");
const ANSWERS: Name = Name(
    "probe_dns_answer_rrs",
    "Returns number of entries in the answer resource record list",
);
const AUTHORITIES: Name = Name(
    "probe_dns_authority_rrs",
    "Returns number of entries in the authority resource record list",
);
const ADDITIONALS: Name = Name(
    "probe_dns_additional_rrs",
    "Returns number of entries in the additional resource record list",
);
const SUCCEEDED: Name = Name(
    "probe_dns_query_succeeded",
    "Displays whether or not the query was executed successfully",
);
const SERIAL: Name = Name("probe_dns_serial", "Returns the serial number of the zone");
const TRUNCATED: Name = Name(
    "gameday_probe_dns_truncated",
    "Whether the answer was cut off, so that what it holds is not all there is",
);
const RESOLVE: Phase = Phase("{phase=\"resolve\"}");
const CONNECT: Phase = Phase("{phase=\"connect\"}");
const REQUEST: Phase = Phase("{phase=\"request\"}");

/// A module's `dns` block.
#[derive(Debug)]
pub(crate) struct Dns {
    choice: Choice,
    over_tls: bool,
    tls: Tls,
    source: String,
    transport: String,
    query: wire::Question,
    type_code: RecordType,
    rcodes: Vec<String>,
    validators: [Validator; 3],
}

impl Dns {
    /// Reads the block; `None` when a problem was told.
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Option<Self> {
        let name = block.text("query_name");
        if name.is_empty() {
            let problem = problems
                .source()
                .problem(block.span.clone(), "query name must be set for DNS module");
            problems.push(problem.hint("add `query_name`, the name that the server is asked for"));
        }
        let class = match block.text("query_class") {
            "" => Some(DNSClass::IN),
            word => {
                let class = record::class(word);
                if class.is_none() {
                    let message = format!("query class '{word}' is not valid");
                    let problem = problems.source().problem(block.place("query_class"), message);
                    problems.push(problem.nearest(word, record::CLASSES.iter().map(|(name, _)| *name)));
                }
                class
            }
        };
        let type_code = match block.text("query_type") {
            "" => Some(RecordType::ANY),
            word => {
                let code = record::type_code(word);
                if code.is_none() {
                    let message = format!("query type '{word}' is not valid");
                    let problem = problems.source().problem(block.place("query_type"), message);
                    problems.push(problem.hint("for example A, AAAA, MX, NS, SOA, TXT, ANY"));
                }
                code
            }
        };
        let type_code = type_code?;
        let query = wire::Question::new(name, type_code, class?, block.flag("recursion_desired"));
        let query = query.map_err(|why| {
            problems.add(
                block.place("query_name"),
                format!("`{name}` cannot be asked for: {why}"),
            );
        });
        let validator = |key| Validator::read(block.block(key));
        Some(Self {
            choice: Choice::read(block),
            over_tls: block.flag("dns_over_tls"),
            tls: Tls::read(block.block("tls_config"), problems),
            source: block.text("source_ip_address").to_owned(),
            transport: match block.text("transport_protocol") {
                "" => "udp".to_owned(),
                word => word.to_owned(),
            },
            query: query.ok()?,
            type_code,
            rcodes: block.texts("valid_rcodes"),
            validators: [
                validator("validate_answer_rrs"),
                validator("validate_authority_rrs"),
                validator("validate_additional_rrs"),
            ],
        })
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, target: &str) -> bool {
        for phase in [RESOLVE, CONNECT, REQUEST] {
            look.metrics.add(DURATION, phase, 0.0);
        }
        for name in [ANSWERS, AUTHORITIES, ADDITIONALS, SUCCEEDED] {
            look.metrics.set(name, 0.0);
        }
        let over_stream = match (self.transport.as_str(), self.over_tls) {
            ("tcp", _) => true,
            ("udp", false) => false,
            ("udp", true) => {
                let what = "Configuration error: Expected transport protocol tcp for DoT";
                look.unmet(Reason::CannotLook, what, "udp");
                return false;
            }
            (other, _) => {
                let what = "Configuration error: Expected transport protocol udp or tcp";
                look.unmet(Reason::CannotLook, what, other);
                return false;
            }
        };
        let default = if self.over_tls { 853 } else { 53 };
        let (host, port) = match target.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().unwrap_or(default))
            }
            _ => (target, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (Some(ip), took) = self.choice.choose(look, host).await else {
            return false;
        };
        look.metrics.add(DURATION, RESOLVE, took.as_secs_f64());
        let Ok(source) = tcp::source(&self.source) else {
            look.unmet(
                Reason::CannotLook,
                "Error parsing source ip address",
                self.source.as_str(),
            );
            return false;
        };
        look.log.info(
            "Making DNS query",
            [
                ("target", SocketAddr::new(ip, port).to_string().into()),
                ("query", self.query.text.as_str().into()),
            ],
        );
        let mut trail = Trail::start();
        let began = Instant::now();
        let way = wire::Way {
            to: SocketAddr::new(ip, port),
            host,
            source,
            over_stream,
            tls: self.over_tls.then_some(&self.tls),
        };
        let asked = way.ask(look, &self.query, &mut trail).await;
        let all = began.elapsed();
        let request = std::time::Duration::from_micros(trail.laps.phases().wait_us);
        look.metrics
            .add(DURATION, CONNECT, all.saturating_sub(request).as_secs_f64());
        look.metrics.add(DURATION, REQUEST, request.as_secs_f64());
        look.took(&trail);
        match asked {
            Ok(answer) => self.judge(look, &answer),
            Err(fault) => {
                look.fail("Error while sending a DNS query", fault);
                false
            }
        }
    }

    fn judge(&self, look: &mut Look<'_>, answer: &Message) -> bool {
        look.metrics.set(SUCCEEDED, 1.0);
        let sections = [&answer.answers, &answer.authorities, &answer.additionals];
        for (name, section) in [ANSWERS, AUTHORITIES, ADDITIONALS].into_iter().zip(sections) {
            look.metrics
                .set(name, f64::from(u32::try_from(section.len()).unwrap_or(u32::MAX)));
        }
        look.metrics.set_flag(TRUNCATED, answer.metadata.truncation);
        if self.type_code == RecordType::SOA {
            look.metrics.set(SERIAL, serial(sections[0]).unwrap_or(0.0));
        }
        if !self.judge_code(look, answer.metadata.response_code) {
            return false;
        }
        let named = [
            ("Answer RRs validation failed", sections[0]),
            ("Authority RRs validation failed", sections[1]),
            ("Additional RRs validation failed", sections[2]),
        ];
        for (validator, (failed, records)) in self.validators.iter().zip(named) {
            if let Err(why) = validator.judge(records) {
                look.unmet(Reason::AssertFailed, failed, why);
                return false;
            }
        }
        // Theirs is content with a datagram that was cut off before its first record.
        if answer.metadata.truncation && sections[0].is_empty() {
            look.reason.get_or_insert(Reason::UnexpectedReply);
        }
        true
    }

    fn judge_code(&self, look: &mut Look<'_>, code: ResponseCode) -> bool {
        let word = record::rcode(code);
        let unknown = self.rcodes.iter().find(|valid| record::is_no_rcode(valid));
        if let Some(unknown) = unknown {
            look.unmet(Reason::CannotLook, "Invalid rcode", unknown.as_str());
            return false;
        }
        let valid = match self.rcodes.is_empty() {
            true => code == ResponseCode::NoError,
            false => self.rcodes.contains(&word),
        };
        if !valid {
            let reason = match code {
                ResponseCode::NXDomain => Reason::DnsNxdomain,
                ResponseCode::NoError => Reason::AssertFailed,
                _ => Reason::DnsServfail,
            };
            look.unmet(reason, "Rcode is not one of the valid rcodes", word);
        }
        valid
    }
}

fn serial(records: &[Record]) -> Option<f64> {
    records.iter().rev().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(f64::from(soa.serial)),
        _ => None,
    })
}

/// What is wrong with the way.
fn broken(error: &std::io::Error) -> Fault {
    let reason = match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Reason::ConnectRefused,
        _ => Reason::ConnectionReset,
    };
    crate::net::lacking(error).unwrap_or_else(|| Fault::new(reason, error.to_string()))
}
