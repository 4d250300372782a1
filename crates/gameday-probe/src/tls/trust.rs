//! Whom we trust, and what is wrong with what is shown to us.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use gameday_core::Reason;
use jiff::{Timestamp, Unit};
use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::chain::Certificate;
use super::path::explain;
use crate::observation::Fault;

/// More names of a certificate are not listed in a message.
const MAX_NAMES_SHOWN: usize = 10;
/// A longer chain is not followed.
const MAX_CHAIN: usize = 8;

/// Of several faults, the first of these is the reason.
const GRAVEST_FIRST: [Reason; 9] = [
    Reason::CertRevoked,
    Reason::CertSelfSigned,
    Reason::CertUntrusted,
    Reason::CertChainIncomplete,
    Reason::CertExpired,
    Reason::CertNotYetValid,
    Reason::CertNameMismatch,
    Reason::CertPinMismatch,
    Reason::CertWeakSignature,
];

/// Roots that are trusted.
pub(crate) struct Trust {
    verifier: Arc<WebPkiServerVerifier>,
    anchors: Vec<CertificateDer<'static>>,
    by_name: OnceLock<HashMap<Vec<u8>, Vec<Certificate>>>,
}

impl Trust {
    /// This machine's roots; `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
    ///
    /// # Errors
    /// In words: there are none.
    pub(crate) fn machine() -> Result<Self, String> {
        let found = rustls_native_certs::load_native_certs();
        let told = found
            .errors
            .first()
            .map_or_else(|| "none found".to_owned(), ToString::to_string);
        Self::new(found.certs).map_err(|_| format!("this machine's trusted certificates: {told}"))
    }

    /// These roots only.
    ///
    /// # Errors
    /// In words: none of them can be used.
    pub(crate) fn new(anchors: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(anchors.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
        Ok(Self {
            verifier: verifier.map_err(|error| error.to_string())?,
            anchors,
            by_name: OnceLock::new(),
        })
    }

    /// Everything that is wrong with a chain shown for a host, the gravest first; nothing when it is good.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], host: &str, now: Timestamp) -> Vec<Fault> {
        let Some((leaf, rest)) = chain.split_first() else {
            return vec![Fault::new(
                Reason::TlsHandshake,
                "the server showed no certificate",
            )];
        };
        let Ok(name) = ServerName::try_from(host) else {
            return vec![Fault::new(
                Reason::CannotLook,
                format!("`{host}` is not a name that TLS knows"),
            )];
        };
        match self
            .verifier
            .verify_server_cert(leaf, rest, &name, &[], unix(now))
        {
            Ok(_) => Vec::new(),
            Err(error) => self.faults(chain, &name, now, &error.to_string()),
        }
    }

    /// The root that issued a certificate, if it is one of ours.
    pub(crate) fn anchor_for(&self, certificate: &Certificate) -> Option<Certificate> {
        let roots = self.by_name().get(&certificate.raw_issuer)?;
        roots.iter().find(|root| certificate.is_signed_by(root)).cloned()
    }

    /// When the last of the chains ends that lead from the first certificate to a root: each ends with its first certificate
    /// that does, and the root counts. `None` when none leads there.
    pub(crate) fn last_chain_ends(&self, chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
        let shown: Vec<_> = chain
            .iter()
            .filter_map(|der| Certificate::read(der).ok())
            .collect();
        let (leaf, rest) = shown.split_first()?;
        self.ends(leaf, &rest[..rest.len().min(MAX_CHAIN)], MAX_CHAIN)
    }

    fn ends(&self, one: &Certificate, rest: &[Certificate], depth: usize) -> Option<Timestamp> {
        if self.anchors.iter().any(|anchor| anchor.as_ref() == one.der) {
            return Some(one.not_after);
        }
        let roots = self.by_name().get(&one.raw_issuer).into_iter().flatten();
        let by_root = roots
            .filter(|root| one.is_signed_by(root))
            .map(|root| root.not_after);
        let between = rest
            .iter()
            .filter(|next| depth > 0 && one.is_issued_by(next) && next.der != one.der);
        let by_others = between.filter_map(|next| self.ends(next, rest, depth - 1));
        let last = by_root.chain(by_others).max()?;
        Some(last.min(one.not_after))
    }

    /// The roots by their names, read when they are first needed.
    fn by_name(&self) -> &HashMap<Vec<u8>, Vec<Certificate>> {
        self.by_name.get_or_init(|| {
            let mut named: HashMap<_, Vec<_>> = HashMap::new();
            for root in self.anchors.iter().filter_map(|der| Certificate::read(der).ok()) {
                named.entry(root.raw_subject.clone()).or_default().push(root);
            }
            named
        })
    }

