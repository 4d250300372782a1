//! TLS as this machine trusts: its own roots (`SSL_CERT_FILE` is honoured), ring, HTTP/1.1.

use std::io;
use std::sync::{Arc, OnceLock};

use gameday_core::Reason;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::lacking;
use crate::observation::Fault;

/// Makes TLS connections.
#[derive(Default)]
pub(crate) struct Tls {
    /// Made when it is first needed: reading the roots takes a while, and plain HTTP needs none.
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    #[cfg(test)]
    pub(super) fn with(config: ClientConfig) -> Self {
        Self {
            config: OnceLock::from(Ok(Arc::new(http1_only(config)))),
        }
    }

    /// Reads this machine's roots now, so that the first handshake is not slower than the next.
    pub(super) fn prepare(&self) {
        self.config.get_or_init(platform_config).as_ref().ok();
    }

    /// Does the handshake; the host's name is what the certificate must be for.
    pub(super) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let config = self
            .config
            .get_or_init(platform_config)
            .as_ref()
            .map_err(|error| {
                let message = format!("this machine's trusted certificates cannot be used: {error}");
                Fault::new(Reason::CannotLook, message)
            })?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Fault::new(
                Reason::CannotLook,
                format!("`{host}` is not a name that TLS knows"),
            )
        })?;
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        handshake.await.map_err(|error| fault(host, &error))
    }
}

fn platform_config() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider)).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(http1_only(config)))
}

fn http1_only(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would skip the certificate, which is half of what is looked at.
    config.resumption = rustls::client::Resumption::disabled();
    config
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
