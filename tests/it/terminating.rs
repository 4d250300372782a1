//! `gameday proxy` with TLS, as `openssl s_client` sees it.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::proxy::{Proxy, echo};
use crate::support::{Sandbox, wait_for};

const NAME: &str = "pay.example.test";

fn listens(proxy: &Proxy) -> SocketAddr {
    let all = proxy.ask("GET", "/proxies", &Value::Null).json();
    all["pay"]["listen"].as_str().unwrap().parse().unwrap()
}

fn s_client(sandbox: &Sandbox, address: SocketAddr, ca: &str) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-servername", NAME, "-verify_hostname", NAME])
        .args(["-connect", &address.to_string(), "-CAfile", ca])
        .current_dir(sandbox.path())
        .stdin(Stdio::null());
    command
}

/// What a handshake shows.
fn seen(sandbox: &Sandbox, address: SocketAddr, ca: &str) -> String {
    let output = s_client(sandbox, address, ca)
        .output()
        .expect("openssl is installed");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A certificate of its own, in `server.pem` and `server-key.pem`.
fn make_certificate(sandbox: &Sandbox, subject: &str) {
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-keyout",
            "server-key.pem",
            "-out",
            "server.pem",
            "-days",
            "2",
            "-subj",
            subject,
        ])
        .args(["-addext", "subjectAltName=DNS:pay.example.test"])
        .current_dir(sandbox.path())
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed");
    assert!(status.success());
}

#[test]
fn a_leased_certificate_fault_is_seen_and_ends_with_its_lease() {
    let (sandbox, upstream) = (Sandbox::new(), echo());
    let config = format!(
        "[proxy.pay]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\ntls.terminate = {{ names = [\"{NAME}\"] }}\n"
    );
    sandbox.write("proxies.toml", &config);
    let proxy = Proxy::start(&["--config", "proxies.toml", "--ca-dir", "ca"], sandbox);
    let address = listens(&proxy);
    let served = proxy.ask("GET", "/v1/ca.pem", &Value::Null).body;
    assert_eq!(
        std::fs::read_to_string(proxy.sandbox.path().join("ca/ca.pem")).unwrap(),
        served
    );
    let good = seen(&proxy.sandbox, address, "ca/ca.pem");
    assert!(good.contains("Verify return code: 0 (ok)"), "{good}");

    let ttl = proxy.ask("PUT", "/v1/leases/drill", &json!({"ttl_ms": 3000}));
    assert_eq!(ttl.status, 200);
    let fault = json!({"name": "old", "proxy": "pay", "toxic": {
        "type": "tls", "scope": {"sni": ["*.example.test"]}, "attributes": {"certificate": "expired"},
    }});
    let added = proxy.ask("POST", "/v1/leases/drill/faults", &fault);
    assert_eq!(added.status, 201, "{}", added.body);
    let bad = seen(&proxy.sandbox, address, "ca/ca.pem");
    assert!(bad.contains("(certificate has expired)"), "{bad}");
    let lease = proxy.ask("GET", "/v1/leases/drill", &Value::Null).json();
    assert_eq!(lease["faults"][0]["touched"], 1, "{lease}");
    wait_for("the lease to end", Duration::from_secs(20), || {
        seen(&proxy.sandbox, address, "ca/ca.pem")
            .contains("Verify return code: 0 (ok)")
            .then_some(())
    });

    let refused = json!({"type": "tls", "attributes": {"certificate": "old"}});
    let refused = proxy.ask("POST", "/v1/proxies/pay/toxics", &refused);
    assert!(
        refused.status == 400 && refused.body.contains("tls.certificate"),
        "{}",
        refused.body
    );
}

#[test]
fn renewed_certificates_are_used_after_a_hangup_and_no_connection_is_cut() {
    let (sandbox, upstream) = (Sandbox::new(), echo());
    make_certificate(&sandbox, "/CN=one");
    let tls = "tls.terminate = { cert = \"server.pem\", key = \"server-key.pem\" }";
    let config = format!("[proxy.pay]\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\n{tls}\n");
    sandbox.write("proxies.toml", &config);
    let proxy = Proxy::start(&["--config", "proxies.toml"], sandbox);
    let address = listens(&proxy);
    let mut open = Open::new(&proxy.sandbox, address);
    open.echoes("before");

    make_certificate(&proxy.sandbox, "/CN=two");
    proxy.signal(Signal::SIGHUP);
    proxy.says("proxies.toml was loaded");
    let renewed = seen(&proxy.sandbox, address, "server.pem");
    assert!(
        renewed.contains("CN = two") && renewed.contains("0 (ok)"),
        "{renewed}"
    );
    open.echoes("after");

    proxy.sandbox.write("server-key.pem", "nothing");
    proxy.signal(Signal::SIGHUP);
    let said = proxy.says("everything stays as it is");
    assert!(said.contains("proxy `pay`: `tls.terminate.key`: "), "{said}");
    assert!(seen(&proxy.sandbox, address, "server.pem").contains("CN = two"));
    open.echoes("still");
}

/// A connection of `openssl s_client` that stays open.
struct Open(Child);

impl Open {
    fn new(sandbox: &Sandbox, address: SocketAddr) -> Self {
        let mut command = s_client(sandbox, address, "server.pem");
        command
            .args(["-quiet", "-no_ign_eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self(command.spawn().expect("openssl is installed"))
    }

    fn echoes(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; text.len()];
        self.0.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
        assert_eq!(answer, text.as_bytes());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
