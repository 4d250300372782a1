//! TLS over real sockets: rustls and `openssl s_client` as clients, another proxy or an echo as the upstream.

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

use super::{Originate, Terminate, TlsOptions};
use crate::options::{Options, Protocol};
use crate::testing::{Rig, read_all, soon};

const NAME: &str = "pay.example.test";

/// A proxy named `p` with these TLS options in front of an echo.
async fn proxy(tls: Value) -> (Rig, SocketAddr) {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_with(echo, options(tls)).await;
    (rig, address)
}

fn options(tls: Value) -> Options {
    Options {
        protocol: Protocol::Tcp,
        tls: serde_json::from_value(tls).unwrap(),
    }
}

fn terminating() -> Value {
    json!({"terminate": {"names": [NAME, "127.0.0.1"]}})
}

/// A client that trusts the authorities of a PEM text.
fn trusting(pem: &str) -> ClientConfig {
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

async fn connect(
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

async fn echoes(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"ping").await.unwrap();
    let mut pong = [0; 4];
    soon(stream.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, b"ping");
}

#[tokio::test]
async fn each_bad_certificate_gives_its_own_error_and_the_good_one_comes_back() {
    let (rig, address) = proxy(terminating()).await;
    // One client for all: a resumed session would show no certificate at all.
    let config = Arc::new(trusting(&rig.control.authority.pem()));
    for (kind, is_right) in [
        (
            "expired",
            (|error| matches!(error, CertificateError::ExpiredContext { .. })) as fn(&_) -> bool,
        ),
        ("not_yet_valid", |error| {
            matches!(error, CertificateError::NotValidYetContext { .. })
        }),
        ("wrong_host", |error| {
            matches!(error, CertificateError::NotValidForNameContext { .. })
        }),
        ("self_signed", |error| {
            matches!(error, CertificateError::UnknownIssuer)
        }),
        ("incomplete_chain", |error| {
            matches!(error, CertificateError::UnknownIssuer)
        }),
    ] {
        let mut before = connect(address, &config, NAME).await.unwrap();
        echoes(&mut before).await;
        rig.order("bad", "tls", json!({}), json!({"certificate": kind}))
            .unwrap();
        match connect(address, &config, NAME).await.unwrap_err() {
            Error::InvalidCertificate(error) if is_right(&error) => {}
            other => panic!("{kind}: {other:?}"),
        }
        // Only handshakes are disturbed.
        echoes(&mut before).await;
        rig.remove("bad");
    }
    echoes(&mut connect(address, &config, "127.0.0.1").await.unwrap()).await;
}

#[tokio::test]
async fn an_alert_is_what_the_client_gets_whether_tls_ends_here_or_passes() {
    for tls in [terminating(), json!({"passthrough": true}), json!({})] {
        let (rig, address) = proxy(tls.clone()).await;
        rig.order("no", "tls", json!({}), json!({"alert": "internal_error"}))
            .unwrap();
        let config = Arc::new(trusting(&rig.control.authority.pem()));
        let error = connect(address, &config, NAME).await.unwrap_err();
        assert_eq!(
            error,
            Error::AlertReceived(AlertDescription::InternalError),
            "{tls}"
        );
        if tls.get("terminate").is_none() {
            // Who speaks no TLS is none of its business.
            let mut plain = TcpStream::connect(address).await.unwrap();
            plain.write_all(b"ping").await.unwrap();
            soon(plain.read_exact(&mut [0; 4])).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_stall_lasts_its_time_or_until_it_goes_and_lets_go_of_clients_that_leave() {
    let (rig, address) = proxy(terminating()).await;
    let config = Arc::new(trusting(&rig.control.authority.pem()));
    rig.order("wait", "tls", json!({}), json!({"stall": "200ms"}))
        .unwrap();
    let start = Instant::now();
    echoes(&mut connect(address, &config, NAME).await.unwrap()).await;
    assert!(
        Duration::from_millis(200) <= start.elapsed(),
        "{:?}",
        start.elapsed()
    );
    rig.remove("wait");

    rig.order("wait", "tls", json!({}), json!({"stall": "0s"}))
        .unwrap();
    let leaving = TcpStream::connect(address).await.unwrap();
    let mut stalled = Box::pin(connect(address, &config, NAME));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut stalled).await;
    assert!(early.is_err(), "a stalled handshake went on");
    drop(leaving);
    rig.remove("wait");
    echoes(&mut stalled.await.unwrap()).await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stall_gives_its_place_back() {
    let mut rig = Rig::with_places(1);
    let echo = rig.echo().await;
    let address = rig.proxy_with(echo, options(json!({"passthrough": true}))).await;
    rig.order("wait", "tls", json!({"sni": ["pay.*"]}), json!({"stall": "0s"}))
        .unwrap();
    let config = Arc::new(trusting(&rig.control.authority.pem()));
    let stalled = tokio::time::timeout(Duration::from_millis(200), connect(address, &config, NAME)).await;
    assert!(stalled.is_err());
    // Its client is gone now; this one would wait for the only place otherwise.
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(b"ping").await.unwrap();
    soon(next.read_exact(&mut [0; 4])).await.unwrap();
}

#[tokio::test]
async fn a_scope_by_server_name_is_kept_by_faults_of_handshakes_and_of_streams() {
    let (rig, address) = proxy(terminating()).await;
    let config = Arc::new(trusting(&rig.control.authority.pem()));
    let scope = json!({"sni": ["*.example.test"]});
    rig.order("slow", "latency", scope.clone(), json!({"latency": 100}))
        .unwrap();
    let start = Instant::now();
    echoes(&mut connect(address, &config, NAME).await.unwrap()).await;
    // The flight of the handshake and the answer.
    assert!(
        Duration::from_millis(200) <= start.elapsed(),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    echoes(&mut connect(address, &config, "127.0.0.1").await.unwrap()).await;
    assert!(
        start.elapsed() < Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
    rig.remove("slow");

    rig.order("bad", "tls", scope, json!({"certificate": "expired"}))
        .unwrap();
    assert!(connect(address, &config, NAME).await.is_err());
    echoes(&mut connect(address, &config, "127.0.0.1").await.unwrap()).await;
}

#[tokio::test]
async fn tls_passes_through_and_its_server_name_scopes_the_toxics() {
    let (inner, upstream) = proxy(terminating()).await;
    let outer = Rig::start();
    let address = outer
        .proxy_with(upstream, options(json!({"passthrough": true})))
        .await;
    let config = Arc::new(trusting(&inner.control.authority.pem()));
    let scope = json!({"sni": ["/^pay[.]/"]});
    outer
        .order("slow", "latency", scope, json!({"latency": 100}))
        .unwrap();
    let start = Instant::now();
    echoes(&mut connect(address, &config, NAME).await.unwrap()).await;
    assert!(
        Duration::from_millis(200) <= start.elapsed(),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    echoes(&mut connect(address, &config, "127.0.0.1").await.unwrap()).await;
    assert!(
        start.elapsed() < Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn what_could_have_no_effect_is_refused_by_name() {
    let (plain, _) = proxy(json!({})).await;
    let (passing, _) = proxy(json!({"passthrough": true})).await;
    let files = Files::new();
    let (given, _) =
        proxy(json!({"terminate": {"cert": files.path("server.pem"), "key": files.path("server-key.pem")}}))
            .await;
    let refused =
        |rig: &Rig, scope: Value, settings: Value| rig.order("x", "tls", scope, settings).unwrap_err();
    for (told, expected) in [
        (
            refused(&plain, json!({"sni": ["*"]}), json!({"alert": "unknown_ca"})),
            "`tls.passthrough = true`",
        ),
        (
            refused(&plain, json!({}), json!({"certificate": "expired"})),
            "needs a proxy with `tls.terminate`",
        ),
        (
            refused(&passing, json!({}), json!({"certificate": "wrong_host"})),
            "needs a proxy with `tls.terminate`",
        ),
        (
            refused(&given, json!({}), json!({"certificate": "expired"})),
            "`names` instead of `cert`",
        ),
        (
            refused(&given, json!({}), json!({"certificate": "incomplete_chain"})),
            "no intermediate certificate",
        ),
        (
            refused(&given, json!({}), json!({})),
            "`tls.certificate`: it, `stall` or `alert` is needed",
        ),
        (
            refused(&given, json!({}), json!({"alert": "nonsense"})),
            "tls.alert",
        ),
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn clients_without_a_certificate_of_the_right_authority_are_refused() {
    let files = Files::new();
    let (_rig, address) = proxy(json!({"terminate": {
        "cert": files.path("server.pem"), "key": files.path("server-key.pem"), "client_ca": files.path("ca.pem"),
    }}))
    .await;
    let with = |name: &str| {
        let mut config = trusting(&files.text("ca.pem"));
        let chain = CertificateDer::pem_file_iter(files.path(&format!("{name}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(files.path(&format!("{name}-key.pem"))).unwrap();
        let provider = config.crypto_provider().clone();
        let certified =
            rustls::sign::CertifiedKey::from_der(chain.map(Result::unwrap).collect(), key, &provider);
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified.unwrap()));
        Arc::new(config)
    };
    echoes(&mut connect(address, &with("client"), NAME).await.unwrap()).await;
    for bad in [Arc::new(trusting(&files.text("ca.pem"))), with("stranger")] {
        // In TLS 1.3 the client learns of it when it reads.
        let mut stream = connect(address, &bad, NAME).await.unwrap();
        let error = soon(stream.read(&mut [0; 1])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    }
}

#[tokio::test]
async fn the_upstream_is_spoken_to_in_tls_and_verified_as_told() {
    let files = Files::new();
    let (_inner, upstream) = proxy(json!({"terminate": {
        "cert": files.path("server.pem"), "key": files.path("server-key.pem"), "client_ca": files.path("ca.pem"),
    }}))
    .await;
    let own = json!({"cert": files.path("client.pem"), "key": files.path("client-key.pem")});
    let with = |more: Value| {
        let mut all = own.clone();
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        all
    };
    for (originate, works) in [
        (
            with(json!({"ca": files.path("ca.pem"), "server_name": NAME})),
            true,
        ),
        (with(json!({"insecure": true})), true),
        // The upstream's address is no name of its certificate.
        (with(json!({"ca": files.path("ca.pem")})), false),
        (
            with(json!({"ca": files.path("stranger.pem"), "server_name": NAME})),
            false,
        ),
        // It asks for a certificate of ours.
        (json!({"ca": files.path("ca.pem"), "server_name": NAME}), false),
    ] {
        let rig = Rig::start();
        let address = rig
            .proxy_with(upstream, options(json!({"originate": originate})))
            .await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        let answer = read_all(&mut client).await.unwrap_or_default();
        assert_eq!(answer, if works { &b"ping"[..] } else { b"" }, "{originate}");
    }
}

#[tokio::test]
async fn application_protocols_are_agreed_on_and_asked_of_the_upstream() {
    let (inner, upstream) = proxy(json!({"terminate": {"names": [NAME], "alpn": ["h2", "http/1.1"]}})).await;
    let pem = inner.control.authority.pem();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, &pem).unwrap();
    let outer = Rig::start();
    let mut both = options(json!({
        "terminate": {"names": [NAME]}, "originate": {"ca": ca.path(), "server_name": NAME},
    }));
    both.protocol = Protocol::Http;
    // Only what HTTP proxies say by default is looked at here.
    let mut prepared = both.clone();
    prepared.prepare(&outer.control.authority).unwrap();
    let server = prepared.tls.layer().unwrap().server(None).unwrap();
    assert_eq!(server.alpn_protocols, [b"http/1.1".to_vec(), b"h2".to_vec()]);

    both.protocol = Protocol::Tcp;
    both.tls.terminate.as_mut().unwrap().alpn = vec!["http/1.1".to_owned()];
    let address = outer.proxy_with(upstream, both).await;
    let mut config = trusting(&outer.control.authority.pem());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut stream = connect(address, &Arc::new(config), NAME).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    echoes(&mut stream).await;
}

#[tokio::test]
async fn every_problem_of_the_options_is_named_before_the_proxy_starts() {
    let files = Files::new();
    let path = |name: &str| files.path(name);
    for (tls, expected) in [
        (json!({"terminate": {}}), "`tls.terminate.names` is empty"),
        (
            json!({"terminate": {"cert": path("server.pem")}}),
            "either `cert` and `key`, or `names`",
        ),
        (
            json!({"terminate": {"cert": path("nowhere.pem"), "key": path("server-key.pem")}}),
            "`tls.terminate.cert`: ",
        ),
        (
            json!({"terminate": {"cert": path("server.pem"), "key": path("server.pem")}}),
            "`tls.terminate.key`: ",
        ),
        (
            json!({"terminate": {"cert": path("server.pem"), "key": path("client-key.pem")}}),
            "`tls.terminate.key`: ",
        ),
        (
            json!({"terminate": {"names": [NAME], "client_ca": path("client-key.pem")}}),
            "`tls.terminate.client_ca`: ",
        ),
        (json!({"terminate": {"names": ["ä"]}}), "no names of hosts"),
        (
            json!({"terminate": {"names": [NAME], "alpn": [""]}}),
            "`tls.terminate.alpn`",
        ),
        (
            json!({"terminate": {"names": [NAME]}, "passthrough": true}),
            "contradict",
        ),
        (
            json!({"originate": {"ca": "/"}}),
            "`tls.originate.ca`: /: it is no file",
        ),
        (
            json!({"originate": {"ca": path("ca.pem"), "insecure": true}}),
            "contradict",
        ),
        (
            json!({"originate": {"ca": path("ca.pem"), "cert": path("ca.pem")}}),
            "both of `cert` and `key`",
        ),
        (
            json!({"originate": {"ca": path("ca.pem"), "server_name": "a b"}}),
            "`tls.originate.server_name`",
        ),
    ] {
        let told = options(tls.clone())
            .prepare(&super::Authority::default())
            .unwrap_err();
        assert!(told.contains(expected), "{tls}: {told}");
    }
    let unknown: Result<TlsOptions, _> = serde_json::from_value(json!({"terminate": {"nmaes": []}}));
    assert!(unknown.unwrap_err().to_string().contains("nmaes"));
    let written = serde_json::to_value(options(terminating()).tls).unwrap();
    assert_eq!(written, terminating());
    assert!(TlsOptions::default().is_off());
    let (_, _) = (Terminate::default(), Originate::default());
}

#[tokio::test]
async fn postgres_clients_get_tls_when_they_ask_for_it_and_the_upstream_is_asked_for_it() {
    let mut inside = Rig::start();
    let echo = inside.echo().await;
    let mut terminate = options(terminating());
    terminate.protocol = Protocol::Postgres;
    let upstream = inside.proxy_with(echo, terminate).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, inside.control.authority.pem()).unwrap();
    let outside = Rig::start();
    let mut originate = options(json!({"originate": {"ca": ca.path(), "server_name": NAME}}));
    originate.protocol = Protocol::Postgres;
    let address = outside.proxy_with(upstream, originate).await;
    // Plain to the outer proxy, TLS to the inner one, and a start-up message that the echo gives back.
    let startup = b"\0\0\0\x10\0\x03\0\0user\0me\0";
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(startup).await.unwrap();
    let mut answer = [0; 16];
    soon(client.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, startup);

    let mut client = TcpStream::connect(upstream).await.unwrap();
    client.write_all(&[0, 0, 0, 8, 4, 210, 22, 48]).await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), b'N');
    client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), b'S');
    let config = Arc::new(trusting(&inside.control.authority.pem()));
    let name = NAME.to_owned().try_into().unwrap();
    let mut stream = soon(TlsConnector::from(config).connect(name, client))
        .await
        .unwrap();
    stream.write_all(startup).await.unwrap();
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, startup);
}

#[tokio::test]
async fn renewed_files_are_used_without_cutting_a_connection() {
    let files = Files::new();
    let tls = json!({"terminate": {"cert": files.path("server.pem"), "key": files.path("server-key.pem")}});
    let mut old = options(tls.clone());
    old.prepare(&super::Authority::default()).unwrap();
    let chain = || {
        let server = old.tls.layer().unwrap().server(None).unwrap();
        Arc::as_ptr(&server)
    };
    let before = chain();
    let renewed = Files::new();
    for name in ["server.pem", "server-key.pem"] {
        std::fs::copy(renewed.path(name), files.path(name)).unwrap();
    }
    let mut new = options(tls);
    new.prepare(&super::Authority::default()).unwrap();
    old.tls.renew(&new.tls);
    assert_ne!(before, chain());
    assert_eq!(old, new);
}

#[tokio::test]
async fn openssl_sees_the_chain_and_each_fault() {
    let (rig, address) = proxy(terminating()).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, rig.control.authority.pem()).unwrap();
    let good = s_client(address, ca.path()).await;
    assert!(good.contains("Verify return code: 0 (ok)"), "{good}");
    assert_eq!(good.matches("-----BEGIN CERTIFICATE-----").count(), 2, "{good}");
    for (settings, expected) in [
        (json!({"certificate": "expired"}), "(certificate has expired)"),
        (
            json!({"certificate": "not_yet_valid"}),
            "(certificate is not yet valid)",
        ),
        (json!({"certificate": "self_signed"}), "(self-signed certificate)"),
        (json!({"certificate": "wrong_host"}), "(hostname mismatch)"),
        (
            json!({"certificate": "incomplete_chain"}),
            "(unable to verify the first certificate)",
        ),
        (json!({"alert": "handshake_failure"}), "alert handshake failure"),
    ] {
        rig.order("bad", "tls", json!({}), settings.clone()).unwrap();
        let seen = s_client(address, ca.path()).await;
        assert!(seen.contains(expected), "{settings}: {seen}");
        rig.remove("bad");
    }
}

/// What `openssl s_client` says of a handshake.
async fn s_client(address: SocketAddr, ca: &Path) -> String {
    let output = tokio::process::Command::new("openssl")
        .args([
            "s_client",
            "-showcerts",
            "-servername",
            NAME,
            "-verify_hostname",
            NAME,
        ])
        .args(["-connect", &address.to_string(), "-CAfile"])
        .arg(ca)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = soon(output)
        .await
        .expect("openssl is installed: apt-get install openssl");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// An authority, a server, a client and a stranger (by an authority of its own) as PEM files.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
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

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[tokio::test]
async fn who_speaks_no_tls_to_a_proxy_that_terminates_it_is_closed_and_never_reaches_the_upstream() {
    let rig = Rig::start();
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rig
        .proxy_with(upstream.local_addr().unwrap(), options(terminating()))
        .await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    soon(client.read_to_end(&mut answer)).await.ok();
    assert!(
        answer.is_empty() || answer[0] == 21,
        "an alert or nothing: {answer:?}"
    );
    let reached = tokio::time::timeout(Duration::from_millis(100), upstream.accept()).await;
    assert!(reached.is_err());
}
