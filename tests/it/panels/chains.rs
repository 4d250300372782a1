//! `[tls]`: what authorities may not sign, dates of minutes, and whom a name is for, before `openssl s_server`.

use std::path::Path;
use std::time::Duration;

use super::{Said, run, start};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

/// An authority below the root and a leaf below it, each with lines of its own.
struct Chain<'a> {
    dir: &'a Path,
    number: usize,
    /// The bits of the authority's key and of the leaf's.
    bits: (u16, u16),
}

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const NAMES: &str = "subjectAltName=DNS:shop.test\n";

impl Chain<'_> {
    fn openssl(&self, args: &str) {
        run(self.dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    }

    /// A certificate of these lines, valid for these `-days` or so, signed by an authority of ours.
    fn sign(&self, name: &str, by: &str, bits: u16, (lines, how): (&str, &str)) {
        std::fs::write(self.dir.join("ext"), lines).unwrap();
        self.openssl(&format!(
            "req -newkey rsa:{bits} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -extfile ext {how} -out {name}.pem"
        ));
    }

    /// Serves a leaf with the authority between it and the root.
    fn serve(&mut self, authority: (&str, &str), leaf: (&str, &str)) -> (Killed, u16) {
        self.number += 1;
        let (between, name) = (format!("between{}", self.number), format!("leaf{}", self.number));
        self.sign(&between, "ca", self.bits.0, authority);
        self.sign(&name, &between, self.bits.1, leaf);
        self.start(&format!(
            "-cert {name}.pem -key {name}.key -cert_chain {between}.pem -cipher ALL:@SECLEVEL=0"
        ))
    }

    fn start(&self, how: &str) -> (Killed, u16) {
        let port = free_port();
        let args = format!("s_server -accept 127.0.0.1:{port} -quiet {how}");
        let server = start(self.dir, "openssl", &args.split(' ').collect::<Vec<_>>());
        wait_for("openssl s_server", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        (server, port)
    }
}

#[test]
fn each_way_in_which_a_chain_may_not_be_has_its_reason() {
    let sandbox = Sandbox::new();
    let mut chain = Chain {
        dir: sandbox.path(),
        number: 0,
        bits: (2048, 2048),
    };
    chain.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    let look = |port: u16, name: &str| {
        let name = match name {
            "" => String::new(),
            name => format!("server_name = \"{name}\"\n"),
        };
        let text = format!("timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nroots = \"ca.pem\"\n{name}");
        Said::of(&sandbox, &text)
    };
    let days = "-days 300";
    let constrained = format!("{CA}nameConstraints=critical,permitted;DNS:other.test\n");
    let clients = format!("{NAMES}extendedKeyUsage=clientAuth\n");
    for (authority, leaf, reason, words) in [
        ((CA, days), (NAMES, days), "up", ""),
        (
            (CA, "-days -1"),
            (NAMES, days),
            "cert_expired",
            "`CN=between2` in its chain expired",
        ),
        (
            (CA, "-days 300 -sha1"),
            (NAMES, days),
            "cert_weak_signature",
            "SHA-1",
        ),
        (
            (constrained.as_str(), days),
            (NAMES, days),
            "cert_untrusted",
            "name constraints",
        ),
        (
            ("basicConstraints=critical,CA:FALSE\n", days),
            (NAMES, days),
            "cert_untrusted",
            "no authority's",
        ),
        (
            (
                "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n",
                days,
            ),
            (NAMES, days),
            "cert_untrusted",
            "`CN=between6` in its chain may not sign certificates (key usage)",
        ),
        (
            (CA, days),
            (clients.as_str(), days),
            "cert_untrusted",
            "extended key usage",
        ),
        ((CA, days), (CA, days), "cert_untrusted", ""),
    ] {
        let (_server, port) = chain.serve(authority, leaf);
        look(port, "shop.test").is(reason, words);
    }
}

#[test]
fn a_key_that_is_too_small_has_one_reason_in_a_panel_and_in_a_flow() {
    let sandbox = Sandbox::new();
    let mut chain = Chain {
        dir: sandbox.path(),
        number: 0,
        bits: (2048, 2048),
    };
    chain.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    for (bits, subject) in [((2048, 1024), "CN=leaf1"), ((1024, 2048), "CN=between2")] {
        chain.bits = bits;
        let (_server, port) = chain.serve((CA, "-days 300"), (NAMES, "-days 300"));
        let trust = "server_name = \"shop.test\"\nroots = \"ca.pem\"\n";
        let words = format!("`{subject}`: its RSA key has only 1024 bits");
        let panel = format!("timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\n{trust}");
        Said::of(&sandbox, &panel).is("cert_weak_signature", &words);
        let flow = format!(
            "timeout = \"20s\"\n[[step]]\nname = \"a\"\nget = \"https://127.0.0.1:{port}/\"\n{trust}"
        );
        Said::of(&sandbox, &flow).is("cert_weak_signature", &words);
    }
}

#[test]
fn a_chain_that_is_expected_to_be_complete_is_looked_at_even_where_none_is_trusted() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    let chain = Chain {
        dir,
        number: 0,
        bits: (2048, 2048),
    };
    chain.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    chain.sign("intermediate", "ca", 2048, (CA, "-days 300"));
    chain.sign("leaf", "intermediate", 2048, (NAMES, "-days 300"));
    let (_alone, port) = chain.start("-cert leaf.pem -key leaf.key");
    let at = |port: u16| {
        format!("timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\n")
    };
    let any = "roots = \"ca.pem\"\ninsecure = true\n";
    let complete = "expect = [\"chain complete\"]\n";
    Said::of(&sandbox, &format!("{}{any}", at(port))).is("up", "");
    let words = "the server did not send `CN=intermediate`";
    Said::of(&sandbox, &format!("{}{any}{complete}", at(port))).is("cert_chain_incomplete", words);
    let (_whole, port) = chain.start("-cert leaf.pem -key leaf.key -cert_chain intermediate.pem");
    Said::of(&sandbox, &format!("{}{any}{complete}", at(port))).is("up", "");
}

