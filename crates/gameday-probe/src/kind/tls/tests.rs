//! Servers that are wrong before any certificate is: silent, closed, of another protocol, or breaking off.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::kind::tests::{check, look};
use crate::net::testing::{Authority, Server, hear};

/// A panel that looks at this server, with more lines.
fn panel(server: &Server, lines: &str) -> String {
    format!(
        "[tls]\nat = \"{}\"\nserver_name = \"shop.test\"\n{lines}\n",
        server.address
    )
}

/// Hears the ClientHello, then says this and stays, or goes.
async fn after_hello(answer: &'static [u8], stays: bool) -> Server {
    Server::raw(move |mut stream| async move {
        hear(&mut stream).await;
        stream.write_all(answer).await.ok();
        if stays {
            std::future::pending::<()>().await;
        }
    })
    .await
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_with_what_it_does_instead() {
    let closed = Server::raw(|stream| async move { drop(stream) }).await;
    check(&panel(&closed, ""), "tls_handshake", "the server").await;
    let reset = Server::raw(|mut stream: TcpStream| async move {
        hear(&mut stream).await;
        stream.set_zero_linger().ok();
    })
    .await;
    check(
        &panel(&reset, ""),
        "tls_handshake",
        "the server reset the connection",
    )
    .await;
    let ended = after_hello(b"", false).await;
    check(
        &panel(&ended, ""),
        "tls_handshake",
        "the server closed the connection",
    )
    .await;
    let http = after_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    check(
        &panel(&http, ""),
        "tls_handshake",
        "what the server answers is no TLS: \"HTTP/1.1 400 Bad Request\"",
    )
    .await;
    let smtp = Server::raw(|mut stream: TcpStream| async move {
        stream.write_all(b"220 mail ESMTP\r\n").await.ok();
        std::future::pending::<()>().await;
    })
    .await;
    check(&panel(&smtp, ""), "tls_handshake", "220 mail ESMTP").await;
    // An alert: fatal, internal error.
    let alert = after_hello(&[21, 3, 3, 0, 2, 2, 80], false).await;
    check(&panel(&alert, ""), "tls_handshake", "internal_error").await;
    let unknown_name = after_hello(&[21, 3, 3, 0, 2, 2, 112], false).await;
    check(
        &panel(&unknown_name, ""),
        "tls_handshake",
        "it does not know this name",
    )
    .await;
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_the_probes_time() {
    // Silent; half a record; a byte now and then.
    let silent = after_hello(b"", true).await;
    let half = after_hello(&[22, 3, 3, 0, 90, 2, 0, 0], true).await;
    let slow = Server::raw(|mut stream: TcpStream| async move {
        hear(&mut stream).await;
        for byte in [22, 3, 3, 0x3f, 0xff].into_iter().chain(std::iter::repeat(0)) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let looks = [&silent, &half, &slow].map(|server| async move {
        let text = panel(server, "");
        tokio::time::timeout(Duration::from_secs(20), look(&text)).await
    });
    for seen in futures_util::future::join_all(looks).await {
        let seen = seen.expect("a look that ends by its deadline");
        let reason = seen.outcome.reason().map(gameday_core::Reason::word);
        assert_eq!(reason, Some("tls_handshake"));
        let message = seen.message.unwrap_or_default();
        assert!(message.contains("did not end in time"), "{message}");
    }
}

#[tokio::test]
async fn garbage_is_refused_and_never_a_panic() {
    let mut garbage: Vec<&'static [u8]> = vec![
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
        &[22, 3, 3, 0, 5, 2, 0, 0, 1, 3],
        &[22, 3, 3, 0xff, 0xff],
        &[22, 3, 3, 0, 0],
        &[22, 3, 3, 0, 4, 11, 0xff, 0xff, 0xff],
        &[21, 3, 3, 0, 0],
        &[21, 3, 3, 0, 1, 2],
        &[0x80, 0x2e, 1],
        &[0; 300],
        &[0xff; 300],
    ];
    // A hello whose session id, and whose extension, is longer than what follows.
    let mut long_session = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    long_session.extend([7; 32]);
    long_session.extend([255, 0x13, 1, 0]);
    garbage.push(long_session.leak());
    let mut long_extension = vec![22, 3, 3, 0, 48, 2, 0, 0, 44, 3, 3];
    long_extension.extend([7; 32]);
    long_extension.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0xff, 0xff, 3, 4]);
    garbage.push(long_extension.leak());
    for answer in garbage {
        let server = after_hello(answer, false).await;
        let lines = "scan = true\nexpect = [\"no cipher /RC4/\", \"version >= 1.2\"]";
        let seen = look(&panel(&server, lines)).await;
        let reason = seen.outcome.reason().map(gameday_core::Reason::word);
        assert_eq!(reason, Some("tls_handshake"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_old_version_that_gets_no_answer_is_not_spoken_and_hides_nothing() {
    let authority = Authority::new();
    let config = std::sync::Arc::new(authority.server("shop.test", 2020..2040));
    // Hellos of TLS 1.0 and 1.1 are dropped without a word, as some firewalls do.
    let server = Server::raw(move |stream: TcpStream| {
        let acceptor = tokio_rustls::TlsAcceptor::from(config.clone());
        async move {
            let mut start = [0; 11];
            while stream.peek(&mut start).await.is_ok_and(|read| read < 11) {}
            match start[10] {
                3 => drop(acceptor.accept(stream).await),
                _ => std::future::pending().await,
            }
        }
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let roots = dir.path().join("ca.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let lines = |expect: &str| format!("roots = \"{}\"\nexpect = [{expect}]", roots.display());
    check(&panel(&server, &lines("\"version >= 1.2\"")), "up", "").await;
    check(
        &panel(&server, &lines("\"version 1.1\"")),
        "assert_failed",
        "the server speaks TLS 1.2, 1.3",
    )
    .await;
    check(
        &panel(&server, &lines("\"no cipher /AES_256/\"")),
        "assert_failed",
        "takes TLS_",
    )
    .await;
    check(
        &panel(&server, &lines("\"no cipher /RC4|3DES|NULL|anon|EXPORT/\"")),
        "up",
        "",
    )
    .await;
}

#[tokio::test]
async fn a_signature_of_another_key_is_no_handshake() {
    let server = Server::tls(Authority::showing(Authority::new().chain("shop.test"))).await;
    check(&panel(&server, ""), "cert_untrusted", "").await;
    check(
        &panel(&server, "insecure = true"),
        "tls_handshake",
        "does not fit the certificate",
    )
    .await;
}
