//! `[dns]` and `[check.dns]`: what several resolvers and the zone's own servers say of a name.
//!
//! ```text
//! name = "pay.example", types = ["A", "AAAA"], ask = ["udp://…", "tls://…#name", "authoritative", "system"],
//! roots = "ca.pem", agree = "same" | "overlap", expect = ["rcode == NOERROR", "resolvers agree", "ttl in 30..600"]
//! ```

mod agree;
mod expect;

use gameday_core::{Reason, Table};
use hickory_proto::rr::{Name, RData, RecordType};
use toml::Spanned;

use super::Means;
use super::panel::{Expectation, Found, conclude, read_expect};
use super::whom::{Whom, read_ask, servers};
use crate::dns::ask::Asker;
use crate::dns::{Asked, Question};
use crate::file::{Scope, Times, read_tls};
use crate::net::{OwnTls, Trail};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::values::Values;
use expect::Check;

/// What is asked, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Dns {
    name: Template,
    types: Vec<RecordType>,
    ask: Vec<Whom>,
    tls: Option<std::sync::Arc<OwnTls>>,
    /// Answers agree when they share a record; else when they are the same.
    overlap: bool,
    expect: Vec<Expectation<Check>>,
}

impl Dns {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let name: Option<Spanned<String>> = table.need_spanned("name");
        let name = name.and_then(|name| scope.template(&name));
        let types: Vec<Spanned<String>> = table.get("types").unwrap_or_default();
        let mut types: Vec<_> = types.iter().filter_map(|kind| read_type(kind, scope)).collect();
        if types.is_empty() {
            types.push(RecordType::A);
        }
        let mut ask = read_ask(&mut table, scope);
        if ask.is_empty() {
            ask.push(Whom::System);
        }
        let tls = read_tls(&mut table, scope);
        let overlap = read_agree(&mut table, scope);
        let mut expect = read_expect(&mut table, scope, expect::parse);
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
        let mut name = Name::from_utf8(&typed).map_err(wrong)?;
        name.set_fqdn(true);
        let asker = Asker {
            connector: means.connector,
            tls: self.tls.clone(),
            deadline: means.deadline,
        };
        let servers = servers(&self.ask, &asker, &name).await?;
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
        };
        let mut findings = facts.always();
        findings.extend(
            self.expect
                .iter()
                .map(|one| (one.text.clone(), one.check.holds(&facts))),
        );
        conclude(findings, &mut trail.evidence).map_or(Ok(()), Err)
    }
}

/// Everything that expectations are about.
struct Facts<'a> {
    panel: &'a Dns,
    asked: &'a [Asked],
}

impl Facts<'_> {
    /// What must hold whatever the file says: every server that is asked answers, and nothing is bogus.
    fn always(&self) -> Vec<(String, Found)> {
        let mut findings = Vec::new();
        for asked in self.asked {
            let what = format!(
                "{} {} of {}",
                asked.question.name, asked.question.kind, asked.server
            );
            match &asked.result {
                Err(fault) => findings.push((format!("an answer: {what}"), Err(fault.clone()))),
                Ok(reply) if reply.is_bogus => {
                    let why = reply
                        .why
                        .as_deref()
                        .unwrap_or("with checking disabled it answers");
                    let message = format!("{what} is bogus: {why}");
                    findings.push((
                        "signatures that hold".to_owned(),
                        Err(Fault::new(Reason::DnssecBogus, message)),
                    ));
                }
                Ok(_) => {}
            }
        }
        findings
    }

    /// The answers to the questions that the file asks.
    fn answers(&self) -> impl Iterator<Item = (&Asked, &crate::dns::Reply)> {
        let wanted = |asked: &&Asked| self.panel.types.contains(&asked.question.kind);
        self.asked
            .iter()
            .filter(wanted)
            .filter_map(|asked| Some((asked, asked.result.as_ref().ok()?)))
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
