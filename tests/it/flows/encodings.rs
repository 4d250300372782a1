//! Bodies as others encode them (gzip by nginx; deflate, br and zstd by their own libraries) and client certificates,
//! before a real nginx.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::panels::{run, start};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, root, wait_for};

/// Each encoder's file of one JSON text that is larger than any buffer on the way.
const ENCODERS: &str = r#"
import brotli, gzip, json, zlib, zstandard
text = json.dumps({"items": [{"id": number, "name": f"thing {number * 7919}"} for number in range(20000)], "last": "ü"}).encode()
files = {
    "plain": text,
    "gzip": gzip.compress(text),
    "deflate": zlib.compress(text),
    "br": brotli.compress(text, quality=9),
    "zstd": zstandard.ZstdCompressor(level=19).compress(text),
    "both": gzip.compress(brotli.compress(text, quality=5)),
}
files["cut"] = files["br"][: len(files["br"]) // 2]
files["bomb"] = gzip.compress(bytes(200_000_000))
for name, content in files.items():
    open(name, "wb").write(content)
"#;

/// A file, what the server says of its encoding, and the word or reason that a look ends with.
const FILES: &[(&str, &str, &str)] = &[
    ("plain", "", "up"),
    ("gzip", "gzip", "up"),
    ("gzip", "x-gzip", "up"),
    ("deflate", "deflate", "up"),
    ("br", "br", "up"),
    ("zstd", "zstd", "up"),
    ("cut", "br", "body_encoding"),
    ("gzip", "br", "body_encoding"),
    ("plain", "zstd", "body_encoding"),
    ("plain", "gzip", "body_encoding"),
    ("bomb", "gzip", "body_too_large"),
];

fn certificates(dir: &Path) {
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    std::fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {new} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} -days 60"
        ));
    }
    for (name, authority) in [("server", "ca"), ("client", "ca"), ("stranger", "other")] {
        openssl(&format!(
            "req {new} -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 30 -extfile san -out {name}.pem"
        ));
    }
}

/// An nginx at a port, and at another one that wants to know who asks.
fn nginx(dir: &Path) -> (Killed, u16, u16) {
    let (port, secure) = (free_port(), free_port());
    let at = dir.display();
    let mut locations = String::new();
    for (number, (file, encoding, _)) in FILES.iter().enumerate() {
        let header = match *encoding {
            "" => String::new(),
            encoding => format!("add_header Content-Encoding {encoding};"),
        };
        writeln!(
            locations,
            "location = /{number} {{ default_type application/json; alias {at}/{file}; {header} }}"
        )
        .unwrap();
    }
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .collect();
    let config = format!(
        "daemon off; master_process off; user root; pid {at}/nginx.pid; error_log {at}/nginx.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}
server {{ listen 127.0.0.1:{port}; {locations}
  location = /by-nginx {{ gzip on; gzip_types application/json; default_type application/json; alias {at}/plain; }} }}
server {{ listen 127.0.0.1:{secure} ssl http2; ssl_certificate server.pem; ssl_certificate_key server.key;
  ssl_client_certificate ca.pem; ssl_verify_client on; location / {{ return 200 $ssl_client_s_dn; }} }}
}}\n"
    );
    std::fs::write(dir.join("nginx.conf"), config).unwrap();
    let conf = format!("{at}/nginx.conf");
    let killed = start(
        dir,
        "nginx",
        &["-e", "stderr", "-c", &conf, "-p", &at.to_string()],
    );
    wait_for("nginx", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", secure)).ok()
    });
    (killed, port, secure)
}

fn looks(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    let ran = sandbox.run(["probe", "probes", "--once", "--output", "json"]);
    let text = |value: &Value, or: &str| value.as_str().unwrap_or(or).to_owned();
    let lines = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let looks: Vec<_> = lines
        .map(|look| {
            (
                text(&look["probe"], ""),
                text(&look["reason"], "up"),
                text(&look["message"], ""),
            )
        })
        .collect();
    assert!(!looks.is_empty(), "{}", ran.stderr);
    looks
}

#[test]
fn a_body_is_read_as_it_is_encoded() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    let made = Command::new("python3")
        .env("PYTHONPATH", root().join("target/clients/servers"))
        .args(["-c", ENCODERS])
        .current_dir(dir)
        .status();
    assert!(made.unwrap().success(), "tests/install.sh makes target/clients");
    certificates(dir);
    let (_nginx, port, _) = nginx(dir);
    let flow = |path: &str, more: &str| {
        format!(
            r#"timeout = "30s"
[[step]]
name = "items"
get = "http://127.0.0.1:{port}/{path}"
max_body = "4MiB"
expect = ["json $.items count == 20000", "json $.items[19999].name == \"thing 158372081\"", "json $.last == \"ü\"", 'body matches /thing 158372081"/'{more}]
"#
        )
    };
    for (number, (_, encoding, _)) in FILES.iter().enumerate() {
        let more = match *encoding {
            "" => String::new(),
            encoding => format!(", \"header Content-Encoding == \\\"{encoding}\\\"\""),
        };
        sandbox.write(
            &format!("probes/p{number:02}.toml"),
            &flow(&number.to_string(), &more),
        );
    }
    let by_nginx = flow("by-nginx", ", 'header Content-Encoding == \"gzip\"'");
    sandbox.write("probes/q-nginx.toml", &by_nginx);
    let refused = flow("by-nginx", ", \"header Content-Encoding not exists\"")
        .replace("max_body", "compressed = false\nmax_body");
    sandbox.write("probes/r-refused.toml", &refused);
    let mut expected: Vec<&str> = FILES.iter().map(|(_, _, reason)| *reason).collect();
    expected.extend(["up", "up"]);
    let looks = looks(&sandbox);
    let said: Vec<&str> = looks.iter().map(|(_, reason, _)| reason.as_str()).collect();
    assert_eq!(said, expected, "{looks:#?}");
}

#[test]
fn a_server_that_wants_to_know_who_asks_is_shown_a_certificate() {
    let sandbox = Sandbox::new();
    certificates(sandbox.path());
    let (_nginx, _, port) = nginx(sandbox.path());
    let dir = sandbox.path().display();
    for version in ["1.1", "2"] {
        for (name, identity, status) in [
            (
                "client",
                format!("cert = \"{dir}/client.pem\"\nkey = \"{dir}/client.key\"\n"),
                "== 200",
            ),
            ("nobody", String::new(), "== 400"),
            (
                "stranger",
                format!("cert = \"{dir}/stranger.pem\"\nkey = \"{dir}/stranger.key\"\n"),
                "== 400",
            ),
        ] {
            let who = if name == "client" {
                ", 'body == \"CN=client\"'"
            } else {
                ""
            };
            let text = format!(
                "timeout = \"20s\"\n[http]\nroots = \"{dir}/ca.pem\"\nversion = \"{version}\"\n{identity}[[step]]\nname = \"who\"\nget = \"https://127.0.0.1:{port}/\"\nexpect = [\"status {status}\", \"version == {version}\"{who}]\n"
            );
            sandbox.write(&format!("probes/{name}-{}.toml", version.replace('.', "")), &text);
        }
    }
    for (probe, reason, message) in looks(&sandbox) {
        assert_eq!(reason, "up", "{probe}: {message}");
    }
}
