//! bind9 holds zones, unbound resolves and checks them.

use std::path::Path;

use super::zones::ZONES;
use super::{run, start};
use crate::support::Killed;

/// A name server that holds these zones, each in a file of its own.
pub(crate) fn named(dir: &Path, port: u16, zones: &[(&str, &str)]) -> Killed {
    let mut config = format!(
        "options {{ directory \"{0}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none; session-keyfile none; }}; controls {{ }};\n",
        dir.display()
    );
    for (name, file) in zones {
        config.push_str(&format!("zone \"{name}\" {{ type master; file \"{file}\"; }};\n"));
    }
    let file = format!("named-{port}.conf");
    std::fs::write(dir.join(&file), config).unwrap();
    start(
        dir,
        "named",
        &["-g", "-c", dir.join(&file).to_str().unwrap(), "-n", "1"],
    )
}

/// A resolver that checks signatures, over datagrams, streams, TLS and HTTPS.
pub(super) fn unbound(dir: &Path, ports: [u16; 3], authority: u16, anchors: &[String]) -> Killed {
    let [plain, tls, https] = ports;
    run(
        dir,
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "dot.key",
            "-out",
            "dot.pem",
            "-subj",
            "/CN=dns.example.test",
            "-addext",
            "subjectAltName=DNS:dns.example.test",
            "-days",
            "30",
        ],
    );
    let mut config = format!(
        "server:\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n directory: \"{0}\"\n pidfile: \"\"\n use-syslog: no\n interface: 127.0.0.1@{plain}\n interface: 127.0.0.1@{tls}\n interface: 127.0.0.1@{https}\n tls-port: {tls}\n https-port: {https}\n tls-service-key: dot.key\n tls-service-pem: dot.pem\n do-not-query-localhost: no\n module-config: \"validator iterator\"\n ede: yes\n local-zone: \"test.\" nodefault\n domain-insecure: \"plain.test\"\n",
        dir.display()
    );
    for anchor in anchors {
        config.push_str(&format!(" trust-anchor: \"{}\"\n", anchor.replace('"', "")));
    }
    for zone in ZONES.iter().chain(&["parent.test"]) {
        config.push_str(&format!(
            "stub-zone:\n name: {zone}\n stub-addr: 127.0.0.1@{authority}\n"
        ));
    }
    std::fs::write(dir.join("unbound.conf"), config).unwrap();
    start(dir, "unbound", &["-d", "-c", "unbound.conf"])
}
