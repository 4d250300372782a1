//! `[dns]`: bind9 holds signed zones, each broken in a way of its own, and an old copy; unbound checks them.

use std::path::Path;
use std::time::Duration;

use super::{Said, run, start};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

/// Each in a file of its name; but for the first two, what `parent.test` vouches for (DS).
const ZONES: [&str; 8] = [
    "good.test",
    "plain.test",
    "fine.parent.test",
    "stale.parent.test",
    "early.parent.test",
    "unsigned.parent.test",
    "otherkey.parent.test",
    "tampered.parent.test",
];

/// The keys are older than the signatures that are over.
const LONG_AGO: &str = "20190101000000";

/// One zone's records; the serial is told.
fn zone(name: &str, serial: u32) -> String {
    format!(
        "$TTL 300\n@ SOA ns.{name}. admin.{name}. ({serial} 3600 600 86400 300)\n@ NS ns.{name}.\nns A 127.0.0.1\npay A 203.0.113.9\npay AAAA 2001:db8::9\nbrief 5 A 203.0.113.9\nround CNAME about\nabout CNAME round\nmany TXT \"{}\"\n",
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

/// Signs the zones below `parent.test` and breaks them, then the parent; returns the parent's trust anchor.
fn family(dir: &Path) -> String {
    sign(dir, "fine.parent.test", &[]);
    sign(
        dir,
        "stale.parent.test",
        &["-s", "20200101000000", "-e", "20200201000000"],
    );
    sign(
        dir,
        "early.parent.test",
        &["-s", "20400101000000", "-e", "20400201000000"],
    );
    // Its parent knows of keys that it does not have any more: it is signed twice, each time with new ones.
    let vouched = |name: &str| std::fs::read_to_string(dir.join(format!("dsset-{name}."))).unwrap();
    for name in ["unsigned.parent.test", "otherkey.parent.test"] {
        sign(dir, name, &[]);
    }
    let [unsigned, otherkey] = ["unsigned.parent.test", "otherkey.parent.test"].map(vouched);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("Kotherkey.") {
            std::fs::remove_file(path).unwrap();
        }
    }
    sign(dir, "otherkey.parent.test", &[]);
    sign(dir, "tampered.parent.test", &[]);
    let file = dir.join("tampered.parent.test.signed");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("203.0.113.9", "203.0.113.66")).unwrap();
    let mut text = zone("parent.test", 1);
    for name in ["fine", "stale", "early", "tampered"].map(|name| format!("{name}.parent.test")) {
        text.push_str(&format!(
            "{name}. NS ns.{name}.\nns.{name}. A 127.0.0.1\n{}",
            vouched(&name)
        ));
    }
    for (name, ds) in [("unsigned", unsigned), ("otherkey", otherkey)] {
        text.push_str(&format!("{name} NS ns.{name}\nns.{name} A 127.0.0.1\n{ds}"));
    }
    std::fs::write(dir.join("parent.test"), text).unwrap();
    sign(dir, "parent.test", &[])
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
    for zone in ZONES.iter().chain(&["parent.test"]) {
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
        for name in ZONES {
            std::fs::write(dir.join(name), zone(name, 7)).unwrap();
        }
        std::fs::write(
            dir.join("old"),
            zone("plain.test", 5).replace("203.0.113.9", "203.0.113.66"),
        )
        .unwrap();
        let good = sign(dir, "good.test", &[]);
        let parent = family(dir);
        let (authority, old) = (free_port(), free_port());
        let resolver = [free_port(), free_port(), free_port()];
        let signed = |name: &str| match name {
            "plain.test" | "unsigned.parent.test" => name.to_owned(),
            _ => format!("{name}.signed"),
        };
        let files: Vec<(&str, String)> = ZONES
            .iter()
            .chain(&["parent.test"])
            .map(|name| (*name, signed(name)))
            .collect();
        let zones: Vec<(&str, &str)> = files.iter().map(|(name, file)| (*name, file.as_str())).collect();
        let servers = vec![
            named(dir, authority, &zones),
            named(dir, old, &[("plain.test", "old")]),
            unbound(dir, resolver, authority, &[good, parent]),
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
    world.resolved("pay.fine.parent.test", secure).is("up", "");
    for (zone, words) in [
        (
            "stale",
            "the signature of pay.stale.parent.test. expired on 2020-02-01",
        ),
        (
            "early",
            "the signature of pay.early.parent.test. begins only on 2040-01-01",
        ),
        (
            "unsigned",
            "pay.unsigned.parent.test. is not signed, but should be",
        ),
        ("otherkey", "but its parent vouches for"),
        ("tampered", "bogus (EDE 6)"),
    ] {
        let name = format!("pay.{zone}.parent.test");
        world.resolved(&name, "").is("dnssec_bogus", words);
        world
            .resolved(&name, "expect = [\"answers all-in 203.0.113.0/24\"]")
            .is("dnssec_bogus", words);
    }
    // The zone's own servers check nothing, but whoever looks can see the dates.
    let authority = format!(
        "ask = [\"auth://127.0.0.1:{}\"]\nexpect = [\"dnssec == secure\"]",
        world.authority
    );
    for (name, reason, words) in [
        ("pay.good.test", "up", ""),
        ("pay.stale.parent.test", "dnssec_bogus", "expired on 2020-02-01"),
        ("pay.plain.test", "assert_failed", "it is not signed"),
    ] {
        world
            .look(&format!("name = \"{name}\"\n{authority}"))
            .is(reason, words);
    }
    world
        .look(&format!("name = \"round.plain.test\"\n{authority}"))
        .is(
            "dns_no_address",
            "round.plain.test. → about.plain.test. → round.plain.test.",
        );
    world
        .resolved("round.plain.test", "")
        .is("dns_servfail", "SERVFAIL");
    world
        .look(&format!(
            "name = \"pay.good.test\"\nask = [\"auth://127.0.0.1:{}\"]",
            world.old
        ))
        .is("dns_servfail", "it is lame: it says REFUSED");
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
        .is("dns_no_address", "no AAAA record (AAAA fails, A does not)");
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
    world.look(&format!("name = \"pay.good.test\"\nask = [\"https://127.0.0.1:{https}/dns-query\"]\n{roots}\nserver_name = \"dns.example.test\"")).is("up", "");
    world
        .look(&format!(
            "name = \"pay.good.test\"\nask = [\"https://127.0.0.1:{https}/dns-query\"]\n{roots}"
        ))
        .is("cert_name_mismatch", "dns.example.test");
    world.look(&format!("name = \"pay.good.test\"\nask = [\"https://127.0.0.1:{https}/elsewhere\"]\n{roots}\ninsecure = true")).is("http_status", "404");

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
    let nobody = free_port();
    world
        .look(&format!(
            "name = \"pay.plain.test\"\nask = [\"udp://127.0.0.1:{nobody}\"]"
        ))
        .is("connect_refused", &nobody.to_string());
}

/// Name servers listen at port 53 of loopback addresses that no other test of this machine uses.
#[test]
fn the_servers_of_a_zone_are_found_and_compared() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    let net = format!(
        "127.{}.{}",
        10 + std::process::id() % 200,
        std::process::id() / 200 % 250
    );
    if std::net::UdpSocket::bind(format!("{net}.1:53")).is_err() {
        eprintln!("skipped: only root may listen at port 53");
        return;
    }
    let text = |serial: u32, pay: &str| {
        format!(
            "$TTL 300\n@ SOA ns1 admin {serial} 3600 600 86400 300\n@ NS ns1\n@ NS ns2\nns1 A {net}.1\nns2 A {net}.2\npay A {pay}\n"
        )
    };
    std::fs::write(dir.join("new"), text(7, "203.0.113.9")).unwrap();
    std::fs::write(dir.join("old"), text(5, "203.0.113.66")).unwrap();
    std::fs::write(
        dir.join("lame"),
        text(7, "203.0.113.9").replace("@ NS ns2", "@ NS ns2\n@ NS nowhere"),
    )
    .unwrap();
    // bind9 listens at addresses of interfaces only; unbound can hold a zone at any.
    let server = |address: &str, zone: &str, file: &str| {
        let config = format!(
            "server:\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n directory: \"{0}\"\n pidfile: \"\"\n use-syslog: no\n interface: {address}@53\n module-config: \"iterator\"\n local-zone: \".\" refuse\n local-zone: \"test.\" refuse\n local-zone: \"{zone}.\" transparent\nauth-zone:\n name: {zone}\n zonefile: {file}\n for-downstream: yes\n for-upstream: no\nremote-control:\n control-enable: no\n",
            dir.display()
        );
        let name = format!("unbound-{address}.conf");
        std::fs::write(dir.join(&name), config).unwrap();
        start(dir, "unbound", &["-d", "-c", &name])
    };
    let _ns1 = server(&format!("{net}.1"), "held.test", "new");
    let ns2 = server(&format!("{net}.2"), "held.test", "old");
    // Whoever is asked for the zone's servers answers for it itself.
    let resolver = format!("udp://{net}.1");
    let look = |lines: &str| {
        Said::of(
            &sandbox,
            &format!("timeout = \"3s\"\n[dns]\nask = [\"{resolver}\", \"authoritative\"]\n{lines}\n"),
        )
    };
    let pay = "name = \"pay.held.test\"";
    let apex = "name = \"held.test\"\ntypes = [\"SOA\"]\nexpect = [\"serials agree\"]";
    wait_for("two name servers", Duration::from_secs(20), || {
        (look(pay).reason == "resolver_disagree").then_some(())
    });
    let odd = format!("ns2.held.test ({net}.2) says 203.0.113.66, but ");
    look(pay).is("resolver_disagree", &odd);
    look(apex).is(
        "resolver_disagree",
        &format!("ns2.held.test ({net}.2) has serial 5, 2 behind 7"),
    );
    look(&apex.replace("serials agree", "serial lag <= 2")).is("up", "");
    // One that does not hold the zone, and one that is gone.
    drop(ns2);
    let other = server(&format!("{net}.2"), "other.test", "lame");
    wait_for("a lame server", Duration::from_secs(20), || {
        (look(pay).message.contains("REFUSED")).then_some(())
    });
    look(pay).is("dns_servfail", &format!("ns2.held.test ({net}.2): it is lame"));
    drop(other);
    look(pay).is("connect_refused", &format!("ns2.held.test ({net}.2)"));
    let held = server(&format!("{net}.2"), "held.test", "lame");
    let alone = |lines: &str| {
        Said::of(
            &sandbox,
            &format!("timeout = \"3s\"\n[dns]\nask = [\"udp://{net}.2\", \"authoritative\"]\n{lines}\n"),
        )
    };
    wait_for(
        "a server of a zone with a lost one",
        Duration::from_secs(20),
        || (alone(pay).message.contains("nowhere")).then_some(()),
    );
    alone(pay).is(
        "dns_nxdomain",
        "the name server nowhere.held.test cannot be asked",
    );
    drop(held);
}
