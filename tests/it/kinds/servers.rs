//! gRPC's health service by grpcio, WebSockets by `websockets`, datagrams by bind9.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{Cases, certificates};
use crate::panels::dns::named;
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, python, wait_for};

/// The ports of `servers.py`, which ends with what is returned beside them.
fn servers(dir: &Path) -> (Killed, Value) {
    // Both libraries tell on stderr who went away in the middle, which some of the probes do.
    python::servers("kinds/servers.py", dir, Stdio::null())
}

#[test]
fn the_health_service_of_a_real_grpc_server() {
    let sandbox = Sandbox::new();
    certificates(sandbox.path());
    let (_servers, ports) = servers(sandbox.path());
    let ca = sandbox.path().join("ca.pem");
    let file = |server: &str, more: &str| {
        format!(
            "timeout = \"20s\"\n[grpc]\naddress = \"127.0.0.1:{}\"\n{more}",
            ports[server]
        )
    };
    let roots = format!("tls = true\nroots = \"{}\"\n", ca.display());
    let mut cases = Cases::new(&sandbox);
    for (kind, more) in [("grpc", ""), ("grpcs", roots.as_str())] {
        let file = |service: &str| file(kind, &format!("{service}{more}"));
        cases.add(&format!("{kind}-itself"), &file(""), "up", "");
        cases.add(&format!("{kind}-up"), &file("service = \"up\"\n"), "up", "");
        cases.add(
            &format!("{kind}-down"),
            &file("service = \"down\"\n"),
            "not_serving",
            "NOT_SERVING",
        );
        let unknown = file("service = \"nothing\"\n");
        cases.add(
            &format!("{kind}-unknown"),
            &unknown,
            "not_serving",
            "does not know this service",
        );
    }
    cases.add("bare", &file("bare", ""), "unexpected_reply", "no health service");
    cases.add("no-roots", &file("grpcs", "tls = true\n"), "cert_untrusted", "");
    // One of the two speaks TLS and the other does not.
    cases.add("plain-to-tls", &file("grpcs", ""), "connection_reset", "");
    cases.add(
        "tls-to-plain",
        &file("grpc", "tls = true\ninsecure = true\n"),
        "tls_handshake",
        "",
    );
    cases.hold();
}

#[test]
fn a_talk_over_a_real_websocket() {
    let sandbox = Sandbox::new();
    certificates(sandbox.path());
    let (_servers, ports) = servers(sandbox.path());
    let ca = sandbox.path().join("ca.pem");
    let file = |scheme: &str, more: &str| {
        format!(
            "timeout = \"20s\"\n[websocket]\nurl = \"{scheme}://127.0.0.1:{}/live\"\n{more}",
            ports[scheme]
        )
    };
    let talk = r#"
headers = { X-Token = "t0ken" }
protocols = ["v1.chat", "v0.chat"]
talk = [
    { expect = "/^hello (?<room>v1.chat), t0ken$/" },
    { send = "I am in ${room}" },
    { expect = "/^I AM IN V1.CHAT$/" },
    { send_base64 = "YWJj" },
    { expect_base64 = "QUJD" },
]
ping = true
"#;
    let mut cases = Cases::new(&sandbox);
    cases.add("ws", &file("ws", talk), "up", "");
    cases.add(
        "wss",
        &file("wss", &format!("roots = \"{}\"\n{talk}", ca.display())),
        "up",
        "",
    );
    cases.add("ping", &file("ws", "ping = true\n"), "up", "");
    cases.add("no-roots", &file("wss", ""), "cert_untrusted", "");
    let other = file("ws", "talk = [{ expect = \"/^welcome/\" }]\n");
    cases.add("other", &other, "unexpected_reply", "hello anybody");
    let protocol = file("ws", "protocols = [\"v9.chat\"]\n");
    cases.add("no-protocol", &protocol, "http_status", "400");
    let left = "talk = [{ expect = \"/hello/\" }, { send = \"leave me\" }, { expect = \"/LEAVE/\" }]\n";
    cases.add("left", &file("ws", left), "connection_reset", "as you like");
    // No WebSocket's server answers a request of gRPC's.
    let grpc = format!(
        "timeout = \"20s\"\n[websocket]\nurl = \"ws://127.0.0.1:{}/\"\n",
        ports["grpc"]
    );
    cases.add("no-websocket", &grpc, "http_protocol", "");
    cases.hold();
}

/// A query for the addresses of www.zone.test, by hand (RFC 1035, 4.1): id 0x4711, recursion not desired.
fn query(name: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0x47, 0x11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

#[test]
fn a_datagram_and_its_answer_by_a_real_name_server() {
    let sandbox = Sandbox::new();
    let port = free_port();
    let zone = "$TTL 300\n@ SOA ns admin 42 60 60 60 60\n@ NS ns\nns A 127.0.0.1\nwww A 127.0.0.3\n";
    sandbox.write("zone", zone);
    let _named = named(sandbox.path(), port, &[("zone.test", "zone")]);
    wait_for("bind9", Duration::from_secs(20), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let file = |port: u16, name: &[&str], expect: &[u8]| {
        let (send, expect) = (
            BASE64_STANDARD.encode(query(name)),
            BASE64_STANDARD.encode(expect),
        );
        format!(
            "timeout = \"5s\"\n[udp]\naddress = \"127.0.0.1:{port}\"\nsend_base64 = \"{send}\"\nexpect_base64 = \"{expect}\"\n"
        )
    };
    let www = ["www", "zone", "test"];
    let mut cases = Cases::new(&sandbox);
    // The record's length and address, at the end of the answer's one record.
    cases.add("address", &file(port, &www, &[0, 4, 127, 0, 0, 3]), "up", "");
    // The same id, an answer, authoritative, NXDOMAIN.
    let nothing = file(port, &["nothing", "zone", "test"], &[0x47, 0x11, 0x84, 0x03]);
    cases.add("nxdomain", &nothing, "up", "");
    cases.add(
        "other",
        &file(port, &www, &[0, 4, 127, 0, 0, 4]),
        "unexpected_reply",
        "",
    );
    cases.add("gone", &file(free_port(), &www, &[0]), "connect_refused", "");
    cases.hold();
}
