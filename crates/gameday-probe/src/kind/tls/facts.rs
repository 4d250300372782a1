//! Everything that is known of a server, what is wrong with it whatever the file says, and how it is shown.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::Reason;
use jiff::Timestamp;

use super::Tls;
use crate::evidence::Exhibit;
use crate::kind::panel::Found;
use crate::net::pem;
use crate::observation::{Fault, Reading};
use crate::tls::inspect::Seen;
use crate::tls::survey::{Answer, Survey};
use crate::tls::trust::told;
use crate::tls::{Certificate, ocsp};

/// Everything that expectations are about.
pub(super) struct Facts<'a> {
    pub(super) panel: &'a Tls,
    pub(super) seen: Seen,
    /// What was sent, as far as it can be read.
    pub(super) chain: Vec<Certificate>,
    /// The places in it of those that lead to a root, or as far as they lead.
    pub(super) used: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    /// What is missing in the chain, also where no trust is asked for.
    pub(super) incomplete: Option<Fault>,
    pub(super) staple: Option<Result<ocsp::Staple, String>>,
    pub(super) offered: Option<Survey>,
    pub(super) now: Timestamp,
}

impl Facts<'_> {
    /// What must hold whatever the file says.
    pub(super) fn always(&self, name: &str) -> Vec<(String, Found)> {
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
    pub(super) fn unshaken(&self, mut fault: Fault) -> Fault {
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
    pub(super) fn path(&self) -> impl Iterator<Item = &Certificate> {
        self.used.iter().filter_map(|place| self.chain.get(*place))
    }

    /// Only what leads to a root counts: anybody can send another's certificate along.
    pub(super) fn is_pinned(&self) -> bool {
        self.path().any(|one| self.panel.pins.contains(&one.key_sha256))
    }

    /// The certificate that ends first.
    pub(super) fn first_to_end(&self) -> Option<&Certificate> {
        self.path().min_by_key(|one| one.not_after)
    }

    pub(super) fn read_into(&self, readings: &mut Vec<Reading>) {
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

    pub(super) fn exhibit(&self, name: &str) -> Exhibit {
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
