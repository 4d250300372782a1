//! `[dns]`: bind9 holds a signed zone, one whose signatures are over, and an old copy; unbound checks them.

use std::path::Path;
use std::time::Duration;

use super::{Said, free_port, run, start};
use crate::support::{Killed, Sandbox, wait_for};

/// The keys are older than the signatures that are over.
const LONG_AGO: &str = "20190101000000";

/// One zone's records; the serial is told.
fn zone(name: &str, serial: u32) -> String {
    format!(
        "$TTL 300\n@ SOA ns.{name}. admin.{name}. ({serial} 3600 600 86400 300)\n@ NS ns.{name}.\nns A 127.0.0.1\npay A 203.0.113.9\npay AAAA 2001:db8::9\nbrief 5 A 203.0.113.9\nmany TXT \"{}\"\n",
        vec!["x".repeat(250); 8].join("\" \"")
    )
}

/// Signs a zone for these dates, and returns its trust anchor.
fn sign(dir: &Path, name: &str, dates: &[&str]) -> String {
    run(
        dir,
        "dnssec-keygen",
        &[
            "-a",
            "ECDSAP256SHA256",
            "-A",
            LONG_AGO,
            "-P",
            LONG_AGO,
            "-f",
            "KSK",
            name,
        ],
    );
    run(
        dir,
        "dnssec-keygen",
        &["-a", "ECDSAP256SHA256", "-A", LONG_AGO, "-P", LONG_AGO, name],
    );
    // Signatures that are over are no mistake here: `-P` lets them be.
    let mut args = vec!["-S", "-P", "-o", name];
    args.extend(dates);
    args.push(name);
    run(dir, "dnssec-signzone", &args);
    let keys = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let texts = keys.filter(|path| {
        path.to_string_lossy().contains(&format!("K{name}.")) && path.extension().is_some_and(|e| e == "key")
    });
    let texts = texts.map(|path| std::fs::read_to_string(path).unwrap());
    let key = texts
        .into_iter()
        .find(|text| text.contains("DNSKEY 257"))
        .unwrap();
    key.lines()
        .find(|line| !line.starts_with(';'))
        .unwrap()
        .to_owned()
}

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
fn unbound(dir: &Path, ports: [u16; 3], authority: u16, anchors: &[String]) -> Killed {
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
    for zone in ["good.test", "stale.test", "plain.test"] {
        config.push_str(&format!(
            "stub-zone:\n name: {zone}\n stub-addr: 127.0.0.1@{authority}\n"
        ));
    }
    std::fs::write(dir.join("unbound.conf"), config).unwrap();
    start(dir, "unbound", &["-d", "-c", "unbound.conf"])
}

/// Everything, up and answering.
struct World {
    sandbox: Sandbox,
    authority: u16,
    old: u16,
    resolver: [u16; 3],
    _servers: Vec<Killed>,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path();
        for name in ["good.test", "stale.test", "plain.test"] {
            std::fs::write(dir.join(name), zone(name, 7)).unwrap();
        }
        std::fs::write(
            dir.join("old"),
            zone("plain.test", 5).replace("203.0.113.9", "203.0.113.66"),
        )
        .unwrap();
        let good = sign(dir, "good.test", &[]);
        let stale = sign(
            dir,
            "stale.test",
            &["-s", "20200101000000", "-e", "20200201000000"],
        );
        let (authority, old) = (free_port(), free_port());
        let resolver = [free_port(), free_port(), free_port()];
        let servers = vec![
            named(
                dir,
                authority,
                &[
                    ("good.test", "good.test.signed"),
                    ("stale.test", "stale.test.signed"),
                    ("plain.test", "plain.test"),
                ],
            ),
            named(dir, old, &[("plain.test", "old")]),
            unbound(dir, resolver, authority, &[good, stale]),
        ];
        let world = Self {
            sandbox,
            authority,
            old,
            resolver,
            _servers: servers,
        };
        for port in [authority, old] {
            world.answers(&format!(
                "name = \"pay.plain.test\"\nask = [\"auth://127.0.0.1:{port}\"]"
            ));
        }
        world.answers(&format!(
            "name = \"pay.plain.test\"\nask = [\"udp://127.0.0.1:{}\"]",
            resolver[0]
        ));
        world
    }

    fn answers(&self, lines: &str) {
        wait_for("a name server", Duration::from_secs(20), || {
            (self.look(lines).reason == "up").then_some(())
        });
    }

    #[track_caller]
    fn look(&self, lines: &str) -> Said {
        Said::of(&self.sandbox, &format!("timeout = \"3s\"\n[dns]\n{lines}\n"))
    }

    /// Asked of the resolver by datagram.
    #[track_caller]
    fn resolved(&self, name: &str, expect: &str) -> Said {
        let port = self.resolver[0];
        self.look(&format!(
            "name = \"{name}\"\nask = [\"udp://127.0.0.1:{port}\"]\n{expect}"
        ))
    }
}

