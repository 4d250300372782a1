//! TLS as this machine trusts, or as a probe's file says; ring.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::Reason;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, DEFAULT_VERSIONS, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connector::Io;
use super::lacking;
use super::route::HttpVersion;
use super::unchecked::Unchecked;
use crate::evidence::Exhibit;
use crate::observation::Fault;
use crate::tls::inspect::Recorder;
use crate::tls::{Trust, handshake_words};

/// What the client says it can speak over TLS (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpn {
    None,
    Http1,
    Http2,
    Both,
}

impl Alpn {
    const COUNT: usize = 4;

    fn protocols(self) -> Vec<Vec<u8>> {
        let (h1, h2) = (b"http/1.1".to_vec(), b"h2".to_vec());
        match self {
            Self::None => Vec::new(),
            Self::Http1 => vec![h1],
            Self::Http2 => vec![h2],
            Self::Both => vec![h2, h1],
        }
    }
}

impl From<HttpVersion> for Alpn {
    fn from(version: HttpVersion) -> Self {
        match version {
            HttpVersion::Auto => Self::Both,
            HttpVersion::Http1 => Self::Http1,
            HttpVersion::Http2 => Self::Http2,
        }
    }
}

/// A configuration for each ALPN, made when it is first needed: reading the roots takes a while.
#[derive(Default)]
pub(crate) struct Configs {
    base: OnceLock<Result<ClientConfig, String>>,
    each: [OnceLock<Arc<ClientConfig>>; Alpn::COUNT],
}

impl Configs {
    fn get(
        &self,
        alpn: Alpn,
        make: impl FnOnce() -> Result<ClientConfig, String>,
    ) -> Result<Arc<ClientConfig>, &String> {
        let base = self.base.get_or_init(make).as_ref()?;
        let with_alpn = || {
            let mut config = base.clone();
            config.alpn_protocols = alpn.protocols();
            // A resumed session would skip the certificate, which is half of what is looked at.
            config.resumption = rustls::client::Resumption::disabled();
            Arc::new(config)
        };
        Ok(Arc::clone(self.each[alpn as usize].get_or_init(with_alpn)))
    }
}

/// What a handshake begins with.
#[derive(Clone)]
pub(crate) struct Hello<'a> {
    /// Asked for by SNI.
    pub(crate) name: &'a str,
    pub(crate) alpn: Alpn,
    /// Trust and identity of a probe's own.
    pub(crate) own: Option<&'a OwnTls>,
    /// Keeps what is shown.
    pub(crate) recorder: Option<Arc<Recorder>>,
}

/// TLS as this machine trusts.
#[derive(Default)]
pub(crate) struct Tls {
    configs: Configs,
    /// Read when it is first needed: plain HTTP needs none.
    trust: OnceLock<Result<Arc<Trust>, String>>,
}

/// Trust and identity of a probe's own.
#[derive(Default)]
pub(crate) struct OwnTls {
    /// Instead of this machine's.
    pub(crate) trust: Option<Arc<Trust>>,
    /// Certificates and key that the client shows (RFC 8446, 4.3.2).
    pub(crate) identity: Option<Identity>,
    /// Whatever certificate the server shows is accepted.
    pub(crate) insecure: bool,
    /// Asked for instead of the URL's host.
    pub(crate) server_name: Option<String>,
    /// Only these versions of TLS are spoken; all that we know when there are none.
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) configs: Configs,
}

/// A chain, the client's own certificate first, and its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Without the key.
impl fmt::Debug for OwnTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTls")
            .field("insecure", &self.insecure)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl OwnTls {
    /// Whether it can be used at all: a key that fits no certificate is told when the file is read.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn prepare(&self) -> Result<(), String> {
        let config = self.configs.get(Alpn::None, || config(Some(self)));
        config.map(drop).map_err(Clone::clone)
    }
}

