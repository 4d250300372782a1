//! Roots that are trusted, found by their names.

use std::collections::HashMap;

use rustls::pki_types::CertificateDer;

use super::chain::Certificate;

/// Roots, read.
#[derive(Debug, Default)]
pub(super) struct Roots {
    by_name: HashMap<Vec<u8>, Vec<Certificate>>,
}

impl Roots {
    pub(super) fn read(anchors: &[CertificateDer<'_>]) -> Self {
        let mut roots = Self::default();
        for root in anchors.iter().filter_map(|der| Certificate::read(der).ok()) {
            let named = roots.by_name.entry(root.raw_subject.clone());
            named.or_default().push(root);
        }
        roots
    }

    /// Those whose name is that of the certificate's issuer.
    pub(super) fn named_issuers<'r>(
        &'r self,
        one: &Certificate,
    ) -> impl Iterator<Item = &'r Certificate> + use<'r> {
        self.by_name.get(&one.raw_issuer).into_iter().flatten()
    }

    /// Those that issued the certificate.
    pub(super) fn issuers<'r>(&'r self, one: &Certificate) -> impl Iterator<Item = &'r Certificate> {
        self.named_issuers(one).filter(|root| one.is_signed_by(root))
    }

    /// The certificate itself, if it is one of them.
    pub(super) fn same<'r>(&'r self, one: &Certificate) -> Option<&'r Certificate> {
        let named = self.by_name.get(&one.raw_subject)?;
        named.iter().find(|root| root.der == one.der)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.by_name.values().flatten()
    }
}
