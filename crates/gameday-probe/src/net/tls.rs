//! TLS as this machine trusts (`SSL_CERT_FILE` is honoured), or as a probe's file says; ring.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::Reason;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::lacking;
use super::route::HttpVersion;
use super::unchecked::Unchecked;
use crate::evidence::Exhibit;
use crate::observation::Fault;

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

/// TLS as this machine trusts.
#[derive(Default)]
pub(crate) struct Tls {
    configs: Configs,
}

/// Trust and identity of a probe's own.
#[derive(Default)]
pub(crate) struct OwnTls {
    /// Instead of this machine's.
    pub(crate) roots: Option<Vec<CertificateDer<'static>>>,
    /// Certificates and key that the client shows (RFC 8446, 4.3.2).
    pub(crate) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Whatever certificate the server shows is accepted.
    pub(crate) insecure: bool,
    /// Asked for instead of the URL's host.
    pub(crate) server_name: Option<String>,
    pub(crate) configs: Configs,
}

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
    /// Whether it can be used at all: a key that is none is told when the file is read.
    ///
    /// # Errors
    /// In words for people.
    pub(crate) fn prepare(&self) -> Result<(), String> {
        self.configs
            .get(Alpn::None, || self.config())
            .map(drop)
            .map_err(Clone::clone)
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match (&self.roots, self.insecure) {
            (_, true) => Arc::new(Unchecked::new(&provider)),
            (None, false) => Arc::new(Verifier::new(Arc::clone(&provider)).map_err(|e| e.to_string())?),
            (Some(roots), false) => {
                let mut store = RootCertStore::empty();
                for root in roots {
                    store.add(root.clone()).map_err(|error| error.to_string())?;
                }
                let builder = rustls::client::WebPkiServerVerifier::builder_with_provider;
                builder(Arc::new(store), Arc::clone(&provider))
                    .build()
                    .map_err(|error| error.to_string())?
            }
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| error.to_string()),
        }
    }
}

impl Tls {
    #[cfg(test)]
    pub(super) fn with(config: ClientConfig) -> Self {
        let tls = Self::default();
        tls.configs.base.get_or_init(|| Ok(config)).as_ref().ok();
        tls
    }

    /// Reads this machine's roots now, so that the first handshake is not slower than the next.
    pub(super) fn prepare(&self) {
        self.configs.get(Alpn::Both, machine_config).ok();
    }

    /// Does the handshake; the certificate must be for `host`, or the name that `own` asks for.
    pub(super) async fn handshake(
        &self,
        host: &str,
        alpn: Alpn,
        own: Option<&OwnTls>,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let config = match own {
            Some(own) => own.configs.get(alpn, || own.config()),
            None => self.configs.get(alpn, machine_config),
        };
        let config = config.map_err(|error| {
            let message = format!("the trusted certificates cannot be used: {error}");
            Fault::new(Reason::CannotLook, message)
        })?;
        let host = own.and_then(|own| own.server_name.as_deref()).unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Fault::new(
                Reason::CannotLook,
                format!("`{host}` is not a name that TLS knows"),
            )
        })?;
        let handshake = TlsConnector::from(config).connect(name, stream);
        handshake.await.map_err(|error| fault(host, &error))
    }
}

fn machine_config() -> Result<ClientConfig, String> {
    OwnTls::default().config()
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
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(why)) => certificate_fault(host, why),
        Some(error) => Fault::new(Reason::TlsHandshake, format!("TLS with `{host}` failed: {error}")),
        None => Fault::new(
            Reason::TlsHandshake,
            format!("the TLS handshake with `{host}` was cut off: {error}"),
        ),
    }
}

fn certificate_fault(host: &str, why: &CertificateError) -> Fault {
    use CertificateError as E;
    let reason = match why {
        E::Expired | E::ExpiredContext { .. } => Reason::CertExpired,
        E::NotValidYet | E::NotValidYetContext { .. } => Reason::CertNotYetValid,
        E::NotValidForName | E::NotValidForNameContext { .. } => Reason::CertNameMismatch,
        _ => Reason::CertUntrusted,
    };
    let said = match why {
        E::UnknownIssuer => "its issuer is not trusted on this machine".to_owned(),
        other => other.to_string(),
    };
    Fault::new(reason, format!("the certificate of `{host}`: {said}"))
}
