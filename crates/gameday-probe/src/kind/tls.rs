//! `[tls]` and `[check.tls]`: the whole chain, what is wrong with it, and what else the server would speak.
//!
//! ```text
//! at = "host:443", server_name = "…", connect_to = "IP", roots = "ca.pem", alpn = ["h2", "http/1.1"],
//! pins = ["sha256/BASE64"], scan = false, starttls = "smtp", expect = ["expires > 21d", "version >= 1.2"]
//! ```

mod expect;

use std::net::SocketAddr;
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
use crate::tls::hello::{Offered, scan};
use crate::tls::inspect::{Seen, inspect};
use crate::tls::{Certificate, Trust, ocsp};
use crate::values::Values;
use expect::Check;

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
    chain: Vec<Certificate>,
    faults: Vec<Fault>,
    staple: Option<Result<ocsp::Staple, String>>,
    offered: Option<Offered>,
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
        let (seen, shaken) = inspect(stream, name, &self.alpn, means.deadline).await;
        trail.laps.end(|phases| &mut phases.tls_us);
        let facts = self.facts(seen, name, means, remote, shaken.is_err()).await?;
        facts.read_into(readings);
        trail.show(facts.exhibit(name));
        let mut findings = facts.always(name);
        // What was shown says more than how the handshake ended.
        if let Err(mut fault) = shaken {
            fault.message.push_str(&facts.spoken());
            findings.push(("a handshake".to_owned(), Err(fault)));
        }
        let expected = self.expect.iter();
        findings.extend(expected.map(|one| (one.text.clone(), one.check.holds(&facts))));
        conclude(findings, &mut trail.evidence).map_or(Ok(()), Err)
    }

    async fn facts(
        &self,
        seen: Seen,
        name: &str,
        means: &Means<'_>,
        remote: SocketAddr,
        failed: bool,
    ) -> Result<Facts<'_>, Fault> {
        let own = self.route.tls.as_deref();
        let trust: Arc<Trust> = match own.and_then(|own| own.trust.clone()) {
            Some(trust) => trust,
            None => means.connector.trust()?,
        };
        let now = Timestamp::now();
        let chain: Vec<_> = seen
            .chain
            .iter()
            .filter_map(|der| Certificate::read(der).ok())
            .collect();
        let is_insecure = own.is_some_and(|own| own.insecure);
        let faults = match is_insecure || seen.chain.is_empty() {
            true => Vec::new(),
            false => trust.judge(&seen.chain, name, now),
        };
        let staple = chain.first().filter(|_| !seen.staple.is_empty()).map(|leaf| {
            let sent = chain.iter().skip(1).find(|one| leaf.names_issuer(one)).cloned();
            let issuer = sent.or_else(|| trust.anchor_for(leaf));
            ocsp::read(&seen.staple, leaf, issuer.as_ref(), now)
        });
        // A server that we cannot speak with may speak what is too old for us.
        let wants_scan = failed || self.scan || self.expect.iter().any(|one| one.check.needs_scan());
        let offered = match wants_scan && self.starttls.is_none() {
            true => Some(
                scan(
                    remote,
                    name,
                    self.scan || self.expect.iter().any(|one| one.check.needs_ciphers()),
                    means.deadline,
                )
                .await,
            ),
            false => None,
        };
        Ok(Facts {
            panel: self,
            seen,
            chain,
            faults,
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
            && let (ocsp::Status::Revoked(when), None) = (&staple.status, &staple.doubt)
        {
            let message = format!("the certificate of `{name}` was revoked {when} (stapled OCSP)");
            findings.push((
                "not revoked".to_owned(),
                Err(Fault::new(Reason::CertRevoked, message)),
            ));
        }
        for fault in &self.faults {
            let message = format!("the certificate of `{name}`: {}", fault.message);
            findings.push((
                "a trusted certificate".to_owned(),
                Err(Fault::new(fault.reason, message)),
            ));
        }
        let weak = self.chain.iter().find_map(|one| Some((one, one.weak.as_ref()?)));
        if let (Some((one, why)), true) = (weak, self.faults.is_empty()) {
            let message = format!("`{}`: {why}", one.subject);
            findings.push((
                "strong signatures".to_owned(),
                Err(Fault::new(Reason::CertWeakSignature, message)),
            ));
        }
        if !self.panel.pins.is_empty() && !self.is_pinned() {
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

    /// Which versions a server speaks that we could not speak with.
    fn spoken(&self) -> String {
        let versions = self.offered.iter().flat_map(|offered| &offered.versions);
        let texts: Vec<&str> = versions.map(|version| version.text()).collect();
        match texts.is_empty() {
            true => String::new(),
            false => format!("; the server speaks TLS {}", texts.join(", ")),
        }
    }

    fn is_pinned(&self) -> bool {
        self.chain
            .iter()
            .any(|one| self.panel.pins.contains(&one.key_sha256))
    }

    /// The certificate that ends first.
    fn first_to_end(&self) -> Option<&Certificate> {
        self.chain.iter().min_by_key(|one| one.not_after)
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
        for version in self.offered.iter().flat_map(|offered| &offered.versions) {
            add(
                "tls_version_offered",
                vec![("version", version.text().to_owned())],
                1.0,
            );
        }
    }

    fn exhibit(&self, name: &str) -> Exhibit {
        let mut outcome = format!("{} {}", self.seen.version, self.seen.cipher);
        if let Some(alpn) = &self.seen.alpn {
            outcome.push_str(&format!(" {alpn}"));
        }
        for one in &self.chain {
            outcome.push_str(&format!(
                "\n{}{} issued by {}, {} to {}",
                one.subject,
                if one.is_ca { " (CA)" } else { "" },
                one.issuer,
                one.not_before,
                one.not_after
            ));
        }
        if let Some(staple) = &self.staple {
            let said = match staple {
                Ok(staple) => staple.doubt.clone().map_or(staple.word().to_owned(), |doubt| {
                    format!("{:?}, but {doubt}", staple.status)
                }),
                Err(wrong) => wrong.clone(),
            };
            outcome.push_str(&format!("\nstapled OCSP: {said}"));
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
