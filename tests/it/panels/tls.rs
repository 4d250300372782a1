//! `[tls]`: `openssl s_server` with a staple that says revoked, a weak signature, old versions.

use std::path::Path;
use std::time::Duration;

use super::{Said, free_port, run, start};
use crate::support::{Killed, Sandbox, wait_for};

/// An authority, a certificate of it, one that SHA-1 signs, and an OCSP answer that says revoked.
fn certificates(dir: &Path) {
    std::fs::write(dir.join("ext"), "[leaf]\nsubjectAltName=DNS:shop.test\n").unwrap();
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf");
    let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 300 -extfile ext -extensions leaf";
    openssl(&format!("{sign} -set_serial 0x1234 -out leaf.pem"));
    openssl(&format!("{sign} -set_serial 0x99 -sha1 -out sha1.pem"));
    let index = "R\t401231235959Z\t250101000000Z,keyCompromise\t1234\tunknown\t/CN=leaf\n";
    std::fs::write(dir.join("index"), index).unwrap();
    openssl("ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout request");
    openssl(
        "ocsp -index index -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin request -respout revoked -ndays 7",
    );
}

/// A server of these arguments, once it answers.
fn server(dir: &Path, args: &str) -> (Killed, u16) {
    let port = free_port();
    let args = format!("s_server -accept 127.0.0.1:{port} -key leaf.key -quiet {args}");
    let server = start(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    wait_for("openssl s_server", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (server, port)
}

#[test]
fn what_a_real_server_shows_is_told_with_its_reason() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    let look = |port: u16, lines: &str| {
        let text = format!(
            "timeout = \"5s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n{lines}\n"
        );
        Said::of(&sandbox, &text)
    };
    let any = "-cipher ALL:@SECLEVEL=0";
    let (_good, port) = server(
        dir,
        &format!("-cert leaf.pem {any} -min_protocol TLSv1.2 -alpn h2"),
    );
    look(port, "alpn = [\"h2\"]\nexpect = [\"chain complete\", \"expires > 21d\", \"version >= 1.2\", \"ocsp == none\", \"alpn == h2\", \"no cipher /RC4/\"]").is("up", "");
    look(port, "expect = [\"expires > 400d\"]").is("cert_expired", "`CN=leaf` expires in 299 days");
    look(port, "expect = [\"ocsp == good\"]").is("assert_failed", "`none`");
    let digest = "openssl x509 -in leaf.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64";
    let pin = run(dir, "sh", &["-c", digest]);
    look(port, &format!("pins = [\"sha256/{}\"]", pin.trim())).is("up", "");
    look(
        port,
        "pins = [\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]",
    )
    .is("cert_pin_mismatch", pin.trim());

    let (_revoked, port) = server(dir, "-cert leaf.pem -status_file revoked");
    look(port, "").is("cert_revoked", "2025-01-01");
    let (_weak, port) = server(dir, &format!("-cert sha1.pem {any}"));
    look(port, "").is("cert_weak_signature", "SHA-1 with RSA");
    let (_old, port) = server(dir, &format!("-cert leaf.pem {any} -tls1"));
    look(port, "").is("tls_handshake", "the server speaks TLS 1.0");
    let (_all, port) = server(dir, &format!("-cert leaf.pem {any} -min_protocol TLSv1"));
    look(port, "expect = [\"no version 1.1\"]").is("assert_failed", "speaks TLS 1.0, 1.1, 1.2, 1.3");
}

#[test]
fn starttls_is_said_before_tls() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    let (_server, address) = smtp(dir);
    let text = format!(
        "[tls]\nat = \"{address}\"\nstarttls = \"smtp\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n"
    );
    Said::of(&sandbox, &text).is("up", "");
    Said::of(&sandbox, &text.replace("\"smtp\"", "\"imap\"")).is("unexpected_reply", "220 mail");
}

/// Python's own library speaks the server's side.
fn smtp(dir: &Path) -> (Killed, String) {
    let port = free_port();
    let script = format!(
        r#"
import socket, ssl
s = socket.create_server(("127.0.0.1", {port}))
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("leaf.pem", "leaf.key")
while True:
    c, _ = s.accept()
    try:
        c.sendall(b"220 mail ESMTP\r\n")
        if not c.recv(99).startswith(b"EHLO"): c.close(); continue
        c.sendall(b"250-mail\r\n250-SIZE 1\r\n250-STARTTLS\r\n250 HELP\r\n")
        assert c.recv(99) == b"STARTTLS\r\n"
        c.sendall(b"220 go\r\n")
        context.wrap_socket(c, server_side=True).close()
    except Exception: pass
"#
    );
    std::fs::write(dir.join("smtp.py"), script).unwrap();
    let server = start(dir, "python3", &["smtp.py"]);
    wait_for("an SMTP server", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (server, format!("127.0.0.1:{port}"))
}
