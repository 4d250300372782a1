//! What is wrong with a zone, a resolver or the way there, and the reason that is told.

use super::world::World;
use crate::support::ports::free_port;

#[test]
fn a_zone_and_its_faults_are_told_apart_by_real_servers() {
    let world = World::new();
    signatures_are_checked(&world);
    dates_are_told_of_the_zones_own_servers(&world);
    answers_are_judged(&world);
    the_way_may_be_encrypted(&world);
    several_are_compared(&world);
}

fn signatures_are_checked(world: &World) {
    let secure = "expect = [\"rcode == NOERROR\", \"dnssec == secure\", \"ttl in 30..600\", \"answers all-in 203.0.113.0/24\"]";
    world.resolved("pay.good.test", secure).is("up", "");
    world
        .resolved("pay.plain.test", secure)
        .is("assert_failed", "does not vouch for it");
    world.resolved("pay.fine.parent.test", secure).is("up", "");
    // Without a DS at its parent the chain of trust ends there: no lie, and no proof.
    world.resolved("pay.island.parent.test", "").is("up", "");
    world
        .resolved("pay.island.parent.test", secure)
        .is("assert_failed", "does not vouch for it");
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
}

/// The zone's own servers check nothing, but whoever looks can see the dates.
fn dates_are_told_of_the_zones_own_servers(world: &World) {
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
        .look(&format!(
            "name = \"pay.good.test\"\nask = [\"auth://127.0.0.1:{}\"]",
            world.old
        ))
        .is("dns_servfail", "it is lame: it says REFUSED");
}

fn answers_are_judged(world: &World) {
    world
        .resolved("round.plain.test", "")
        .is("dns_servfail", "SERVFAIL");
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
}

fn the_way_may_be_encrypted(world: &World) {
    let [plain, tls, https] = world.resolver;
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
}

fn several_are_compared(world: &World) {
    let [plain, ..] = world.resolver;
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
