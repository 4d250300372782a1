//! Who may ask: the prober's own name and page, with a token, over TLS.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::web;
use crate::support::Sandbox;
use crate::support::http;
use crate::support::prober::Prober;

#[test]
fn a_foreign_name_or_page_is_refused() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    assert_eq!(
        prober.ask("GET", "/metrics", &[("Host", "evil.example")]).status,
        403
    );
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(prober.ask("POST", "/-/reload", &foreign).status, 403);
    assert_eq!(prober.ask("POST", "/-/reload", &[]).status, 200);
    assert_eq!(prober.ask("GET", "/-/reload", &[]).status, 405);
}

#[test]
fn beyond_loopback_a_token_is_asked_for_and_a_browser_may_give_it_as_a_password() {
    const TOKEN: &str = "correct-horse-battery-staple";
    let sandbox = Sandbox::new();
    web(&sandbox);
    let file = sandbox.write("token", TOKEN);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let open = sandbox.run(["probe", "probes", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.code, Some(2));
    assert!(
        open.stderr.contains("give --token-file FILE, or --insecure"),
        "{}",
        open.stderr
    );

    let prober = Prober::start(
        &["probes", "--listen", "0.0.0.0:0", "--token-file", "token"],
        sandbox,
    );
    let port = prober.url.rsplit(':').next().unwrap();
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    let ask = |path: &str, authorization: Option<&str>| {
        let headers: Vec<_> = authorization
            .map(|it| ("Authorization", it))
            .into_iter()
            .collect();
        let answer = http::ask("GET", &format!("http://127.0.0.1:{port}{path}"), &headers, "").unwrap();
        assert!(!answer.body.contains(TOKEN) && !answer.head.contains(TOKEN));
        answer
    };
    for path in [
        "/",
        "/metrics",
        "/journal",
        "/v1/region",
        "/-/healthy",
        "/evidence/web/local",
        "/page/refresh.js",
    ] {
        let refused = ask(path, None);
        assert_eq!(refused.status, 401, "{path}");
        assert!(
            refused
                .header("www-authenticate")
                .is_some_and(|ways| ways.contains("Basic")),
            "{path}"
        );
    }
    assert_eq!(ask("/metrics", Some(&format!("Bearer {TOKEN}"))).status, 200);
    assert_eq!(ask("/", Some(&basic(&format!("anybody:{TOKEN}")))).status, 200);
    for wrong in [
        "Bearer correct-horse-battery-stable",
        &basic("anybody:wrong"),
        "Basic ???",
        "Bearer",
    ] {
        assert_eq!(ask("/", Some(wrong)).status, 401, "{wrong}");
    }
}

#[test]
fn it_serves_over_tls_with_a_certificate() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let openssl = |args: &str| {
        let mut command = Command::new("openssl");
        command.args(args.split(' ')).current_dir(sandbox.path());
        command
    };
    let made = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
    assert!(
        openssl(made)
            .output()
            .expect("openssl is installed")
            .status
            .success()
    );
    let half = sandbox.run([
        "probe",
        "probes",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
    ]);
    assert!(
        half.code == Some(2) && half.stderr.contains("--tls-key"),
        "{}",
        half.stderr
    );
    let swapped = [
        "probe",
        "probes",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "cert.pem",
    ];
    let swapped = sandbox.run(swapped);
    assert!(
        swapped.code == Some(2) && swapped.stderr.contains("error: cert.pem: "),
        "{}",
        swapped.stderr
    );

    let args = ["probes", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let prober = Prober::start(&args, sandbox);
    let at = prober.url.strip_prefix("https://").unwrap();
    let ask = format!(
        "s_client -connect {at} -servername localhost -verify_hostname localhost -CAfile cert.pem -verify_return_error -quiet"
    );
    let mut client = Command::new("openssl")
        .args(ask.split(' '))
        .current_dir(prober.sandbox.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = b"GET /-/healthy HTTP/1.0\r\nHost: localhost\r\n\r\n";
    client.stdin.as_mut().unwrap().write_all(request).unwrap();
    let said = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(
        said.starts_with("HTTP/1.0 200") && said.ends_with("healthy\n"),
        "{said}"
    );
    // Who does not speak TLS gets no answer.
    assert!(http::ask("GET", &format!("http://{at}/-/healthy"), &[], "").is_err());
}
