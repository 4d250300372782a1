//! Whom we trust, and what is wrong with what is shown to us.

use std::sync::{Arc, OnceLock};

use gameday_core::Reason;
use jiff::{Timestamp, Unit};
use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::chain::Certificate;
use super::limits::{self, Limits};
use super::path::{End, Path, explain, find, last_end};
use super::roots::Roots;
use crate::observation::Fault;

/// More names of a certificate are not listed in a message.
const MAX_NAMES_SHOWN: usize = 10;

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
    /// The same, read when they are first needed: a chain that is good needs none of it.
    roots: OnceLock<Roots>,
    limits: OnceLock<Limits>,
}

/// What is thought of a chain.
#[derive(Debug, Default, Clone)]
pub(crate) struct Judgement {
    /// Everything that is wrong, the gravest first.
    pub(crate) faults: Vec<Fault>,
    /// The places in the chain of those certificates that are used, in order.
    pub(crate) used: Vec<usize>,
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
            roots: OnceLock::new(),
            limits: OnceLock::new(),
        })
    }

    fn roots(&self) -> &Roots {
        self.roots.get_or_init(|| Roots::read(&self.anchors))
    }

    fn limits(&self) -> &Limits {
        self.limits.get_or_init(|| Limits::of(&self.anchors))
    }

    /// Why a chain shown for a host is not to be trusted; nothing when it is good.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], host: &str, now: Timestamp) -> Option<Fault> {
        if let (Some((leaf, rest)), Ok(name)) = (chain.split_first(), ServerName::try_from(host))
            && self
                .verifier
                .verify_server_cert(leaf, rest, &name, &[], unix(now))
                .is_ok()
            && !self.limits().may_refuse(chain)
        {
            return None;
        }
        told(&self.examine(chain, host, now).faults)
    }

    /// Everything that is wrong with a chain shown for a host, and what of it is used.
    pub(crate) fn examine(&self, chain: &[CertificateDer<'_>], host: &str, now: Timestamp) -> Judgement {
        let one = |reason, message: String| Judgement {
            faults: vec![Fault::new(reason, message)],
            used: Vec::new(),
        };
        let Some((leaf, rest)) = chain.split_first() else {
            return one(
                Reason::TlsHandshake,
                "the server showed no certificate".to_owned(),
            );
        };
        let Ok(name) = ServerName::try_from(host) else {
            let message = format!("`{host}` is not a name that TLS knows");
            return one(Reason::CannotLook, message);
        };
        let read: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::read(der)).collect();
        let read = match read {
            Ok(read) => read,
            Err(wrong) => return one(Reason::CertUntrusted, wrong),
        };
        let Some(path) = find(&read, self.roots(), now) else {
            return Judgement::default();
        };
        let verify = |now| self.verifier.verify_server_cert(leaf, rest, &name, &[], now);
        let mut faults = time_faults(&path, now);
        faults.extend(weak_fault(&path));
        faults.extend(limits::fault(&path));
        if let Err(error) = verify(unix(now)) {
            faults.extend(name_fault(leaf, &read, &name));
            // A moment at which the server's own was good: what is wrong then too is wrong with the path.
            faults.extend(self.path_fault(&path, verify(unix(middle(&read[0]))).err()));
            // Something is wrong, whatever it is; but a certificate that is itself trusted may be an authority's.
            if faults.is_empty() && !self.anchors.iter().any(|anchor| anchor.as_ref() == leaf.as_ref()) {
                faults.push(Fault::new(Reason::CertUntrusted, clear(&error)));
            }
        }
        faults.sort_by_key(|fault| GRAVEST_FIRST.iter().position(|reason| *reason == fault.reason));
        let place = |used: &&Certificate| read.iter().position(|one| one.der == used.der);
        Judgement {
            used: path.used.iter().filter_map(place).collect(),
            faults,
        }
    }

    /// The root that issued a certificate, if it is one of ours.
    pub(crate) fn anchor_for(&self, certificate: &Certificate) -> Option<&Certificate> {
        self.roots().issuers(certificate).next()
    }

    /// When the last of the chains ends that lead from the first certificate to a root: each ends with its
    /// first certificate that does, and the root counts. `None` when none leads there.
    pub(crate) fn last_chain_ends(&self, chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
        let shown: Vec<_> = chain
            .iter()
            .filter_map(|der| Certificate::read(der).ok())
            .collect();
        last_end(&shown, self.roots())
    }

    /// Whether the chain leads to a root, its times and names left aside.
    fn path_fault(&self, path: &Path<'_>, error: Option<rustls::Error>) -> Option<Fault> {
        use rustls::CertificateError as E;
        let End::Trusted(_) = path.end else {
            return explain(path, self.roots(), "");
        };
        let error = error?;
        let is_itself_trusted = path.used.len() == 1
            && self
                .anchors
                .iter()
                .any(|anchor| anchor.as_ref() == path.used[0].der.as_slice());
        let is_told = matches!(
            error,
            rustls::Error::InvalidCertificate(
                E::NotValidForName
                    | E::NotValidForNameContext { .. }
                    | E::Expired
                    | E::ExpiredContext { .. }
                    | E::NotValidYet
                    | E::NotValidYetContext { .. }
            )
        );
        // Without extensions it has no names either, and that is told.
        let is_told = is_told || error.to_string().contains("UnsupportedCertVersion");
        // What webpki does not verify for being weak is told as weak.
        let is_weak = path.used.iter().any(|one| one.weak.is_some());
        match is_told || is_weak || is_itself_trusted {
            true => None,
            false => explain(path, self.roots(), &clear(&error)),
        }
    }
}