#[test]
fn whom_a_certificate_is_for_is_told_by_the_rules_of_names() {
    let sandbox = Sandbox::new();
    let mut chain = Chain {
        dir: sandbox.path(),
        number: 0,
        bits: (2048, 2048),
    };
    chain.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    let names = "subjectAltName=DNS:*.shop.test,DNS:xn--bcher-kva.test,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1\n";
    let (_server, port) = chain.serve((CA, "-days 300"), (names, "-days 300"));
    let look = |name: &str| {
        let name = match name {
            "" => String::new(),
            name => format!("server_name = \"{name}\"\n"),
        };
        let text = format!("timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nroots = \"ca.pem\"\n{name}");
        Said::of(&sandbox, &text)
    };
    // RFC 9525, 6.3: a wildcard stands for one label, the leftmost one; an address is compared with addresses.
    for name in ["", "pay.shop.test", "PAY.Shop.test", "xn--bcher-kva.test", "::1"] {
        look(name).is("up", "");
    }
    for name in ["shop.test", "a.pay.shop.test", "127.0.0.2", "shop.test.example"] {
        look(name).is("cert_name_mismatch", "but for *.shop.test");
    }
}

#[test]
fn a_certificate_of_the_future_is_not_yet_valid_by_minutes() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    let chain = Chain {
        dir,
        number: 0,
        bits: (2048, 2048),
    };
    chain.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Root -days 3000");
    std::fs::create_dir(dir.join("db")).unwrap();
    std::fs::write(dir.join("db/index"), "").unwrap();
    std::fs::write(dir.join("db/serial"), "1000\n").unwrap();
    std::fs::write(dir.join("ext"), format!("[leaf]\n{NAMES}")).unwrap();
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=db/index\nserial=db/serial\nnew_certs_dir=db\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n";
    std::fs::write(dir.join("ca.cnf"), config).unwrap();
    chain.openssl("req -newkey rsa:2048 -nodes -keyout soon.key -out soon.csr -subj /CN=soon");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let soon = soon.strftime("%Y%m%d%H%M%SZ");
    chain.openssl(&format!(
        "ca -config ca.cnf -batch -notext -in soon.csr -cert ca.pem -keyfile ca.key -extfile ext -extensions leaf -startdate {soon} -enddate 20450101000000Z -out soon.pem"
    ));
    let (_server, port) = chain.start("-cert soon.pem -key soon.key");
    let text = format!(
        "timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n"
    );
    Said::of(&sandbox, &text).is("cert_not_yet_valid", " minutes, from 2");
    // A flow says the same of it.
    let text = format!(
        "[[step]]\nname = \"a\"\nget = \"https://127.0.0.1:{port}/\"\nserver_name = \"shop.test\"\nroots = \"ca.pem\"\n"
    );
    Said::of(&sandbox, &text).is("cert_not_yet_valid", "");
}
