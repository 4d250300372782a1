//! `[tls]` and `[check.tls]`: the whole chain, what is wrong with it, and what else the server would speak.
//!
//! ```text
//! at = "host:443", server_name = "…", connect_to = "IP", roots = "ca.pem", alpn = ["h2", "http/1.1"],
//! pins = ["sha256/BASE64"], scan = false, starttls = "smtp", expect = ["expires > 21d", "version >= 1.2"]
//! ```

mod expect;
mod facts;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::{Reason, Table};
use jiff::Timestamp;
use toml::Spanned;

use super::panel::{Expectation, conclude, read_expect};
use super::starttls::{Dialogue, read_starttls};
use super::{Means, host_and_port};
use crate::file::{Scope, Times, address, read_tls};
use crate::net::{Route, Trail};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::tls::inspect::{Seen, inspect};
use crate::tls::survey::{Door, Survey, Wants, survey};
use crate::tls::trust::Judgement;
use crate::tls::{Certificate, Trust, ocsp};
use crate::values::Values;
use expect::Check;
use facts::Facts;

/// As rustls and webpki have it.
const MAX_CERTIFICATE_BYTES: usize = 0xffff;

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    at: Template,
    route: Arc<Route>,
    alpn: Vec<String>,
    /// SHA-256 of public keys; none means that any will do.
    pins: Vec<[u8; 32]>,
    /// Every cipher that the server would take is asked for.
    scan: bool,
    starttls: Option<Dialogue>,
    expect: Vec<Expectation<Check>>,
}

impl Tls {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let at: Option<Spanned<String>> = table.need_spanned("at");
        let at = at.and_then(|at| scope.template(&at));
        let route = Route {
            address: address(&mut table, "connect_to", scope),
            tls: read_tls(&mut table, scope),
            ..Route::default()
        };
        let pins: Vec<Spanned<String>> = table.get("pins").unwrap_or_default();
        let pins = pins.iter().filter_map(|pin| read_pin(pin, scope)).collect();
        let panel = Self {
            at: at?,
            route: Arc::new(route),
            alpn: table.get("alpn").unwrap_or_default(),
            pins,
            scan: table.get("scan").unwrap_or(false),
            starttls: read_starttls(&mut table, scope),
            expect: read_expect(&mut table, scope, expect::parse),
        };
        table.finish();
        Some(panel)
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let mut readings = Vec::new();
        let result = self.inspect(means, values, &mut trail, &mut readings).await;
        let mut observation = trail.observe(result.err());
        observation.readings = readings;
        observation
    }

    async fn inspect(
        &self,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
        readings: &mut Vec<Reading>,
    ) -> Result<(), Fault> {
        let at = self.at.render(values).map_err(super::missing)?;
        let (host, port) = host_and_port(&at, 443)?;
        let own = self.route.tls.as_deref();
        let name = own.and_then(|own| own.server_name.as_deref()).unwrap_or(&host);
        let (mut stream, remote) = means
            .connector
            .reach(&host, port, &self.route, means.deadline, trail)
            .await?;
        if let Some(dialogue) = &self.starttls {
            dialogue.hold(&mut stream, means.deadline).await?;
            trail.laps.end(|phases| &mut phases.send_us);
        }
        let identity = own.and_then(|own| own.identity.as_ref());
        let alpn = self.alpn();
        let (mut seen, shaken) = inspect(stream, name, &alpn, identity, means.deadline).await;
        trail.laps.end(|phases| &mut phases.tls_us);
        let door = Door {
            address: remote,
            server_name: name,
            dialogue: self.starttls.as_ref(),
            deadline: means.deadline,
        };
        // A server that we cannot speak with may speak what is too old for us.
        let offered = match shaken.is_err() || self.wants_survey() {
            true => Some(survey(door, &self.wants()).await),
            false => None,
        };
        if let Some(offered) = offered.as_ref().filter(|_| seen.chain.is_empty()) {
            seen.chain.clone_from(&offered.chain);
        }
        let facts = self.facts(seen, offered, name, means)?;
        facts.read_into(readings);
        trail.show(facts.exhibit(name));
        let mut findings = facts.always(name);
        // What was shown says more than how the handshake ended.
        if let Err(fault) = shaken {
            findings.push(("a handshake".to_owned(), Err(facts.unshaken(fault))));
        }
        let expected = self.expect.iter();
        findings.extend(expected.map(|one| (one.text.clone(), one.check.holds(&facts))));
        conclude(findings, &mut trail.evidence).map_or(Ok(()), Err)
    }

    /// What is offered: what the file says, or what it expects to be chosen.
    fn alpn(&self) -> Vec<String> {
        let expected = self.expect.iter().filter_map(|one| match &one.check {
            Check::Alpn(wanted) => Some(wanted.clone()),
            _ => None,
        });
        match self.alpn.is_empty() {
            true => expected.collect(),
            false => self.alpn.clone(),
        }
    }

    fn wants_survey(&self) -> bool {
        self.scan || self.expect.iter().any(|one| one.check.needs_survey())
    }

    fn wants(&self) -> Wants {
        let patterns = self.expect.iter().filter_map(|one| match &one.check {
            Check::NoCipher(pattern) => Some(pattern.clone()),
            _ => None,
        });
        Wants {
            every_cipher: self.scan,
            ciphers: patterns.collect(),
        }
    }

    fn facts(
        &self,
        seen: Seen,
        offered: Option<Survey>,
        name: &str,
        means: &Means<'_>,
    ) -> Result<Facts<'_>, Fault> {
        let own = self.route.tls.as_deref();
        let trust: Arc<Trust> = match own.and_then(|own| own.trust.clone()) {
            Some(trust) => trust,
            None => means.connector.trust()?,
        };
        let now = Timestamp::now();
        let read = |der: &rustls::pki_types::CertificateDer<'_>| Certificate::read(der).ok();
        let chain: Vec<_> = seen.chain.iter().filter_map(read).collect();
        let mut judgement = match seen.chain.is_empty() {
            true => Judgement::default(),
            false => trust.examine(&seen.chain, name, now),
        };
        // What is over the limit of TLS clients is judged by nobody; the handshake says so.
        let is_too_large = seen.chain.iter().any(|one| one.len() > MAX_CERTIFICATE_BYTES);
        let is_incomplete = |fault: &&Fault| fault.reason == Reason::CertChainIncomplete;
        let incomplete = judgement.faults.iter().find(is_incomplete).cloned();
        if own.is_some_and(|own| own.insecure) || is_too_large {
            judgement.faults.clear();
        }
        let staple = chain.first().filter(|_| !seen.staple.is_empty()).map(|leaf| {
            let sent = chain.iter().skip(1).find(|one| leaf.is_issued_by(one));
            let issuer = sent.or_else(|| trust.anchor_for(leaf));
            ocsp::read(&seen.staple, leaf, issuer, now)
        });
        Ok(Facts {
            panel: self,
            seen,
            chain,
            used: judgement.used,
            faults: judgement.faults,
            incomplete,
            staple,
            offered,
            now,
        })
    }
}

fn read_pin(pin: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<[u8; 32]> {
    let text = scope.now(pin)?;
    let bytes = text
        .strip_prefix("sha256/")
        .and_then(|text| BASE64_STANDARD.decode(text).ok());
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if bytes.is_none() {
        let problem = scope
            .problems()
            .source()
            .problem(pin.span(), format!("`{text}` is not a pin"));
        scope
            .problems()
            .push(problem.hint("`sha256/` and 44 characters of base64, as curl's --pinnedpubkey has them"));
    }
    bytes
}
