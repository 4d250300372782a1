//! `[tls]` and `[check.tls]`: the whole chain, what is wrong with it, and what else the server would speak.
//!
//! ```text
//! at = "host:443", server_name = "…", connect_to = "IP", roots = "ca.pem", alpn = ["h2", "http/1.1"],
//! pins = ["sha256/BASE64"], scan = false, starttls = "smtp", expect = ["expires > 21d", "version >= 1.2"]
//! ```

mod expect;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::{Reason, Table};
use jiff::Timestamp;
use toml::Spanned;

use super::panel::{Expectation, Found, conclude, read_expect};
use super::starttls::{Dialogue, read_starttls};
use super::{Means, host_and_port};
use crate::evidence::Exhibit;
use crate::file::{Scope, Times, address, read_tls};
use crate::net::{Route, Trail, pem};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::tls::inspect::{Seen, inspect};
use crate::tls::survey::{Answer, Door, Survey, Wants, survey};
use crate::tls::trust::{Judgement, told};
use crate::tls::{Certificate, Trust, ocsp};
use crate::values::Values;
use expect::Check;

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

/// Everything that expectations are about.
struct Facts<'a> {
    panel: &'a Tls,
    seen: Seen,
    /// What was sent, as far as it can be read.
    chain: Vec<Certificate>,
    /// The places in it of those that lead to a root, or as far as they lead.
    used: Vec<usize>,
    faults: Vec<Fault>,
    staple: Option<Result<ocsp::Staple, String>>,
    offered: Option<Survey>,
    now: Timestamp,
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
            staple,
            offered,
            now,
        })
    }
}

