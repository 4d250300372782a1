//! Both exporters on one file, before the same servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::panels::dns::named;
use crate::panels::{run, start};
use crate::support::http::{Answer, ask};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, python, root, wait_for};

/// Everything that a test needs; it ends with the test.
pub(super) struct World {
    sandbox: Sandbox,
    pub(super) theirs: String,
    pub(super) ours: String,
    /// What stands for `{name}` in a target.
    places: BTreeMap<String, String>,
    _running: Vec<Killed>,
}

/// A certificate of each kind that TLS servers show.
const CERTIFICATES: [&str; 7] = [
    "good",
    "expired",
    "selfsigned",
    "wrongname",
    "untrusted",
    "incomplete",
    "chain",
];

impl World {
    /// Starts the servers and both exporters.
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path();
        certificates(dir);
        let mut places = BTreeMap::new();
        let mut running = vec![
            nginx(dir, &mut places),
            revoked(dir, &mut places),
            dns(dir, &mut places),
            python(dir, &mut places),
        ];
        let modules = std::fs::read_to_string(root().join("tests/it/blackbox/blackbox.yml")).unwrap();
        let file = sandbox.write("blackbox.yml", &modules.replace("{dir}", dir.to_str().unwrap()));
        let (theirs, ours) = (free_port(), free_port());
        running.push(start(
            dir,
            "prometheus-blackbox-exporter",
            &[
                "--config.file",
                file.to_str().unwrap(),
                "--web.listen-address",
                &format!("127.0.0.1:{theirs}"),
            ],
        ));
        let mut command = sandbox.gameday(["probe", "--blackbox"]);
        command
            .arg(&file)
            .args(["--listen", &format!("127.0.0.1:{ours}")])
            .stderr(Stdio::null());
        running.push(Killed(command.spawn().unwrap()));
        let world = Self {
            theirs: format!("http://127.0.0.1:{theirs}"),
            ours: format!("http://127.0.0.1:{ours}"),
            sandbox,
            places,
            _running: running,
        };
        for exporter in [&world.theirs, &world.ours] {
            wait_for("an exporter", Duration::from_secs(10), || {
                ask("GET", &format!("{exporter}/-/healthy"), &[], "").ok()
            });
        }
        world
    }

    /// The modules.
    pub(super) fn file(&self) -> String {
        self.sandbox.path().join("blackbox.yml").display().to_string()
    }

    /// A target with its places filled in.
    pub(super) fn place(&self, target: &str) -> String {
        let mut target = target.to_owned();
        for (name, place) in &self.places {
            target = target.replace(&format!("{{{name}}}"), place);
        }
        assert!(!target.contains('{'), "{target}");
        target
    }

    /// The path of a probe.
    pub(super) fn path(&self, module: &str, target: &str) -> String {
        let target = self.place(target);
        let (target, more) = target.split_once(' ').unwrap_or((&target, ""));
        let mut encoded = String::new();
        for byte in target.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'/' | b':' | b'-' => {
                    encoded.push(char::from(byte));
                }
                byte => write!(encoded, "%{byte:02X}").unwrap(),
            }
        }
        format!("/probe?module={module}&target={encoded}{more}")
    }
}

