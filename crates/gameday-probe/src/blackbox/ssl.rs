//! What a TLS connection showed, as metrics: of certificates, version and cipher.

use std::sync::Arc;

use gameday_core::Reason;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ProtocolVersion};
use sha2::{Digest, Sha256};
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use super::look::Look;
use super::metrics::Name;
use super::tls::Tls;
use crate::net::{Alpn, Hello, Io, Trail};
use crate::observation::Fault;
use crate::tls::inspect::Recorder;
use crate::tls::{Certificate, Trust, ocsp};

const EARLIEST: Name = Name(
    "probe_ssl_earliest_cert_expiry",
    "Returns last SSL chain expiry in unixtime",
);
const LAST_CHAIN: Name = Name(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "Returns last SSL chain expiry in timestamp",
);
const LAST_CHAIN_INFO: Name = Name(
    "probe_ssl_last_chain_info",
    "Contains SSL leaf certificate information",
);
const VERSION: Name = Name(
    "probe_tls_version_info",
    "Returns the TLS version used or NaN when unknown",
);
const CIPHER: Name = Name(
    "probe_tls_cipher_info",
    "Returns the TLS cipher negotiated during handshake",
);
const OUR_EXPIRY: Name = Name(
    "gameday_probe_cert_expiry_timestamp_seconds",
    "When the first of the certificates that were shown ends, whether or not they are trusted",
);
/// Go's zero time, which stands for a chain that nobody verified.
const ZERO_TIME: f64 = -62_135_596_800.0;

/// A connection that was secured, as far as metrics tell of it.
pub(super) struct Secured {
    chain: Vec<CertificateDer<'static>>,
    version: Option<ProtocolVersion>,
    cipher: Option<CipherSuite>,
    /// Whom the chain leads to; none where it was not looked at.
    trust: Option<Arc<Trust>>,
    pub(super) chose_http2: bool,
}

/// Secures a connection and judges what is shown; what is wrong is written down.
pub(super) async fn secure<S: Io>(
    look: &mut Look<'_>,
    stream: S,
    name: &str,
    alpn: Alpn,
    tls: &Tls,
    trail: &mut Trail,
) -> Result<(TlsStream<S>, Secured), Fault> {
    let own = tls.own().map_err(|why| Fault::new(Reason::CannotLook, why))?;
    let recorder = Arc::new(Recorder::new(&Arc::new(rustls::crypto::ring::default_provider())));
    let hello = Hello {
        name,
        alpn,
        own: own.as_deref(),
        recorder: Some(Arc::clone(&recorder)),
    };
    let shaking = look
        .connector
        .shake(stream, hello, look.deadline, &mut trail.laps);
    let stream = shaking.await?;
    let connection = stream.get_ref().1;
    let chain = connection.peer_certificates().unwrap_or_default();
    let chain: Vec<_> = chain.iter().map(|one| one.clone().into_owned()).collect();
    if let Some(earliest) = earliest(&chain) {
        look.metrics.set(OUR_EXPIRY, seconds(earliest));
    }
    let own_trust = own.as_ref().and_then(|own| own.trust.clone());
    let trust = match (tls.insecure, own_trust) {
        (true, _) => None,
        (false, Some(trust)) => Some(trust),
        (false, None) => Some(look.connector.trust()?),
    };
    if let Some(trust) = &trust
        && let Some(fault) = trust.judge(&chain, name, Timestamp::now()).into_iter().next()
    {
        let message = format!("the certificate of `{name}`: {}", fault.message);
        return Err(Fault::new(fault.reason, message));
    }
    let staple = recorder.seen().staple;
    if !staple.is_empty() {
        tell_revoked(look, &chain, &staple, trust.as_deref());
    }
    let secured = Secured {
        version: connection.protocol_version(),
        cipher: connection.negotiated_cipher_suite().map(|suite| suite.suite()),
        chose_http2: connection.alpn_protocol() == Some(b"h2"),
        chain,
        trust,
    };
    Ok((stream, secured))
}

/// A certificate that its own staple says is revoked is a success to theirs; here it is one with a reason.
fn tell_revoked(look: &mut Look<'_>, chain: &[CertificateDer<'_>], staple: &[u8], trust: Option<&Trust>) {
    let shown: Vec<_> = chain
        .iter()
        .filter_map(|der| Certificate::read(der).ok())
        .collect();
    let Some((leaf, rest)) = shown.split_first() else {
        return;
    };
    let sent = rest.iter().find(|one| leaf.names_issuer(one)).cloned();
    let issuer = sent.or_else(|| trust?.anchor_for(leaf).cloned());
    if let Ok(said) = ocsp::read(staple, leaf, issuer.as_ref(), Timestamp::now())
        && let (ocsp::Status::Revoked(when), None) = (&said.status, &said.doubt)
    {
        let when = format!("it was revoked {when} (stapled OCSP)");
        look.unmet(Reason::CertRevoked, "The certificate is revoked", when);
    }
}