/// All faults as one: the gravest one's reason, and every message.
pub(crate) fn told(faults: &[Fault]) -> Option<Fault> {
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    let first = faults.first()?;
    Some(Fault::new(first.reason, messages.join("; ")))
}

/// What webpki says, in words that need no knowledge of its code.
fn clear(error: &rustls::Error) -> String {
    use rustls::CertificateError as E;
    let text = error.to_string();
    let rustls::Error::InvalidCertificate(error) = error else {
        return text;
    };
    let said = match error {
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "it may not be used for servers (extended key usage)"
        }
        _ if text.contains("CaUsedAsEndEntity") => "it is an authority's certificate (CA), not a server's",
        _ if text.contains("NameConstraintViolation") => {
            "an authority in its chain may not issue for this name (name constraints)"
        }
        _ if text.contains("PathLenConstraintViolated") => {
            "an authority in its chain may not have others below it (path length)"
        }
        _ if text.contains("EndEntityUsedAsCa") => "a certificate in its chain is no authority's",
        _ if text.contains("UnsupportedCriticalExtension") => "it has a critical extension that nobody knows",
        E::BadEncoding => "it cannot be read",
        _ => return text.trim_start_matches("invalid peer certificate: ").to_owned(),
    };
    said.to_owned()
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

fn time_faults(path: &Path<'_>, now: Timestamp) -> Vec<Fault> {
    let named = |index: usize, one: &Certificate| match index {
        0 => "it".to_owned(),
        _ if index < path.used.len() => format!("`{}` in its chain", one.subject),
        _ => format!("the root `{}`", one.subject),
    };
    // A root that is over is no root for most clients, though some do not look.
    let root = match path.end {
        End::Trusted(root) => Some(root),
        _ => None,
    };
    let used = path.used.iter().copied();
    let all = used.chain(root.filter(|root| path.used.iter().all(|one| one.der != root.der)));
    let faults = all.enumerate().filter_map(|(index, one)| {
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

fn weak_fault(path: &Path<'_>) -> Option<Fault> {
    let (one, why) = path.used.iter().find_map(|one| Some((one, one.weak.as_ref()?)))?;
    Some(Fault::new(
        Reason::CertWeakSignature,
        format!("`{}`: {why}", one.subject),
    ))
}

/// A time for people: days, hours below two of them, or minutes below two of those.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let minutes = to
        .since((Unit::Minute, from))
        .map_or(0, |span| span.get_minutes());
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / (24 * 60)),
    }
}

fn name_fault(der: &CertificateDer<'_>, chain: &[Certificate], name: &ServerName<'_>) -> Option<Fault> {
    let leaf = chain.first()?;
    let is_for = match ParsedCertificate::try_from(der) {
        Ok(parsed) => verify_server_name(&parsed, name).is_ok(),
        Err(_) => leaf.is_for(name),
    };
    if is_for {
        return None;
    }
    let wanted = name.to_str();
    let shown: Vec<&str> = leaf
        .names
        .iter()
        .map(String::as_str)
        .take(MAX_NAMES_SHOWN)
        .collect();
    let more = leaf.names.len().saturating_sub(MAX_NAMES_SHOWN);
    let mut message = match (leaf.names.is_empty(), more) {
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
    let is_too_wide = |name: &&str| {
        name.strip_prefix("*.")
            .is_some_and(|parent| !parent.contains('.'))
    };
    if shown.iter().any(is_too_wide) {
        message.push_str("; a wildcard right below a top-level domain stands for no name");
    }
    if let Some(place) = chain.iter().position(|one| one.is_for(name)) {
        // RFC 8446, 4.4.2: the sender's certificate must come first.
        message.push_str(&format!(
            "; the one that is for it was sent as number {}, and must be the first",
            place + 1
        ));
    }
    Some(Fault::new(Reason::CertNameMismatch, message))
}