/// A client that takes any certificate: what is shown is judged when the handshake is over, so that it is
/// seen even when it is not trusted.
fn config(own: Option<&OwnTls>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Unchecked::new(&provider));
    let versions = own.map_or(&[][..], |own| own.versions.as_slice());
    let versions = if versions.is_empty() {
        DEFAULT_VERSIONS
    } else {
        versions
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match own.and_then(|own| own.identity.as_ref()) {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| error.to_string()),
    }
}

impl Tls {
    #[cfg(test)]
    pub(super) fn trusting(roots: Vec<CertificateDer<'static>>) -> Self {
        Self {
            trust: OnceLock::from(Trust::new(roots).map(Arc::new)),
            ..Self::default()
        }
    }

    /// Reads this machine's roots now, so that the first handshake is not slower than the next.
    pub(super) fn prepare(&self) {
        self.trust().ok();
    }

    /// Whom this machine trusts.
    pub(crate) fn trust(&self) -> Result<Arc<Trust>, Fault> {
        let trust = self.trust.get_or_init(|| Trust::machine().map(Arc::new));
        trust
            .clone()
            .map_err(|error| Fault::new(Reason::CannotLook, error))
    }

    /// Does the handshake, whatever the server shows.
    pub(super) async fn handshake<S: Io>(&self, hello: Hello<'_>, stream: S) -> Result<TlsStream<S>, Fault> {
        let Hello {
            name: host,
            alpn,
            own,
            recorder,
        } = hello;
        let config = match own {
            Some(own) => own.configs.get(alpn, || config(Some(own))),
            None => self.configs.get(alpn, || config(None)),
        };
        let mut config = config.map_err(|error| Fault::new(Reason::CannotLook, error.clone()))?;
        if let Some(recorder) = recorder {
            Arc::make_mut(&mut config)
                .dangerous()
                .set_certificate_verifier(recorder);
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Fault::new(
                Reason::CannotLook,
                format!("`{host}` is not a name that TLS knows"),
            )
        })?;
        let handshake = TlsConnector::from(config).connect(name, stream);
        handshake.await.map_err(|error| fault(host, &error))
    }

    /// Whether what the server showed may be trusted.
    pub(super) fn judge(
        &self,
        host: &str,
        own: Option<&OwnTls>,
        stream: &TlsStream<TcpStream>,
    ) -> Result<(), Fault> {
        if own.is_some_and(|own| own.insecure) {
            return Ok(());
        }
        let trust = match own.and_then(|own| own.trust.clone()) {
            Some(trust) => trust,
            None => self.trust()?,
        };
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        match trust.judge(chain, host, jiff::Timestamp::now()) {
            None => Ok(()),
            Some(fault) => {
                let message = format!("the certificate of `{host}`: {}", fault.message);
                Err(Fault::new(fault.reason, message))
            }
        }
    }
}

/// What came of a handshake, for people.
pub(super) fn exhibit(host: &str, stream: &TlsStream<TcpStream>) -> Exhibit {
    let connection = stream.get_ref().1;
    let version = connection
        .protocol_version()
        .map(|version| format!("{version:?}"));
    let cipher = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()));
    let alpn = connection
        .alpn_protocol()
        .map(|alpn| String::from_utf8_lossy(alpn).into_owned());
    let said: Vec<String> = [version, cipher, alpn].into_iter().flatten().collect();
    let chain = connection.peer_certificates().unwrap_or_default();
    Exhibit::Tls {
        server_name: host.to_owned(),
        outcome: said.join(" "),
        chain: chain.iter().map(|der| pem(der)).collect(),
    }
}

/// A certificate as text (RFC 7468).
pub(crate) fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn fault(host: &str, error: &io::Error) -> Fault {
    if let Some(lack) = lacking(error) {
        return lack;
    }
    let message = format!("TLS with `{host}` failed: {}", handshake_words(error));
    Fault::new(Reason::TlsHandshake, message)
}