#[test]
fn a_zone_and_its_faults_are_told_apart_by_real_servers() {
    let world = World::new();
    let [plain, tls, https] = world.resolver;
    let secure = "expect = [\"rcode == NOERROR\", \"dnssec == secure\", \"ttl in 30..600\", \"answers all-in 203.0.113.0/24\"]";
    world.resolved("pay.good.test", secure).is("up", "");
    world
        .resolved("pay.plain.test", secure)
        .is("assert_failed", "does not vouch for it");
    world.resolved("pay.stale.test", "").is(
        "dnssec_bogus",
        "the signature of pay.stale.test. expired on 2020-02-01",
    );
    world
        .resolved("nowhere.good.test", "")
        .is("dns_nxdomain", "NXDOMAIN");
    world
        .resolved("brief.plain.test", "expect = [\"ttl in 30..600\"]")
        .is("assert_failed", "a TTL of 5 seconds");
    world
        .resolved("pay.plain.test", "expect = [\"answers all-in 198.51.100.0/24\"]")
        .is("assert_failed", "203.0.113.9, which is in none");
    world
        .resolved("pay.plain.test", "types = [\"A\", \"AAAA\"]")
        .is("up", "");
    world
        .resolved("brief.plain.test", "types = [\"A\", \"AAAA\"]")
        .is("dns_no_address", "AAAA: 0 records");
    // Two kilobytes of text do not fit a datagram: they come over TCP.
    world
        .resolved("many.plain.test", "types = [\"TXT\"]")
        .is("up", "");

    let roots = "roots = \"dot.pem\"";
    let everywhere = format!(
        "name = \"pay.good.test\"\nask = [\"udp://127.0.0.1:{plain}\", \"tcp://127.0.0.1:{plain}\", \"tls://127.0.0.1:{tls}#dns.example.test\"]\n{roots}\nexpect = [\"resolvers agree\", \"dnssec == secure\"]"
    );
    world.look(&everywhere).is("up", "");
    world
        .look(&everywhere.replace("#dns.example.test", "#other.test"))
        .is("cert_name_mismatch", "dns.example.test");
    // The certificate is for a name, and there is none for this address.
    world.look(&format!("name = \"pay.good.test\"\nask = [\"https://127.0.0.1:{https}/dns-query\"]\n{roots}\ninsecure = true")).is("up", "");

    let both = format!(
        "ask = [\"udp://127.0.0.1:{plain}\", \"auth://127.0.0.1:{}\", \"auth://127.0.0.1:{}\"]",
        world.authority, world.old
    );
    let odd = format!("auth://127.0.0.1:{} says 203.0.113.66, but", world.old);
    world
        .look(&format!("name = \"pay.plain.test\"\n{both}"))
        .is("resolver_disagree", &odd);
    world
        .look(&format!(
            "name = \"plain.test\"\n{both}\nexpect = [\"serial lag <= 1\"]"
        ))
        .is("resolver_disagree", "serial 5, 2 behind 7");
    world
        .look(&format!(
            "name = \"plain.test\"\n{both}\nexpect = [\"serial lag <= 2\"]"
        ))
        .is("up", "");
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    world
        .look(&format!(
            "name = \"pay.plain.test\"\nask = [\"udp://127.0.0.1:{plain}\", \"udp://{silent}\"]"
        ))
        .is("dns_timeout", &silent.to_string());
}