/// Asks one of them; a probe may take three seconds.
#[track_caller]
pub(super) fn get(exporter: &str, path: &str) -> Answer {
    let limit = [("X-Prometheus-Scrape-Timeout-Seconds", "3")];
    ask("GET", &format!("{exporter}{path}"), &limit, "").unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// An authority that both trust, and one certificate of each kind for 127.0.0.1 and localhost.
fn certificates(dir: &Path) {
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let subject = "/C=DE/O=Test,Inc/OU=A/OU=B/CN=127.0.0.1/emailAddress=a@b.test";
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {new} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} -days 60"
        ));
    }
    std::fs::write(
        dir.join("san"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:web.test\n",
    )
    .unwrap();
    // Where its issuer's certificate can be had tells that one is missing.
    std::fs::write(
        dir.join("linked"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityInfoAccess=caIssuers;URI:http://ca.test/between.der\n",
    )
    .unwrap();
    std::fs::write(dir.join("wrong"), "subjectAltName=DNS:elsewhere.test\n").unwrap();
    std::fs::write(dir.join("between"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    openssl(&format!(
        "req {new} -keyout between.key -out between.csr -subj /CN=between"
    ));
    openssl(
        "x509 -req -in between.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 40 -extfile between -out between.pem",
    );
    for kind in CERTIFICATES {
        openssl(&format!(
            "req {new} -keyout {kind}.key -out {kind}.csr -subj {subject}"
        ));
        let (authority, names, days) = match kind {
            "expired" => ("ca", "san", "-days -1"),
            "wrongname" => ("ca", "wrong", "-days 30"),
            "untrusted" => ("other", "san", "-days 30"),
            "incomplete" | "chain" => ("between", "linked", "-days 30"),
            _ => ("ca", "san", "-days 30"),
        };
        let by = format!("-CA {authority}.pem -CAkey {authority}.key -CAcreateserial");
        let how = if kind == "selfsigned" {
            format!("-key {kind}.key")
        } else {
            by
        };
        openssl(&format!(
            "x509 -req -in {kind}.csr {how} {days} -extfile {names} -out {kind}.pem"
        ));
    }
    let serial = run(dir, "openssl", &["x509", "-in", "good.pem", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=");
    let index = format!("R\t401231235959Z\t250101000000Z,keyCompromise\t{serial}\tunknown\t/CN=good\n");
    std::fs::write(dir.join("index"), index).unwrap();
    openssl("ocsp -issuer ca.pem -cert good.pem -no_nonce -reqout request");
    openssl(
        "ocsp -index index -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin request -respout revoked -ndays 7",
    );
    let leaf = std::fs::read_to_string(dir.join("chain.pem")).unwrap();
    let between = std::fs::read_to_string(dir.join("between.pem")).unwrap();
    std::fs::write(dir.join("chain.pem"), leaf + &between).unwrap();
}

fn nginx(dir: &Path, places: &mut BTreeMap<String, String>) -> Killed {
    let web = free_port();
    places.insert("web".into(), format!("127.0.0.1:{web}"));
    places.insert("web_port".into(), web.to_string());
    let locations = format!(
        "location = / {{ default_type text/plain; return 200 'hello world\\n'; }}
         location = /page {{ root {0}; }}
         location = /created {{ return 201; }}
         location = /empty {{ return 204; }}
         location = /missing {{ return 404 'no such thing'; }}
         location = /broken {{ return 503; }}
         location = /to-page {{ return 302 /page; }}
         location = /by-name {{ return 301 http://localhost:{web}/page; }}
         location = /permanently {{ return 308 /page; }}
         location = /loop {{ return 302 /loop; }}
         location = /private {{ auth_basic x; auth_basic_user_file {0}/users; root {0}; try_files /page =404; }}
         location = /json {{ default_type application/json; return 200 '{{\"status\": \"up\", \"count\": 3}}'; }}
         location = /echo {{ return 200 '$request_method $http_host $http_x_team $content_type $http_cookie'; }}
         location = /cookie {{ add_header Set-Cookie 'a=b; Path=/'; return 302 /echo; }}
         location = /zipped {{ gzip_static always; root {0}; }}",
        dir.display()
    );
    std::fs::write(dir.join("page"), "some page\n".repeat(300)).unwrap();
    let zipped = Command::new("gzip")
        .args(["-kc", "page"])
        .current_dir(dir)
        .output()
        .unwrap();
    std::fs::write(dir.join("zipped.gz"), zipped.stdout).unwrap();
    let password = run(dir, "openssl", &["passwd", "-apr1", "open sesame"]);
    std::fs::write(dir.join("users"), format!("user:{password}")).unwrap();
    let mut http = format!("server {{ listen 127.0.0.1:{web}; {locations} }}\n");
    for kind in CERTIFICATES {
        let port = free_port();
        places.insert(kind.into(), format!("127.0.0.1:{port}"));
        places.insert(format!("{kind}_port"), port.to_string());
        writeln!(
            http,
            "server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {kind}.pem; ssl_certificate_key {kind}.key; {locations} }}"
        )
        .unwrap();
    }
    let at = dir.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .collect();
    let config = format!(
        "daemon off; master_process off; user root; pid {at}/nginx.pid; error_log {at}/nginx.log;\nevents {{}}\nhttp {{\naccess_log off; server_tokens off;\n{temporary}{http}}}\n"
    );
    std::fs::write(dir.join("nginx.conf"), config).unwrap();
    let killed = start(
        dir,
        "nginx",
        &[
            "-e",
            "stderr",
            "-c",
            &format!("{at}/nginx.conf"),
            "-p",
            &at.to_string(),
        ],
    );
    wait_for("nginx", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", web)).ok()
    });
    killed
}

/// Shows a good certificate with a stapled answer that says revoked.
fn revoked(dir: &Path, places: &mut BTreeMap<String, String>) -> Killed {
    let port = free_port();
    places.insert("revoked".into(), format!("127.0.0.1:{port}"));
    let args = format!(
        "s_server -accept 127.0.0.1:{port} -cert good.pem -key good.key -status_file revoked -quiet -www"
    );
    let killed = start(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    wait_for("openssl s_server", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    killed
}

fn dns(dir: &Path, places: &mut BTreeMap<String, String>) -> Killed {
    let port = free_port();
    places.insert("dns".into(), format!("127.0.0.1:{port}"));
    let zone = "$TTL 300\n@ SOA ns admin 42 60 60 60 60\n@ NS ns\n@ MX 10 mail\nns A 127.0.0.1\nmail A 127.0.0.2\n\
                www A 127.0.0.3\nwww A 127.0.0.4\nwww AAAA ::1\n@ TXT \"v=spf1 -all\" \"with \\\"quotes\\\"\"\nalias CNAME www\n\
                _sip._tcp SRV 1 2 5060 mail\n@ CAA 0 issue \"ca.test\"\n";
    std::fs::write(dir.join("zone"), zone).unwrap();
    let killed = named(dir, port, &[("zone.test", "zone")]);
    wait_for("bind9", Duration::from_secs(20), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    killed
}

fn python(dir: &Path, places: &mut BTreeMap<String, String>) -> Killed {
    let (child, ports) = python::servers("blackbox/servers.py", dir, Stdio::inherit());
    for (name, port) in ports.as_object().unwrap() {
        places.insert(name.clone(), format!("127.0.0.1:{port}"));
    }
    child
}
