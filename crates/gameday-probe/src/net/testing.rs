//! Servers that behave and misbehave on loopback, each on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::{Connector, Request, Url};

/// A server that ends with its test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Serves an application.
    pub(crate) async fn app(router: axum::Router) -> Self {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// Does the same with each connection.
    pub(crate) async fn raw<F, Done>(each: F) -> Self
    where
        F: Fn(TcpStream) -> Done + Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(each(stream));
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// Reads a request's head, then sends these pieces with a pause before each, then stays silent.
    pub(crate) async fn pieces(pieces: &'static [(u64, &'static str)]) -> Self {
        Self::raw(move |mut stream| async move {
            hear(&mut stream).await;
            for (pause_ms, piece) in pieces {
                tokio::time::sleep(Duration::from_millis(*pause_ms)).await;
                stream.write_all(piece.as_bytes()).await.ok();
            }
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Does a TLS handshake with each connection and answers `ok`.
    pub(crate) async fn tls(config: ServerConfig) -> Self {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        Self::raw(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                hear(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(answer).await.ok();
                stream.shutdown().await.ok();
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Reads the beginning of a request, as much as comes at once.
pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin)) {
    let heard = stream.read(&mut [0; 4096]).await;
    assert_ne!(heard.ok(), Some(0), "a client that says nothing");
}

async fn listen() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// A name server that answers each question with this code and these addresses.
pub(crate) async fn name_server(code: u8, addresses: &'static [[u8; 4]]) -> (SocketAddr, JoinSet<()>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut question = [0; 512];
        loop {
            let (_, from) = socket.recv_from(&mut question).await.unwrap();
            socket
                .send_to(&dns_answer(&question, code, addresses), from)
                .await
                .unwrap();
        }
    });
    (address, tasks)
}

fn dns_answer(question: &[u8], code: u8, addresses: &[[u8; 4]]) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let end = 12 + name + 1 + 4;
    let wants_a = question[end - 4..end - 2] == [0, 1];
    let addresses = if wants_a { addresses } else { &[] };
    let mut answer = question[..end].to_vec();
    answer[2] = 0x84 | (question[2] & 1);
    answer[3] = 0x80 | code;
    let count = u8::try_from(addresses.len()).unwrap();
    answer[6..12].copy_from_slice(&[0, count, 0, 0, 0, 0]);
    for address in addresses {
        // A pointer to the question's name, type A, class IN, 60 s, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address);
    }
    answer
}

/// A certificate authority of our own, and what it signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self { issuer, root }
    }

    /// A server's settings with a certificate for a name and some years.
    pub(crate) fn server(&self, name: &str, years: std::ops::Range<i32>) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap()
    }

    /// The authority's own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        super::pem(&self.root)
    }

    /// A certificate for a name, whose key is thrown away.
    pub(crate) fn chain(&self, name: &str) -> Vec<CertificateDer<'static>> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()]
    }

    /// A server's settings that show these certificates, whatever their key is.
    pub(crate) fn showing(chain: Vec<CertificateDer<'static>>) -> ServerConfig {
        let key = PrivatePkcs8KeyDer::from(KeyPair::generate().unwrap().serialize_der());
        let key = rustls::crypto::ring::sign::any_supported_type(&key.into()).unwrap();
        let shown = rustls::sign::CertifiedKey::new(chain, key);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)))
    }

    /// A connector that trusts this authority only.
    pub(crate) fn connector(&self) -> Connector {
        Connector {
            tls: Arc::new(super::tls::Tls::trusting(vec![self.root.clone()])),
            ..Connector::default()
        }
    }
}

/// A plain GET.
pub(crate) fn get(url: &str) -> Request {
    Request::get(Url::parse(url).unwrap())
}

/// A deadline from now.
pub(crate) fn within_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}
