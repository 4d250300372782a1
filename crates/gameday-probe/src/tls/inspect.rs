//! A handshake whose every part is kept: the chain as it was sent, the staple, what was agreed on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gameday_core::Reason;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use crate::net::Unchecked;
use crate::observation::Fault;

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
}

/// Does a handshake and drops the connection.
///
/// # Errors
/// What kept it from ending; what was shown until then is in `Seen` all the same.
pub(crate) async fn inspect(
    stream: TcpStream,
    name: &str,
    alpn: &[String],
    deadline: Instant,
) -> (Seen, Result<(), Fault>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder {
        signatures: Unchecked::new(&provider),
        seen: Mutex::default(),
    });
    let result = shake(stream, name, alpn, &recorder, provider, deadline).await;
    let mut seen = recorder
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let result = result.map(|agreed| {
        seen.version = agreed.version;
        seen.cipher = agreed.cipher;
        seen.alpn = agreed.alpn;
    });
    (seen, result)
}

async fn shake(
    stream: TcpStream,
    name: &str,
    alpn: &[String],
    recorder: &Arc<Recorder>,
    provider: Arc<rustls::crypto::CryptoProvider>,
    deadline: Instant,
) -> Result<Seen, Fault> {
    let failed = |why: String| {
        Fault::new(
            Reason::TlsHandshake,
            format!("the TLS handshake with `{name}` {why}"),
        )
    };
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Fault::new(
            Reason::CannotLook,
            format!("`{name}` is not a name that TLS knows"),
        )
    })?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::new(Reason::CannotLook, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(recorder) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|one| one.clone().into_bytes()).collect();
    let shaking = TlsConnector::from(Arc::new(config)).connect(server_name, stream);
    let ended = timeout_at(deadline.into(), shaking).await;
    let stream = ended
        .map_err(|_| failed("did not end in time".to_owned()))?
        .map_err(|error| failed(format!("failed: {error}")))?;
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

/// Takes any certificate and keeps it.
#[derive(Debug)]
struct Recorder {
    signatures: Unchecked,
    seen: Mutex<Seen>,
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
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
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
