//! `[tls]`: `openssl s_server` with a staple that says revoked, a weak signature, old versions.

use std::path::Path;
use std::time::Duration;

use super::{Said, run, start};
use crate::support::ports::free_port;
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
    look(port, "expect = [\"expires > 400d\"]").is("assert_failed", "`CN=leaf` expires in 299 days");
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
    look(port, "expect = [\"no cipher /CAMELLIA/\"]").is("assert_failed", "CAMELLIA");
    look(port, "expect = [\"no cipher /RC4|EXPORT|3DES/\"]").is("up", "");
}

/// A certificate of these dates, its key in a file of the same name.
fn dated(dir: &Path, name: &str, from: &str, to: &str) {
    std::fs::create_dir_all(dir.join("db")).unwrap();
    std::fs::write(dir.join("db/index"), "").unwrap();
    std::fs::write(dir.join("db/serial"), "1000\n").unwrap();
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=db/index\nserial=db/serial\nnew_certs_dir=db\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n";
    std::fs::write(dir.join("ca.cnf"), config).unwrap();
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    openssl(&format!(
        "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
    ));
    openssl(&format!(
        "ca -config ca.cnf -batch -notext -in {name}.csr -cert ca.pem -keyfile ca.key -extfile ext -extensions leaf -startdate {from} -enddate {to} -out {name}.pem"
    ));
}

#[test]
fn a_chain_is_judged_even_when_no_handshake_is_possible() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    dated(dir, "over", "20240101000000Z", "20250101000000Z");
    dated(dir, "early", "20450101000000Z", "20460101000000Z");
    dated(dir, "forever", "20200101000000Z", "99991231235959Z");
    let look = |port: u16, lines: &str| {
        let text = format!(
            "timeout = \"5s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n{lines}\n"
        );
        Said::of(&sandbox, &text)
    };
    let serve = |args: &str| {
        let port = free_port();
        let args = format!("s_server -accept 127.0.0.1:{port} -quiet {args}");
        let server = start(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
        wait_for("openssl s_server", Duration::from_secs(10), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        (server, port)
    };
    let any = "-cipher ALL:@SECLEVEL=0";
    // Versions and ciphers that our own TLS does not speak.
    for (name, reason, words) in [
        ("over", "cert_expired", "2025-01-01"),
        ("early", "cert_not_yet_valid", "from 2045-01-01"),
    ] {
        for speaks in [
            format!("{any} -tls1_1"),
            "-cipher AES128-SHA -tls1_2".to_owned(),
            any.to_owned(),
        ] {
            let (_server, port) = serve(&format!("-cert {name}.pem -key {name}.key {speaks}"));
            look(port, "").is(reason, words);
        }
    }
    let (_old, port) = serve("-cert leaf.pem -key leaf.key -cipher NULL-SHA256:@SECLEVEL=0 -tls1_2");
    look(port, "").is(
        "tls_handshake",
        "the server speaks TLS 1.2 (TLS_RSA_WITH_NULL_SHA256)",
    );
    let (_forever, port) = serve("-cert forever.pem -key forever.key");
    look(port, "expect = [\"expires > 400d\"]").is("up", "");

    // Keys that are weak, and keys that our TLS cannot use.
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    openssl("genrsa -out small.key 1024");
    openssl("ecparam -name secp521r1 -genkey -noout -out foreign.key");
    openssl("genpkey -algorithm ed25519 -out edwards.key");
    for name in ["small", "foreign", "edwards"] {
        openssl(&format!(
            "req -new -key {name}.key -out {name}.csr -subj /CN={name}"
        ));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 300 -extfile ext -extensions leaf -out {name}.pem"
        ));
    }
    let (_small, port) = serve(&format!("-cert small.pem -key small.key {any}"));
    look(port, "").is("cert_weak_signature", "only 1024 bits");
    let (_foreign, port) = serve("-cert foreign.pem -key foreign.key");
    look(port, "").is("cannot_look", "ECDSA on P-521");
    let (_edwards, port) = serve("-cert edwards.pem -key edwards.key");
    look(
        port,
        "expect = [\"no version 1.0\", \"version 1.3\", \"issuer contains \\\"Root\\\"\"]",
    )
    .is("up", "");

    // Without extensions there are no names.
    openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 300 -out plain.pem");
    let (_plain, port) = serve("-cert plain.pem -key leaf.key");
    look(port, "").is(
        "cert_name_mismatch",
        "no subject alternative name (its subject is `CN=leaf`)",
    );
}

#[test]
fn a_client_certificate_that_is_wanted_is_shown_or_missed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    let look = |port: u16, lines: &str| {
        let text = format!(
            "timeout = \"5s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n{lines}\n"
        );
        Said::of(&sandbox, &text)
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let wants = format!("-cert leaf.pem -CAfile ca.pem -Verify 1 -verify_return_error {version}");
        let (_wants, port) = server(dir, &wants);
        look(port, "").is("tls_handshake", "there is none (`cert`, `key`)");
        look(port, "cert = \"leaf.pem\"\nkey = \"leaf.key\"").is("up", "");
    }
    let (_asks, port) = server(dir, "-cert leaf.pem -CAfile ca.pem -verify 1");
    look(port, "").is("up", "");
}

#[test]
fn a_staple_is_believed_when_it_is_signed_for_the_issuer() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    let ext = "[leaf]\nsubjectAltName=DNS:shop.test\n[ocsp]\nextendedKeyUsage=OCSPSigning\n";
    std::fs::write(dir.join("ext"), ext).unwrap();
    for (name, extensions) in [("delegate", "ocsp"), ("nobody", "leaf")] {
        openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 300 -extfile ext -extensions {extensions} -out {name}.pem"
        ));
    }
    let index = |line: &str| std::fs::write(dir.join("index"), line).unwrap();
    let answer = |file: &str, signer: &str| {
        openssl(&format!(
            "ocsp -index index -rsigner {signer}.pem -rkey {signer}.key -CA ca.pem -reqin request -respout {file} -ndays 7"
        ));
    };
    let revoked = "R\t401231235959Z\t250101000000Z,keyCompromise\t1234\tunknown\t/CN=leaf\n";
    index(revoked);
    answer("revoked-by-delegate", "delegate");
    answer("revoked-by-nobody", "nobody");
    index(
        &revoked
            .replacen('R', "V", 1)
            .replace("250101000000Z,keyCompromise", ""),
    );
    answer("good", "ca");
    answer("good-by-nobody", "nobody");
    index("");
    answer("unknown", "ca");
    let look = |file: &str, expect: &str| {
        let (_server, port) = server(dir, &format!("-cert leaf.pem -status_file {file}"));
        let text = format!(
            "timeout = \"5s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\nexpect = [\"{expect}\"]\n"
        );
        Said::of(&sandbox, &text)
    };
    look("good", "ocsp == good").is("up", "");
    look("good", "ocsp != revoked").is("up", "");
    look("good-by-nobody", "ocsp == good").is("assert_failed", "`doubtful`");
    look("unknown", "ocsp == good").is("assert_failed", "`unknown`");
    look("revoked-by-delegate", "ocsp != revoked").is("cert_revoked", "2025-01-01");
    // Whoever may not sign cannot revoke.
    look("revoked-by-nobody", "ocsp != revoked").is("up", "");
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
