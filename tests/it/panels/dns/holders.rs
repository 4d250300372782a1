//! A zone's own servers: found by its NS records, and compared.

use std::time::Duration;

use super::{Said, start};
use crate::support::{Sandbox, wait_for};

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
