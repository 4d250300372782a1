//! Ways to write a server.

use expect_test::{Expect, expect};

use super::Server;

fn check(text: &str, expect: Expect) {
    let said = match Server::parse(text) {
        Ok(server) => format!("{:?} authority={}", server.way, server.is_authority),
        Err(wrong) => wrong,
    };
    expect.assert_eq(&said);
}

#[test]
fn servers_are_taken_apart() {
    check(
        "udp://127.0.0.1:5301",
        expect![[r#"Udp { host: "127.0.0.1", port: 5301 } authority=false"#]],
    );
    check(
        "9.9.9.9",
        expect![[r#"Udp { host: "9.9.9.9", port: 53 } authority=false"#]],
    );
    check(
        "tcp://[2620:fe::fe]:53",
        expect![[r#"Tcp { host: "2620:fe::fe", port: 53 } authority=false"#]],
    );
    check(
        "udp://2620:fe::fe",
        expect![[r#"Udp { host: "2620:fe::fe", port: 53 } authority=false"#]],
    );
    check(
        "tls://127.0.0.1:8853#dns.example.test",
        expect![[r#"Tls { host: "127.0.0.1", port: 8853, name: "dns.example.test" } authority=false"#]],
    );
    check(
        "tls://dns.example",
        expect![[r#"Tls { host: "dns.example", port: 853, name: "dns.example" } authority=false"#]],
    );
    check(
        "auth://ns1.example",
        expect![[r#"Udp { host: "ns1.example", port: 53 } authority=true"#]],
    );
    check(
        "quic://9.9.9.9",
        expect!["`quic://` is no way to ask a name server"],
    );
    check("udp://:53", expect!["`:53` names no host"]);
    check("udp://a:99999", expect!["`a:99999` has no usable port"]);
}
