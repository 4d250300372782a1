//! `[dns]` and `[check.dns]`: what several resolvers and the zone's own servers say of a name.
//!
//! ```text
//! name = "pay.example", types = ["A", "AAAA"], ask = ["udp://…", "tls://…#name", "authoritative", "system"],
//! roots = "ca.pem", agree = "same" | "overlap", expect = ["rcode == NOERROR", "resolvers agree", "ttl in 30..600"]
//! ```

mod agree;
mod expect;
mod holds;
mod prefix;
#[cfg(test)]
mod tests;

use std::time::Instant;

use gameday_core::{Reason, Table};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};
use toml::Spanned;

use super::Means;
use super::panel::{Expectation, conclude, gravest, read_expect};
use super::whom::{Whom, read_ask, servers};
use crate::dns::ask::Asker;
use crate::dns::ask::word;
use crate::dns::{Asked, Authorities, Question, Reply};
use crate::file::{Scope, Times, read_tls};
use crate::net::{OwnTls, Trail};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::values::Values;
use expect::Line;
use holds::{Finding, of_code};

/// What is asked, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Dns {
    name: Template,
    types: Vec<RecordType>,
    ask: Vec<Whom>,
    tls: Option<std::sync::Arc<OwnTls>>,
    /// Answers agree when they share a record; else when they are the same.
    overlap: bool,
    expect: Vec<Expectation<Line>>,
}

/// This share of the time may be spent to find the zone's servers.
const FIND_SHARE: u32 = 3;
/// More types are not asked for.
const MAX_TYPES: usize = 16;

impl Dns {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let name: Option<Spanned<String>> = table.need_spanned("name");
        let name = name.and_then(|name| scope.template(&name));
        let types: Vec<Spanned<String>> = table.get("types").unwrap_or_default();
        let mut types: Vec<_> = types.iter().filter_map(|kind| read_type(kind, scope)).collect();
        if types.is_empty() {
            types.push(RecordType::A);
        }
        types.truncate(MAX_TYPES);
        let mut ask = read_ask(&mut table, scope);
        if ask.is_empty() {
            ask.push(Whom::System);
        }
        let tls = read_tls(&mut table, scope);
        let overlap = read_agree(&mut table, scope);
        let mut expect = read_expect(&mut table, scope, |text| expect::parse(text, &types));
        table.finish();
        if expect.is_empty() {
            expect = expect::usual();
        }
        Some(Self {
            name: name?,
            types,
            ask,
            tls,
            overlap,
            expect,
        })
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let mut readings = Vec::new();
        let result = self.judge(means, values, &mut trail, &mut readings).await;
        let mut observation = trail.observe(result.err());
        observation.readings = readings;
        observation
    }

    async fn judge(
        &self,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
        readings: &mut Vec<Reading>,
    ) -> Result<(), Fault> {
        let typed = self.name.render(values).map_err(super::missing)?;
        let wrong = |error| {
            Fault::new(
                Reason::CannotLook,
                format!("`{typed}` is not a DNS name: {error}"),
            )
        };
        let name = match typed.parse::<std::net::IpAddr>() {
            // RFC 1035, 3.5: the name of an address.
            Ok(address) if self.types.contains(&RecordType::PTR) => Name::from(address),
            _ => {
                let mut name = Name::from_utf8(&typed).map_err(wrong)?;
                name.set_fqdn(true);
                name
            }
        };
        let asker = Asker {
            connector: means.connector,
            tls: self.tls.clone(),
            deadline: means.deadline,
        };
        // A resolver that is silent about the zone's servers leaves time for the question itself.
        let now = Instant::now();
        let finder = Asker {
            deadline: now + means.deadline.saturating_duration_since(now) / FIND_SHARE,
            ..asker.clone()
        };
        let Authorities { servers, lost } = servers(&self.ask, &finder, &name).await?;
        let wants_serials = self.expect.iter().any(|one| one.check.is_about_serials());
        let mut kinds = self.types.clone();
        if wants_serials && !kinds.contains(&RecordType::SOA) {
            kinds.push(RecordType::SOA);
        }
        let questions = kinds
            .iter()
            .flat_map(|kind| servers.iter().map(move |server| (server, *kind)));
        let asking = questions.map(|(server, kind)| {
            let question = Question {
                name: name.clone(),
                kind,
            };
            let asker = &asker;
            async move { asker.ask(server, &question).await }
        });
        let asked: Vec<Asked> = futures_util::future::join_all(asking).await;
        trail.laps.end(|phases| &mut phases.resolve_us);
        for one in &asked {
            trail.show(one.exhibit());
            read_into(one, readings);
        }
        let facts = Facts {
            panel: self,
            asked: &asked,
            lost: &lost,
        };
        facts.conclude(readings, trail)
    }
}

