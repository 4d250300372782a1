//! What stands in a certificate (RFC 5280).

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Signature algorithms that are no longer safe (RFC 6194, RFC 6151): their numbers and names.
const WEAK: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "MD2 with RSA"),
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.2.840.10040.4.3", "SHA-1 with DSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
];
/// CA/Browser Forum Baseline Requirements, 6.1.5.
const MIN_RSA_BITS: usize = 2048;

/// A certificate, read.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// The names as they are encoded: equal bytes are equal names.
    pub(crate) raw_subject: Vec<u8>,
    pub(crate) raw_issuer: Vec<u8>,
    /// DNS names and addresses that it is for.
    pub(crate) names: Vec<String>,
    pub(crate) serial: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) is_ca: bool,
    /// What is weak about how it is signed, or about its key.
    pub(crate) weak: Option<String>,
    /// SHA-256 of the public key's description, as pins are (RFC 7469, 2.4).
    pub(crate) key_sha256: [u8; 32],
    /// Where its issuer's certificate can be had (RFC 5280, 4.2.2.1).
    pub(crate) issuer_url: Option<String>,
    /// Who issued its issuer, when it says so (RFC 5280, 4.2.1.1).
    pub(crate) issuers_issuer: Option<String>,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// In words: it is no certificate.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (_, x509) =
            X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
        let time =
            |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or_default();
        let mut issuer_url = None;
        let mut issuers_issuer = None;
        for extension in x509.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::AuthorityInfoAccess(access) => {
                    issuer_url = access
                        .accessdescs
                        .iter()
                        .find_map(|one| match &one.access_location {
                            GeneralName::URI(url)
                                if one.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2" =>
                            {
                                Some((*url).to_owned())
                            }
                            _ => None,
                        });
                }
                ParsedExtension::AuthorityKeyIdentifier(key) => {
                    let names = key.authority_cert_issuer.iter().flatten();
                    issuers_issuer = names.into_iter().find_map(|name| match name {
                        GeneralName::DirectoryName(name) => Some(name.to_string()),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        Ok(Self {
            der: der.to_vec(),
            subject: x509.subject().to_string(),
            issuer: x509.issuer().to_string(),
            raw_subject: x509.subject().as_raw().to_vec(),
            raw_issuer: x509.issuer().as_raw().to_vec(),
            names: names(&x509),
            serial: x509.raw_serial().to_vec(),
            not_before: time(x509.validity().not_before),
            not_after: time(x509.validity().not_after),
            is_ca: x509.is_ca(),
            weak: weakness(&x509),
            key_sha256: Sha256::digest(x509.public_key().raw).into(),
            issuer_url,
            issuers_issuer,
        })
    }

    /// Whether it signed itself: two certificates may share a name.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether `issuer` has the name and the key of its issuer.
    pub(crate) fn is_issued_by(&self, issuer: &Self) -> bool {
        self.names_issuer(issuer) && self.is_signed_by(issuer)
    }

    /// Whether `issuer` has the name of its issuer.
    pub(crate) fn names_issuer(&self, issuer: &Self) -> bool {
        self.raw_issuer == issuer.raw_subject
    }

    /// Whether it was signed with `issuer`'s key.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let (Ok((_, this)), Ok((_, other))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&issuer.der),
        ) else {
            return false;
        };
        this.verify_signature(Some(other.public_key())).is_ok()
    }
}

fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = x509.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    let texts = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|v4| std::net::Ipv4Addr::from(v4).to_string()),
            16 => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
            _ => None,
        },
        _ => None,
    });
    texts.collect()
}

fn weakness(x509: &X509Certificate<'_>) -> Option<String> {
    let algorithm = x509.signature_algorithm.algorithm.to_id_string();
    // A certificate that signs itself is trusted for being known, not for its signature.
    let is_root = x509.subject() == x509.issuer();
    if let Some((_, name)) = WEAK.iter().find(|(id, _)| !is_root && *id == algorithm) {
        return Some(format!("it is signed by {name}"));
    }
    match x509.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS => {
            Some(format!("its RSA key has only {} bits", key.key_size()))
        }
        _ => None,
    }
}
