//! TLS over real sockets: rustls and `openssl s_client` as clients, another proxy or an echo as the upstream.

mod faults;
mod http;
mod sides;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Authority, Originate, Terminate, TlsOptions};
use crate::options::{Options, Protocol};
use crate::testing::{Rig, read_all, soon};

const NAME: &str = "pay.example.test";

/// A proxy named `p` with these TLS options in front of an echo.
pub(super) async fn proxy(tls: Value) -> (Rig, SocketAddr) {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_with(echo, options(tls)).await;
    (rig, address)
}

pub(super) fn options(tls: Value) -> Options {
    Options {
        protocol: Protocol::Tcp,
        tls: serde_json::from_value(tls).unwrap(),
        ..Options::default()
    }
}

pub(super) fn terminating() -> Value {
    json!({"terminate": {"names": [NAME, "127.0.0.1"]}})
}

/// A client that trusts the authorities of a PEM text.
pub(super) fn trusting(pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(super) async fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    name: &str,
) -> Result<TlsStream<TcpStream>, Error> {
    let socket = TcpStream::connect(address).await.unwrap();
    let name = name.to_owned().try_into().unwrap();
    let connected = soon(TlsConnector::from(Arc::clone(config)).connect(name, socket)).await;
    connected.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => error,
        Err(other) => panic!("no error of TLS: {other:?}"),
    })
}

pub(super) async fn echoes(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"ping").await.unwrap();
    let mut pong = [0; 4];
    soon(stream.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, b"ping");
}

/// An authority, a server, a client and a stranger (by an authority of its own) as PEM files.
pub(super) struct Files(tempfile::TempDir);

impl Files {
    pub(super) fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let root = CertifiedIssuer::self_signed(authority("ours"), KeyPair::generate().unwrap()).unwrap();
        let other = CertifiedIssuer::self_signed(authority("another"), KeyPair::generate().unwrap()).unwrap();
        std::fs::write(files.path("ca.pem"), root.pem()).unwrap();
        for (name, issuer) in [("server", &root), ("client", &root), ("stranger", &other)] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
            let signed = params.signed_by(&key, issuer).unwrap();
            std::fs::write(files.path(&format!("{name}.pem")), signed.pem()).unwrap();
            std::fs::write(files.path(&format!("{name}-key.pem")), key.serialize_pem()).unwrap();
        }
        files
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
