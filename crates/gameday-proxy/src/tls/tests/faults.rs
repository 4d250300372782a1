//! Handshakes that are made to fail, and toxics by server name.

use super::*;
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
