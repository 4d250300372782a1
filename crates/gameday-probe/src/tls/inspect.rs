//! A handshake whose every part is kept: the chain as it was sent, the staple, what was agreed on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gameday_core::Reason;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use super::words::handshake_words;
use crate::net::{Identity, Unchecked};
use crate::observation::Fault;

/// A server that was shown no certificate, or a wrong one, may say so after the handshake (RFC 8446, 4.4.2.4).
const SECOND_THOUGHTS: Duration = Duration::from_secs(1);

/// What a handshake showed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// As it was sent, the server's own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The stapled OCSP answer; empty when there is none.
    pub(crate) staple: Vec<u8>,
    /// E.g. `TLSv1_3`.
    pub(crate) version: String,
    pub(crate) cipher: String,
    pub(crate) alpn: Option<String>,
    /// The server asked for a certificate of ours.
    pub(crate) wants_certificate: bool,
}

/// Does a handshake and drops the connection.
///
/// # Errors
/// What kept it from ending; what was shown until then is in `Seen` all the same.
pub(crate) async fn inspect(
    stream: TcpStream,
    name: &str,
    alpn: &[String],
    identity: Option<&Identity>,
    deadline: Instant,
) -> (Seen, Result<(), Fault>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let recorder = Recorder {
        signatures: Unchecked::new(&provider),
        seen: Arc::clone(&seen),
    };
    let result = shake(stream, name, alpn, identity, recorder, provider, deadline).await;
    let mut seen = lock(&seen).clone();
    let result = result.map(|agreed| {
        seen.version = agreed.version;
        seen.cipher = agreed.cipher;
        seen.alpn = agreed.alpn;
    });
    let result = result.map_err(|mut fault| {
        if seen.wants_certificate && identity.is_none() {
            fault
                .message
                .push_str("; it asks for a client certificate, and there is none (`cert`, `key`)");
        }
        fault
    });
    (seen, result)
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn shake(
    stream: TcpStream,
    name: &str,
    alpn: &[String],
    identity: Option<&Identity>,
    recorder: Recorder,
    provider: Arc<CryptoProvider>,
    deadline: Instant,
) -> Result<Seen, Fault> {
    let failed = |why: String| {
        let message = format!("the TLS handshake with `{name}` {why}");
        Fault::new(Reason::TlsHandshake, message)
    };
    let cannot = |error: Error| Fault::new(Reason::CannotLook, error.to_string());
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
        let message = format!("`{name}` is not a name that TLS knows");
        Fault::new(Reason::CannotLook, message)
    })?;
    let ours = identity.map(|(chain, key)| CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider));
    let asked = Arc::new(Asked {
        ours: ours.transpose().map_err(cannot)?.map(Arc::new),
        seen: Arc::clone(&recorder.seen),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(cannot)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(recorder))
        .with_client_cert_resolver(Arc::clone(&asked) as Arc<dyn ResolvesClientCert>);
    config.alpn_protocols = alpn.iter().map(|one| one.clone().into_bytes()).collect();
    let shaking = TlsConnector::from(Arc::new(config)).connect(server_name, stream);
    let ended = timeout_at(deadline.into(), shaking).await;
    let mut stream = ended
        .map_err(|_| failed("did not end in time".to_owned()))?
        .map_err(|error| failed(format!("failed: {}", handshake_words(&error))))?;
    if lock(&asked.seen).wants_certificate {
        let until = deadline.min(Instant::now() + SECOND_THOUGHTS);
        if let Ok(Err(error)) = timeout_at(until.into(), stream.read(&mut [0])).await {
            return Err(failed(format!("was refused: {}", handshake_words(&error))));
        }
    }
    let connection = stream.get_ref().1;
    let version = connection
        .protocol_version()
        .map(|version| format!("{version:?}"));
    let cipher = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()));
    Ok(Seen {
        version: version.unwrap_or_default(),
        cipher: cipher.unwrap_or_default(),
        alpn: connection
            .alpn_protocol()
            .map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        ..Seen::default()
    })
}

/// Shows our certificate, if there is one, and keeps that it was asked for.
#[derive(Debug)]
struct Asked {
    ours: Option<Arc<CertifiedKey>>,
    seen: Arc<Mutex<Seen>>,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        lock(&self.seen).wants_certificate = true;
        self.ours.clone()
    }

    fn has_certs(&self) -> bool {
        self.ours.is_some()
    }
}

/// Takes any certificate and keeps it.
#[derive(Debug)]
pub(crate) struct Recorder {
    signatures: Unchecked,
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    pub(crate) fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            signatures: Unchecked::new(provider),
            seen: Arc::default(),
        }
    }

    /// What was shown until now.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = lock(&self.seen);
        seen.chain = std::iter::once(leaf)
            .chain(rest)
            .map(|one| one.clone().into_owned())
            .collect();
        seen.staple = staple.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}