/// Everything that expectations are about.
struct Facts<'a> {
    panel: &'a Dns,
    asked: &'a [Asked],
    /// Servers of the zone that have no address.
    lost: &'a [(String, Fault)],
}

impl Facts<'_> {
    /// The verdict; of several types, how the others are.
    fn conclude(&self, readings: &mut Vec<Reading>, trail: &mut Trail) -> Result<(), Fault> {
        let mut findings = self.always();
        findings.extend(self.panel.expect.iter().flat_map(|line| self.findings_of(line)));
        let fails = |kind: RecordType| {
            let mut of_kind = findings.iter().filter(|one| one.kind == Some(kind));
            of_kind.any(|one| one.found.is_err())
        };
        let types = self.panel.types.iter().copied();
        let (bad, good): (Vec<_>, Vec<_>) = types.partition(|kind| fails(*kind));
        for (kinds, value) in [(&bad, 0.0), (&good, 1.0)] {
            readings.extend(kinds.iter().map(|kind| Reading {
                name: "dns_type_up",
                labels: vec![("type", kind.to_string())],
                value,
            }));
        }
        let first = gravest(&findings, |one| &one.found);
        let list = |kinds: &[RecordType]| {
            let texts: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            texts.join(", ")
        };
        let beside = match first.and_then(|one| one.kind) {
            Some(_) if good.is_empty() || bad.is_empty() => String::new(),
            Some(_) => format!(" ({} fails, {} does not)", list(&bad), list(&good)),
            None => String::new(),
        };
        let findings = findings.into_iter().map(|one| (one.expected, one.found));
        match conclude(findings.collect(), &mut trail.evidence) {
            Some(fault) => Err(Fault::new(fault.reason, fault.message + &beside)),
            None => Ok(()),
        }
    }

    /// What must hold whatever the file says: everybody answers and holds what it is asked as the holder of,
    /// nothing is bogus, no CNAME leads round, and the name is there unless the file speaks of codes.
    fn always(&self) -> Vec<Finding> {
        let bad = |expected: String, kind, fault| Finding {
            expected,
            kind,
            found: Err(fault),
        };
        let mut findings: Vec<Finding> = Vec::new();
        for (who, fault) in self.lost {
            let message = format!("the name server {who} cannot be asked: {}", fault.message);
            findings.push(bad(
                format!("{who} can be asked"),
                None,
                Fault::new(fault.reason, message),
            ));
        }
        let asserts_codes = self.panel.expect.iter().any(|one| one.check.is_about_codes());
        for asked in self.asked {
            let kind = Some(asked.question.kind).filter(|kind| self.panel.types.contains(kind));
            let what = format!(
                "{} {} of {}",
                asked.question.name, asked.question.kind, asked.server
            );
            let reply = match &asked.result {
                Err(fault) => {
                    findings.push(bad(format!("an answer: {what}"), kind, fault.clone()));
                    continue;
                }
                Ok(reply) => reply,
            };
            let (expected, reason, why) = if reply.is_bogus {
                let why = reply
                    .why
                    .as_deref()
                    .unwrap_or("with checking disabled it answers");
                (
                    "signatures that hold",
                    Reason::DnssecBogus,
                    format!("is bogus: {why}"),
                )
            } else if let Some(why) = &reply.chain.fault {
                ("a name that leads somewhere", Reason::DnsNoAddress, why.clone())
            } else if let Some(why) = lameness(asked, reply) {
                ("a server that holds the zone", Reason::DnsServfail, why)
            } else if !asserts_codes && reply.code() != ResponseCode::NoError {
                let fault = of_code(reply);
                ("rcode == NOERROR", fault.reason, fault.message)
            } else {
                continue;
            };
            let fault = Fault::new(reason, format!("{what}: {why}"));
            findings.push(bad(expected.to_owned(), kind, fault));
        }
        findings
    }

    fn has_authorities(&self) -> bool {
        self.asked.iter().any(|asked| asked.server.is_authority)
    }

    /// The answers to the questions that the file asks.
    fn answers(&self) -> impl Iterator<Item = (&Asked, &Reply)> {
        let wanted = |asked: &&Asked| self.panel.types.contains(&asked.question.kind);
        self.asked
            .iter()
            .filter(wanted)
            .filter_map(|asked| Some((asked, asked.result.as_ref().ok()?)))
    }
}

