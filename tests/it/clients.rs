//! Clients that others wrote for Toxiproxy, unmodified, against the real binary.
//!
//! Their scripts stand in `tests/clients`; `tests/install.sh` fetches the clients from their registries.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::proxy::{Proxy, connect, echo, round_trip};
use crate::support::{Killed, Sandbox, http, root, wait_for};

/// No script takes longer than this, on however slow a machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Where `tests/install.sh` has put the clients.
pub(crate) fn installed(what: &str) -> PathBuf {
    let path = root().join("target/clients").join(what);
    assert!(
        path.exists(),
        "{} is not there: run tests/install.sh",
        path.display()
    );
    path
}

/// Runs a script against a proxy of its own and an upstream that sends back what it gets.
#[track_caller]
fn drive(mut command: Command, script: &str) {
    let proxy = Proxy::start(&[], Sandbox::new());
    let upstream = echo();
    let log = proxy.sandbox.path().join("said");
    let said = std::fs::File::create(&log).unwrap();
    command
        .arg(root().join("tests/clients").join(script))
        .args([
            &proxy.api,
            &upstream.ip().to_string(),
            &upstream.port().to_string(),
        ])
        .stdin(std::process::Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    let mut child = Killed(command.spawn().unwrap());
    let status = wait_for(script, LIMIT, || child.0.try_wait().unwrap());
    assert!(
        status.success(),
        "{script}: {}",
        std::fs::read_to_string(&log).unwrap()
    );
}

fn python(script: &str) {
    let mut command = Command::new(installed("python/bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    drive(command, script);
}

#[test]
fn toxiproxy_node_client_works_unchanged() {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node/node_modules"));
    drive(command, "toxiproxy_node.cjs");
}

#[test]
fn toxiproxy_python_works_unchanged() {
    python("toxiproxy_python.py");
}

#[test]
fn chaostoolkit_toxiproxy_works_unchanged() {
    python("chaostoolkit.py");
}

#[test]
fn every_answer_is_as_the_openapi_document_says() {
    python("openapi.py");
}

/// The requests of the crate `toxiproxy_rust` 0.1.6, byte for byte as its source makes them. The crate itself stands
/// on an HTTP client with OpenSSL, which this workspace is kept free of.
#[test]
fn toxiproxy_rusts_requests_are_answered_as_it_reads_them() {
    let (proxy, upstream) = (Proxy::start(&[], Sandbox::new()), echo());
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("Content-Type", "application/json"), ("Accept", "*/*")];
        let answer = http::ask(method, &format!("{}/{path}", proxy.api), &headers, body).unwrap();
        assert!(
            answer.status < 300,
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        answer
    };
    let pack = json!([{ "name": "rust", "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "enabled": true, "toxics": [] }]);
    let made = send("POST", "populate", &pack.to_string()).json();
    let listen: SocketAddr = is_pack(&made["proxies"][0]).parse().unwrap();
    let mut client = connect(listen);
    round_trip(&mut client);

    let toxic = json!({
        "name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1.0_f32,
        "attributes": { "latency": 200, "jitter": 0 },
    });
    send("POST", "proxies/rust/toxics", &toxic.to_string());
    assert!(round_trip(&mut client) >= Duration::from_millis(200));
    // The crate reads attributes as whole numbers and nothing else.
    let toxics = send("GET", "proxies/rust/toxics", "").json();
    assert!(
        toxics[0]["attributes"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_u64)
    );

    // Its populate repeats `"toxics": []`, which must not take them away from a proxy that is the same.
    let again = json!([{ "name": "rust", "listen": listen.to_string(), "upstream": upstream.to_string(), "enabled": true, "toxics": [] }]);
    let again = send("POST", "populate", &again.to_string()).json();
    assert_eq!(again["proxies"][0]["toxics"][0]["name"], "latency_downstream");

    send("POST", "proxies/rust", r#"{"enabled":false}"#);
    assert!(std::net::TcpStream::connect(listen).is_err());
    send("POST", "proxies/rust", r#"{"enabled":true}"#);
    send("DELETE", "proxies/rust/toxics/latency_downstream", "");
    send("POST", "reset", "");
    for pack in send("GET", "proxies", "").json().as_object().unwrap().values() {
        is_pack(pack);
    }
    round_trip(&mut connect(listen));
    send("DELETE", "proxies/rust", "");
    assert_eq!(send("GET", "proxies", "").body, "{}");
}

/// All fields that the crate insists on; the address it listens on.
#[track_caller]
fn is_pack(value: &Value) -> String {
    let text = |field: &str| value[field].as_str().unwrap().to_owned();
    assert!(
        value["enabled"].is_boolean() && value["toxics"].is_array(),
        "{value}"
    );
    assert_eq!(
        (text("name"), text("upstream").is_empty()),
        ("rust".to_owned(), false)
    );
    text("listen")
}

/// What the command line client sends, and what Go's library expects of the answers.
#[test]
fn toxiproxy_clis_habits_are_accepted() {
    let (proxy, upstream) = (Proxy::start(&[], Sandbox::new()), echo());
    let send = |method: &str, path: &str, body: &str| {
        let headers = [
            ("User-Agent", "toxiproxy-cli/v2.12.0 (linux/amd64)"),
            ("Content-Type", "application/json"),
        ];
        http::ask(method, &format!("{}{path}", proxy.api), &headers, body).unwrap()
    };
    let new =
        json!({ "name": "cli", "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "enabled": true });
    let made = send("POST", "/proxies", &new.to_string());
    assert_eq!(made.status, 201);
    assert_eq!(send("GET", "/version", "").body, "{\"version\": \"2.12.0\"}\n");
    let toxic =
        r#"{"name":"","type":"latency","stream":"downstream","toxicity":1,"attributes":{"latency":100}}"#;
    let added = send("POST", "/proxies/cli/toxics", toxic);
    assert_eq!(
        (added.status, &added.json()["name"]),
        (200, &json!("latency_downstream"))
    );
    let updated = send(
        "PATCH",
        "/proxies/cli/toxics/latency_downstream",
        r#"{"attributes":{"latency":50},"toxicity":-1}"#,
    );
    assert_eq!(updated.status, 200, "{}", updated.body);
    let mut toggled = made.json();
    toggled["enabled"] = json!(false);
    assert_eq!(send("PATCH", "/proxies/cli", &toggled.to_string()).status, 200);
    let refused = send("POST", "/proxies", &new.to_string());
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (409, "{\"error\":\"proxy already exists\",\"status\":409}\n")
    );
    assert_eq!(send("DELETE", "/proxies/cli", "").status, 204);
}
