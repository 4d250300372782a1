//! A stapled OCSP answer (RFC 6960, RFC 6066, 8): what it says, and whether it may say so.

use der::{Decode, Encode};
use jiff::Timestamp;
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};
use x509_parser::asn1_rs::{BitString, FromDer};
use x509_parser::prelude::X509Certificate;
use x509_parser::verify::verify_signature;
use x509_parser::x509::AlgorithmIdentifier;

use super::chain::Certificate;

/// RFC 6960, 4.2.2.2: who may sign for an issuer.
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// What a staple says of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staple {
    pub(crate) status: Status,
    /// In words, why it proves nothing; none when it does.
    pub(crate) doubt: Option<String>,
    /// Somebody signed it who may not.
    pub(crate) is_forged: bool,
    pub(crate) next_update: Option<Timestamp>,
}

/// RFC 6960, 2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    /// When, and why if it says so.
    Revoked(String),
    Unknown,
}

impl Staple {
    /// The word for people and expectations.
    pub(crate) fn word(&self) -> &'static str {
        match (&self.status, &self.doubt) {
            (_, Some(_)) => "doubtful",
            (Status::Good, None) => "good",
            (Status::Revoked(_), None) => "revoked",
            (Status::Unknown, None) => "unknown",
        }
    }
}

/// Reads a staple; `issuer` is the certificate that issued the server's own, if it is known.
///
/// # Errors
/// In words: it is no OCSP answer, or not about this certificate.
pub(crate) fn read(
    staple: &[u8],
    leaf: &Certificate,
    issuer: Option<&Certificate>,
    now: Timestamp,
) -> Result<Staple, String> {
    let response = OcspResponse::from_der(staple).map_err(|error| format!("no OCSP answer: {error}"))?;
    if response.response_status != OcspResponseStatus::Successful {
        return Err(format!(
            "the responder could not say: {:?}",
            response.response_status
        ));
    }
    let bytes = response.response_bytes.ok_or("an OCSP answer without content")?;
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes());
    let basic = basic.map_err(|error| format!("no basic OCSP answer: {error}"))?;
    let about =
        |single: &&SingleResponse| trimmed(single.cert_id.serial_number.as_bytes()) == trimmed(&leaf.serial);
    let single = basic.tbs_response_data.responses.iter().find(about);
    let single = single.ok_or("an OCSP answer about another certificate")?;
    let next_update = single
        .next_update
        .as_ref()
        .map(|time| timestamp(time.0.to_unix_duration()));
    let status = match &single.cert_status {
        CertStatus::Good(_) => Status::Good,
        CertStatus::Unknown(_) => Status::Unknown,
        CertStatus::Revoked(info) => {
            let when = timestamp(info.revocation_time.0.to_unix_duration());
            let why = info
                .revocation_reason
                .map(|why| format!(", {why:?}"))
                .unwrap_or_default();
            Status::Revoked(format!("on {when}{why}"))
        }
    };
    let begins = timestamp(single.this_update.0.to_unix_duration());
    let signature = signature_doubt(&basic, issuer);
    let is_forged = signature.is_some() && issuer.is_some();
    let doubt = match next_update {
        _ if is_forged => signature,
        _ if begins > now => Some(format!("it is valid only from {begins}")),
        Some(end) if end < now => Some(format!("it is stale since {end}")),
        _ => signature,
    };
    Ok(Staple {
        status,
        doubt,
        is_forged,
        next_update,
    })
}

fn timestamp(since: std::time::Duration) -> Timestamp {
    i64::try_from(since.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or_default()
}

/// Numbers are equal whatever zeros they begin with.
fn trimmed(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    &serial[zeros..]
}

/// Whether the answer is signed by the issuer, or by whom the issuer let sign.
fn signature_doubt(basic: &BasicOcspResponse, issuer: Option<&Certificate>) -> Option<String> {
    let Some(issuer) = issuer else {
        return Some("its signature cannot be checked: the issuer's certificate was not sent".to_owned());
    };
    if is_signed_by(basic, &issuer.der) {
        return None;
    }
    let delegates = basic.certs.iter().flatten().filter_map(|one| one.to_der().ok());
    for delegate in delegates {
        let Ok((_, x509)) = X509Certificate::from_der(&delegate) else {
            continue;
        };
        let usages = x509.extended_key_usage().ok().flatten();
        let may_sign = usages.is_some_and(|usages| {
            usages.value.ocsp_signing
                || usages
                    .value
                    .other
                    .iter()
                    .any(|id| id.to_id_string() == OCSP_SIGNING)
        });
        let read = Certificate::read(&delegate);
        if may_sign && read.is_ok_and(|read| read.is_signed_by(issuer)) && is_signed_by(basic, &delegate) {
            return None;
        }
    }
    Some(format!("it is not signed for `{}`", issuer.subject))
}

fn is_signed_by(basic: &BasicOcspResponse, signer: &[u8]) -> bool {
    let (Ok(data), Ok(algorithm)) = (
        basic.tbs_response_data.to_der(),
        basic.signature_algorithm.to_der(),
    ) else {
        return false;
    };
    let (Ok((_, algorithm)), Ok((_, signer))) = (
        AlgorithmIdentifier::from_der(&algorithm),
        X509Certificate::from_der(signer),
    ) else {
        return false;
    };
    let signature = BitString::new(0, basic.signature.raw_bytes());
    verify_signature(signer.public_key(), &algorithm, &signature, &data).is_ok()
}