/// Why a server that is asked as one that holds the zone does not (RFC 1912, 2.8).
fn lameness(asked: &Asked, reply: &Reply) -> Option<String> {
    let flags = &reply.message.metadata;
    match reply.code() {
        _ if !asked.server.is_authority => None,
        ResponseCode::Refused | ResponseCode::NotAuth => Some(format!(
            "it is lame: it says {} for its own zone",
            word(reply.code())
        )),
        ResponseCode::NoError | ResponseCode::NXDomain if !flags.authoritative => {
            Some("it is lame: its answer is not authoritative (no AA)".to_owned())
        }
        _ => None,
    }
}

fn read_into(asked: &Asked, readings: &mut Vec<Reading>) {
    let labels = |asked: &Asked| {
        vec![
            ("resolver", asked.server.to_string()),
            ("type", asked.question.kind.to_string()),
        ]
    };
    let mut add = |name, value| {
        readings.push(Reading {
            name,
            labels: labels(asked),
            value,
        });
    };
    let Ok(reply) = &asked.result else { return };
    add("dns_lookup_seconds", asked.took.as_secs_f64());
    let records: Vec<_> = reply.records(asked.question.kind).collect();
    #[expect(clippy::cast_precision_loss, reason = "a message has no 2^52 records")]
    add("dns_answers", records.len() as f64);
    if let Some(ttl) = records.iter().map(|record| record.ttl).min() {
        add("dns_ttl_seconds", f64::from(ttl));
    }
    for record in records {
        if let RData::SOA(soa) = &record.data {
            add("dns_serial", f64::from(soa.serial));
        }
    }
}

fn read_type(kind: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<RecordType> {
    let text = scope.now(kind)?;
    let read = text.parse().ok();
    if read.is_none() {
        let problem = scope
            .problems()
            .source()
            .problem(kind.span(), format!("`{text}` is not a type of record"));
        scope
            .problems()
            .push(problem.hint("for example `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SOA`, `TXT`, `SRV`, `CAA`"));
    }
    read
}

fn read_agree(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> bool {
    let Some(typed) = table.spanned::<String>("agree") else {
        return false;
    };
    match typed.get_ref().as_str() {
        "same" => false,
        "overlap" => true,
        other => {
            let problem = scope
                .problems()
                .source()
                .problem(typed.span(), format!("`{other}` is no way to agree"));
            scope.problems().push(problem.hint(
                "`same`: the same records; `overlap`: at least one in common, for names that differ by place",
            ));
            false
        }
    }
}