impl Facts<'_> {
    /// What must hold whatever the file says.
    fn always(&self, name: &str) -> Vec<(String, Found)> {
        let mut findings = Vec::new();
        if let Some(Ok(staple)) = &self.staple
            && let ocsp::Status::Revoked(when) = &staple.status
            && !staple.is_forged
        {
            let but = staple.doubt.iter().map(|doubt| format!(", though {doubt}"));
            let but: String = but.collect();
            let message = format!("the certificate of `{name}` was revoked {when} (stapled OCSP{but})");
            findings.push((
                "not revoked".to_owned(),
                Err(Fault::new(Reason::CertRevoked, message)),
            ));
        }
        if let Some(fault) = told(&self.faults) {
            let message = format!("the certificate of `{name}`: {}", fault.message);
            findings.push((
                "a trusted certificate".to_owned(),
                Err(Fault::new(fault.reason, message)),
            ));
        }
        if !self.panel.pins.is_empty() && !self.chain.is_empty() && !self.is_pinned() {
            let key = self
                .chain
                .first()
                .map(|leaf| BASE64_STANDARD.encode(leaf.key_sha256));
            let message = format!(
                "no key of the chain is pinned; the server's own is sha256/{}",
                key.unwrap_or_default()
            );
            findings.push((
                "a pinned key".to_owned(),
                Err(Fault::new(Reason::CertPinMismatch, message)),
            ));
        }
        findings
    }

    /// Why there was no handshake, with what the server would speak; a key that we cannot use is our lack.
    fn unshaken(&self, mut fault: Fault) -> Fault {
        let stranger = self.offered.iter().flat_map(|offered| &offered.stranger);
        fault.message.extend(stranger.map(|said| format!(": {said}")));
        fault.message.push_str(&self.spoken());
        if let Some(key) = self.chain.first().and_then(|leaf| leaf.foreign_key.as_ref()) {
            fault.reason = Reason::CannotLook;
            let message = format!("; its key is {key}, with which gameday can do no handshake");
            fault.message.push_str(&message);
        }
        fault
    }

    /// What a server speaks that we could not speak with.
    fn spoken(&self) -> String {
        let versions = self.offered.iter().flat_map(|offered| &offered.versions);
        let spoken = versions.filter_map(|(version, answer)| match answer {
            Answer::Speaks(cipher) => Some(format!("{} ({cipher})", version.text())),
            _ => None,
        });
        let texts: Vec<String> = spoken.collect();
        match texts.is_empty() {
            true => String::new(),
            false => format!("; the server speaks TLS {}", texts.join(", ")),
        }
    }

    /// Those that lead to a root.
    fn path(&self) -> impl Iterator<Item = &Certificate> {
        self.used.iter().filter_map(|place| self.chain.get(*place))
    }

    /// Only what leads to a root counts: anybody can send another's certificate along.
    fn is_pinned(&self) -> bool {
        self.path().any(|one| self.panel.pins.contains(&one.key_sha256))
    }

    /// The certificate that ends first.
    fn first_to_end(&self) -> Option<&Certificate> {
        self.path().min_by_key(|one| one.not_after)
    }

    fn read_into(&self, readings: &mut Vec<Reading>) {
        let mut add = |name, labels, value| readings.push(Reading { name, labels, value });
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let seconds = |time: Timestamp| time.as_second() as f64;
        if let (Some(leaf), Some(first)) = (self.chain.first(), self.first_to_end()) {
            add(
                "tls_cert_expiry_timestamp_seconds",
                vec![],
                seconds(leaf.not_after),
            );
            add(
                "tls_chain_expiry_timestamp_seconds",
                vec![],
                seconds(first.not_after),
            );
        }
        if !self.seen.version.is_empty() {
            let labels = vec![
                ("version", self.seen.version.clone()),
                ("cipher", self.seen.cipher.clone()),
            ];
            add("tls_info", labels, 1.0);
        }
        for (version, answer) in self.offered.iter().flat_map(|offered| &offered.versions) {
            let offers = match answer {
                Answer::Speaks(_) => 1.0,
                Answer::Refuses(_) => 0.0,
                Answer::Untold(_) => continue,
            };
            let labels = vec![("version", version.text().to_owned())];
            add("tls_version_offered", labels, offers);
        }
    }

    fn exhibit(&self, name: &str) -> Exhibit {
        let mut outcome = format!("{} {}", self.seen.version, self.seen.cipher);
        if let Some(alpn) = &self.seen.alpn {
            outcome.push_str(&format!(" {alpn}"));
        }
        for (place, one) in self.chain.iter().enumerate() {
            outcome.push_str(&format!(
                "\n{}{} issued by {}, {} to {}{}",
                one.subject,
                if one.is_ca { " (CA)" } else { "" },
                one.issuer,
                one.not_before,
                one.not_after,
                if self.used.contains(&place) {
                    ""
                } else {
                    ", not used"
                }
            ));
        }
        outcome.extend(
            self.faults
                .iter()
                .map(|fault| format!("\n{}: {}", fault.reason, fault.message)),
        );
        if let Some(staple) = &self.staple {
            let said = match staple {
                Ok(staple) => staple.doubt.clone().map_or(staple.word().to_owned(), |doubt| {
                    format!("{:?}, but {doubt}", staple.status)
                }),
                Err(wrong) => wrong.clone(),
            };
            outcome.push_str(&format!("\nstapled OCSP: {said}"));
        }
        for (version, answer) in self.offered.iter().flat_map(|offered| &offered.versions) {
            let said = match answer {
                Answer::Speaks(cipher) => format!("offered, {cipher}"),
                Answer::Refuses(why) => format!("not offered: {why}"),
                Answer::Untold(why) => format!("not known: {why}"),
            };
            outcome.push_str(&format!("\nTLS {}: {said}", version.text()));
        }
        for (version, cipher) in self.offered.iter().flat_map(|offered| &offered.ciphers) {
            outcome.push_str(&format!("\noffers TLS {} {cipher}", version.text()));
        }
        Exhibit::Tls {
            server_name: name.to_owned(),
            outcome,
            chain: self.seen.chain.iter().map(|der| pem(der)).collect(),
        }
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
