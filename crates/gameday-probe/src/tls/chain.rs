//! What stands in a certificate (RFC 5280).

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use x509_parser::error::X509Error;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Signature algorithms that are no longer safe (RFC 6194, RFC 6151): their numbers and names.
const WEAK: [(&str, &str); 7] = [
    ("1.2.840.113549.1.1.2", "MD2 with RSA"),
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.3.14.3.2.3", "MD5 with RSA"),
    ("1.3.14.3.2.29", "SHA-1 with RSA"),
    ("1.2.840.10040.4.3", "SHA-1 with DSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
];
/// CA/Browser Forum Baseline Requirements, 6.1.5.
const MIN_RSA_BITS: usize = 2048;
/// NIST SP 800-57, 5.6.1: 112 bits of security.
const MIN_EC_BITS: usize = 224;

/// A time of a certificate; the end of all time (RFC 5280, 4.1.2.5) is a little later than ours.
fn timestamp(seconds: i64) -> Timestamp {
    let most = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(most)
}

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
    /// Whether it may sign certificates, as far as its key usage says (RFC 5280, 4.2.1.3).
    pub(super) may_sign: bool,
    /// So many authorities may stand between it and a server's certificate (RFC 5280, 4.2.1.9).
    pub(super) path_length: Option<u32>,
    /// What is weak about how it is signed, or about its key.
    pub(crate) weak: Option<String>,
    /// What its key is, when our own TLS has no means for such keys.
    pub(crate) foreign_key: Option<String>,
    /// SHA-256 of the public key's description, as pins are (RFC 7469, 2.4).
    pub(crate) key_sha256: [u8; 32],
    /// Where its issuer's certificate can be had (RFC 5280, 4.2.2.1).
    pub(crate) issuer_url: Option<String>,
    /// Who issued its issuer, when it says so (RFC 5280, 4.2.1.1).
    pub(crate) issuers_issuer: Option<String>,
    /// The names of its key and of its issuer's (RFC 5280, 4.2.1.1 and 4.2.1.2).
    key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

/// Whether a key made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Yes,
    No,
    /// We have no means to verify such signatures or keys.
    Untold,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// In words: it is no certificate.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (_, x509) =
            X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
        let mut issuer_url = None;
        let mut issuers_issuer = None;
        let (mut key_id, mut issuer_key_id) = (None, None);
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
                    issuer_key_id = key.key_identifier.as_ref().map(|id| id.0.to_vec());
                    let names = key.authority_cert_issuer.iter().flatten();
                    issuers_issuer = names.into_iter().find_map(|name| match name {
                        GeneralName::DirectoryName(name) => Some(name.to_string()),
                        _ => None,
                    });
                }
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
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
            not_before: timestamp(x509.validity().not_before.timestamp()),
            not_after: timestamp(x509.validity().not_after.timestamp()),
            is_ca: x509.is_ca(),
            may_sign: may_sign(&x509),
            path_length: path_length(&x509),
            weak: weakness(&x509),
            foreign_key: foreign_key(&x509),
            key_sha256: Sha256::digest(x509.public_key().raw).into(),
            issuer_url,
            issuers_issuer,
            key_id,
            issuer_key_id,
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

    /// Whether it was signed with `issuer`'s key; what we cannot verify is believed if the names of keys fit.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        match self.signed_by(issuer) {
            Signed::Yes => true,
            Signed::No => false,
            Signed::Untold => match (&self.issuer_key_id, &issuer.key_id) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => true,
            },
        }
    }

    fn signed_by(&self, issuer: &Self) -> Signed {
        let (Ok((_, this)), Ok((_, other))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&issuer.der),
        ) else {
            return Signed::No;
        };
        let verified = this.verify_signature(Some(other.public_key()));
        let is_small = matches!(
            other.public_key().parsed(),
            Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS
        );
        match verified {
            Ok(()) => Signed::Yes,
            Err(X509Error::SignatureUnsupportedAlgorithm) => Signed::Untold,
            Err(_) if is_small => Signed::Untold,
            Err(_) => Signed::No,
        }
    }

    /// Whether it is for a name or an address (RFC 9525, 6.3).
    pub(crate) fn is_for(&self, name: &ServerName<'_>) -> bool {
        let wanted = name.to_str();
        let is_name = matches!(name, ServerName::DnsName(_));
        self.names.iter().any(|have| match have.strip_prefix("*.") {
            // A wildcard stands for no name right below a top-level domain.
            Some(parent) if is_name && parent.contains('.') => wanted
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            _ => have.eq_ignore_ascii_case(&wanted),
        })
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
    weak_key(x509.public_key())
}

/// What is weak about a key.
pub(super) fn weak_key(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match key.parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS => {
            Some(format!("its RSA key has only {} bits", key.key_size()))
        }
        Ok(PublicKey::EC(key)) if (1..MIN_EC_BITS).contains(&key.key_size()) => {
            Some(format!("its key is on a curve of only {} bits", key.key_size()))
        }
        _ => None,
    }
}

/// Whether a certificate's key usage, if it has one, lets its key sign others.
pub(super) fn may_sign(x509: &X509Certificate<'_>) -> bool {
    let usage = x509.key_usage().ok().flatten();
    usage.is_none_or(|usage| usage.value.key_cert_sign())
}

pub(super) fn path_length(x509: &X509Certificate<'_>) -> Option<u32> {
    x509.basic_constraints().ok()??.value.path_len_constraint
}

/// Keys that ring cannot verify handshakes with.
fn foreign_key(x509: &X509Certificate<'_>) -> Option<String> {
    let algorithm = &x509.public_key().algorithm;
    let curve = || algorithm.parameters.as_ref()?.as_oid().ok();
    Some(match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.2.1" => match curve()?.to_id_string().as_str() {
            "1.2.840.10045.3.1.7" | "1.3.132.0.34" => return None,
            "1.3.132.0.35" => "ECDSA on P-521".to_owned(),
            other => format!("ECDSA on the curve {other}"),
        },
        "1.2.840.113549.1.1.10" => "RSA-PSS only".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        _ => return None,
    })
}