    fn faults(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: Timestamp,
        said: &str,
    ) -> Vec<Fault> {
        let read: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::read(der)).collect();
        let read = match read {
            Ok(read) => read,
            Err(wrong) => return vec![Fault::new(Reason::CertUntrusted, wrong)],
        };
        let mut faults = time_faults(&read, now);
        faults.extend(name_fault(&chain[0], &read[0], name));
        let weak = read.iter().find_map(|one| Some((one, one.weak.as_ref()?)));
        faults.extend(
            weak.map(|(one, why)| Fault::new(Reason::CertWeakSignature, format!("`{}`: {why}", one.subject))),
        );
        faults.extend(self.path_fault(chain, &read, name, said));
        // Something is wrong, whatever it is; but a certificate that is itself trusted may be an authority's.
        if faults.is_empty() && !self.is_anchor(&chain[0]) {
            faults.push(Fault::new(Reason::CertUntrusted, said.to_owned()));
        }
        faults.sort_by_key(|fault| GRAVEST_FIRST.iter().position(|reason| *reason == fault.reason));
        faults
    }

    fn is_anchor(&self, one: &CertificateDer<'_>) -> bool {
        self.anchors.iter().any(|anchor| anchor.as_ref() == one.as_ref())
    }

    /// Whether the chain leads to a root, its times and names left aside.
    fn path_fault(
        &self,
        chain: &[CertificateDer<'_>],
        read: &[Certificate],
        name: &ServerName<'_>,
        said: &str,
    ) -> Option<Fault> {
        if self.is_anchor(&chain[0]) {
            return None;
        }
        // A moment at which the leaf was good: what is then still wrong is wrong with the path.
        let then = unix(middle(&read[0]));
        let verified = self
            .verifier
            .verify_server_cert(&chain[0], &chain[1..], name, &[], then);
        let error = match verified {
            Ok(_) => return None,
            Err(rustls::Error::InvalidCertificate(error)) => error,
            Err(error) => return Some(Fault::new(Reason::CertUntrusted, error.to_string())),
        };
        use rustls::CertificateError as E;
        match error {
            E::NotValidForName | E::NotValidForNameContext { .. } => None,
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => None,
            // What webpki does not verify for being weak is told as weak.
            _ if read.iter().any(|one| one.weak.is_some()) => None,
            _ => {
                let anchors = self.anchors.iter().filter_map(|der| Certificate::read(der).ok());
                Some(explain(read, &anchors.collect::<Vec<_>>(), said))
            }
        }
    }
}

fn unix(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        time.as_second().max(0).unsigned_abs(),
    ))
}

fn middle(leaf: &Certificate) -> Timestamp {
    let half = (leaf.not_after.as_second() - leaf.not_before.as_second()) / 2;
    Timestamp::from_second(leaf.not_before.as_second() + half).unwrap_or(leaf.not_before)
}

fn time_faults(chain: &[Certificate], now: Timestamp) -> Vec<Fault> {
    let named = |index: usize, one: &Certificate| match index {
        0 => "it".to_owned(),
        _ => format!("`{}` in its chain", one.subject),
    };
    let faults = chain.iter().enumerate().filter_map(|(index, one)| {
        let who = named(index, one);
        if now > one.not_after {
            let message = format!(
                "{who} expired {} ago, on {}",
                span(one.not_after, now),
                one.not_after
            );
            return Some(Fault::new(Reason::CertExpired, message));
        }
        if now < one.not_before {
            let message = format!(
                "{who} is valid in {}, from {}",
                span(now, one.not_before),
                one.not_before
            );
            return Some(Fault::new(Reason::CertNotYetValid, message));
        }
        None
    });
    faults.collect()
}

/// A time for people: days, or hours below two of them.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let hours = to
        .since((Unit::Hour, from))
        .map_or(0, |span| i64::from(span.get_hours()));
    match hours {
        0..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

fn name_fault(der: &CertificateDer<'_>, leaf: &Certificate, name: &ServerName<'_>) -> Option<Fault> {
    let parsed = ParsedCertificate::try_from(der).ok()?;
    verify_server_name(&parsed, name).err()?;
    let wanted = name.to_str();
    let shown: Vec<&str> = leaf
        .names
        .iter()
        .map(String::as_str)
        .take(MAX_NAMES_SHOWN)
        .collect();
    let more = leaf.names.len().saturating_sub(MAX_NAMES_SHOWN);
    let message = match (leaf.names.is_empty(), more) {
        (true, _) => format!(
            "it is not for `{wanted}`: it has no subject alternative name (its subject is `{}`)",
            leaf.subject
        ),
        (false, 0) => format!("it is not for `{wanted}` but for {}", shown.join(", ")),
        (false, more) => format!(
            "it is not for `{wanted}` but for {} and {more} more",
            shown.join(", ")
        ),
    };
    Some(Fault::new(Reason::CertNameMismatch, message))
}
