//! TLS towards clients and towards the upstream, and its options.

use super::*;
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
        (json!({"terminate": {}}), "either `cert` and `key`, or `names`"),
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
        let told = options(tls.clone()).prepare(&Authority::default()).unwrap_err();
        assert!(told.contains(expected), "{tls}: {told}");
    }
    let mut through = options(json!({"passthrough": true}));
    through.protocol = Protocol::Http;
    assert!(through.check().unwrap_err().contains("no `http` can be seen"));
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
    old.prepare(&Authority::default()).unwrap();
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
    new.prepare(&Authority::default()).unwrap();
    old.tls.renew(&new.tls);
    assert_ne!(before, chain());
    assert_eq!(old, new);
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

#[tokio::test]
async fn every_byte_arrives_through_tls_on_both_sides_and_half_close_keeps_the_reply() {
    let (inner, upstream) = proxy(terminating()).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, inner.control.authority.pem()).unwrap();
    let outer = Rig::start();
    let both = json!({"terminate": {"names": [NAME]}, "originate": {"ca": ca.path(), "server_name": NAME}});
    let address = outer.proxy_with(upstream, options(both)).await;
    outer.add("slow", "latency", "downstream", &[("latency", 20)]);
    let config = Arc::new(trusting(&outer.control.authority.pem()));
    let stream = connect(address, &config, NAME).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..5_000_000_u32).map(|at| (at / 3 % 251) as u8).collect();
    let send = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), read) = soon(async { tokio::join!(send, reader.read_to_end(&mut received)) }).await;
    read.unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}
