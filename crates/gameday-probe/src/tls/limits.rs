//! What webpki does not look at: keys that are too small, authorities that may not sign, and how many of
//! them a root lets stand below it (RFC 5280, 4.2.1.3 and 4.2.1.9; OpenSSL refuses the same).

use gameday_core::Reason;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::chain::{Certificate, may_sign, path_length, weak_key};
use super::path::{End, Path};
use crate::observation::Fault;

/// The names of those roots that do not let any chain lead to them.
#[derive(Debug, Default)]
pub(super) struct Limits {
    strict_roots: Vec<Vec<u8>>,
}

impl Limits {
    pub(super) fn of(roots: &[CertificateDer<'_>]) -> Self {
        let read = roots.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        let strict = read.filter(|(_, x509)| !may_sign(x509) || path_length(x509).is_some());
        Self {
            strict_roots: strict.map(|(_, x509)| x509.subject().as_raw().to_vec()).collect(),
        }
    }

    /// Whether a chain that webpki accepts must be looked at more closely.
    pub(super) fn may_refuse(&self, chain: &[CertificateDer<'_>]) -> bool {
        let may_refuse = |(place, der): (usize, &CertificateDer<'_>)| {
            let Ok((_, x509)) = X509Certificate::from_der(der) else {
                return true;
            };
            let is_leaf = place == 0;
            (is_leaf && weak_key(x509.public_key()).is_some())
                || (!is_leaf && !may_sign(&x509))
                || self
                    .strict_roots
                    .iter()
                    .any(|root| root.as_slice() == x509.issuer().as_raw())
        };
        chain.iter().enumerate().any(may_refuse)
    }
}

/// Whether the key of a certificate is one that no signature of a handshake is verified with.
pub(crate) fn has_weak_key(certificate: &ParsedCertificate<'_>) -> bool {
    let description = certificate.subject_public_key_info();
    SubjectPublicKeyInfo::from_der(&description).is_ok_and(|(_, key)| weak_key(&key).is_some())
}

/// Whether an authority may have issued the last of these certificates, and those before it.
pub(super) fn allows(issuer: &Certificate, below: &[&Certificate]) -> bool {
    issuer.may_sign && issuer.path_length.is_none_or(|most| authorities(below) <= most)
}

/// What an authority of the path does that it may not; webpki tells the path length of all but the root's.
pub(super) fn fault(path: &Path<'_>) -> Option<Fault> {
    let root = match path.end {
        End::Trusted(root) => Some(root),
        _ => None,
    };
    let mut issuers = path.used.iter().copied().skip(1).chain(root);
    let untrusted = |message| Some(Fault::new(Reason::CertUntrusted, message));
    if let Some(issuer) = issuers.find(|issuer| !issuer.may_sign) {
        return untrusted(format!(
            "`{}` in its chain may not sign certificates (key usage)",
            issuer.subject
        ));
    }
    let root = root?;
    let below: Vec<_> = path
        .used
        .iter()
        .copied()
        .filter(|one| one.der != root.der)
        .collect();
    match (root.path_length, authorities(&below)) {
        (Some(most), found) if found > most => untrusted(format!(
            "the root `{}` may have {most} authorities below it (path length), and has {found}",
            root.subject
        )),
        _ => None,
    }
}

/// How many authorities stand above the server's own certificate; those that only renew themselves do not count.
fn authorities(below: &[&Certificate]) -> u32 {
    let others = below
        .iter()
        .skip(1)
        .filter(|one| one.raw_subject != one.raw_issuer);
    u32::try_from(others.count()).unwrap_or(u32::MAX)
}