/// Which of the metrics a prober has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    All,
    /// gRPC's lack the chain's and the cipher's.
    Grpc,
}

impl Secured {
    pub(super) fn tell(&self, look: &mut Look<'_>, told: Told) {
        if let Some(earliest) = earliest(&self.chain) {
            look.metrics.set(EARLIEST, seconds(earliest));
        }
        let version = match self.version {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "unknown",
        };
        look.metrics.label(VERSION, &[("version", version)], 1.0);
        if let Some((_, leaf)) = self
            .chain
            .first()
            .and_then(|der| X509Certificate::from_der(der).ok())
        {
            tell_leaf(look, &self.chain[0], &leaf);
        }
        if told == Told::All {
            let cipher = self.cipher.map_or_else(String::new, iana);
            look.metrics.label(CIPHER, &[("cipher", &cipher)], 1.0);
            let last = self
                .trust
                .as_ref()
                .and_then(|trust| trust.last_chain_ends(&self.chain));
            look.metrics.set(LAST_CHAIN, last.map_or(ZERO_TIME, seconds));
        }
    }
}

pub(super) fn tell_no_expiry(look: &mut Look<'_>) {
    look.metrics.set(EARLIEST, 0.0);
}

fn tell_leaf(look: &mut Look<'_>, der: &CertificateDer<'_>, leaf: &X509Certificate<'_>) {
    let fingerprint = hexadecimal(&Sha256::digest(der));
    let serial = hexadecimal(leaf.raw_serial());
    let serial = serial.trim_start_matches("00");
    let names = leaf.subject_alternative_name().ok().flatten();
    let names: Vec<&str> = names.map_or_else(Vec::new, |names| {
        let names = names.value.general_names.iter();
        names
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(*name),
                _ => None,
            })
            .collect()
    });
    let labels = [
        ("fingerprint_sha256", fingerprint.as_str()),
        ("subject", &distinguished(leaf.subject())),
        ("issuer", &distinguished(leaf.issuer())),
        ("subjectalternative", &names.join(",")),
        ("serialnumber", serial),
    ];
    look.metrics.label(LAST_CHAIN_INFO, &labels, 1.0);
}

fn earliest(chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
    let ends = chain.iter().filter_map(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
    });
    ends.min()
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^52")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// A suite's registered name; rustls says `TLS13_` where the registry says `TLS_`.
fn iana(suite: CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Attribute types with a short name, in the order in which Go writes them: the last of `ToRDNSequence` first.
const ATTRIBUTES: [(&str, &str); 9] = [
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.6", "C"),
];

/// A name as Go's `pkix.Name.String` writes it: `CN=a,O=b,C=c`, what it does not know last and in hexadecimal.
fn distinguished(name: &X509Name<'_>) -> String {
    let all: Vec<(String, String)> = name
        .iter_attributes()
        .map(|one| {
            let text = one.as_str().map_or_else(
                |_| String::from_utf8_lossy(one.as_slice()).into_owned(),
                str::to_owned,
            );
            (one.attr_type().to_id_string(), text)
        })
        .collect();
    let mut parts = Vec::new();
    for (oid, short) in ATTRIBUTES {
        let values = all.iter().filter(|(known, _)| known == oid);
        let values: Vec<String> = values
            .map(|(_, text)| format!("{short}={}", escaped(text)))
            .collect();
        if !values.is_empty() {
            parts.push(values.join("+"));
        }
    }
    for (oid, text) in all.iter().rev() {
        if ATTRIBUTES.iter().all(|(known, _)| known != oid) {
            parts.push(format!("{oid}=#{}", hexadecimal(&encoded(text))));
        }
    }
    parts.join(",")
}

/// RFC 2253, 2.4.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, c) in text.chars().enumerate() {
        let at_edge = (index == 0 && matches!(c, '#' | ' ')) || (index == last && c == ' ');
        if at_edge || ",+\"\\<>;".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A text in DER, as a PrintableString where it is one, else as a UTF8String (X.690).
fn encoded(text: &str) -> Vec<u8> {
    let is_printable = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&byte));
    let mut der = vec![if is_printable { 0x13 } else { 0x0c }];
    match u8::try_from(text.len()) {
        Ok(length @ 0..0x80) => der.push(length),
        Ok(length) => der.extend([0x81, length]),
        Err(_) => {
            let [high, low] = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
            der.extend([0x82, high, low]);
        }
    }
    der.extend_from_slice(text.as_bytes());
    der
}
