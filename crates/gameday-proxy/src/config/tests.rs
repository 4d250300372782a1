//! Configuration files, good and bad.

use super::*;
use expect_test::{Expect, expect};

fn check(text: &str, expect: Expect) {
    let source = Source {
        path: "proxies.toml".into(),
        text: text.to_owned(),
    };
    match load_config(&source) {
        Ok(config) => expect.assert_debug_eq(&config.proxies),
        Err(problems) => expect.assert_eq(&Problem::draw_all(&problems)),
    }
}

#[test]
fn a_good_file_is_read() {
    check(
        "[proxy.payments-db]\nlisten = \"127.0.0.1:6432\"\nupstream = \"127.0.0.1:5432\"\n",
        expect![[r#"
            [
                ProxyEntry {
                    name: "payments-db",
                    listen: "127.0.0.1:6432",
                    upstream: "127.0.0.1:5432",
                    enabled: true,
                    options: Options {
                        protocol: Tcp,
                        tls: TlsOptions,
                        udp: UdpOptions {
                            idle: Span(
                                30s,
                            ),
                        },
                    },
                    seed: None,
                    toxics: [],
                },
            ]
        "#]],
    );
}

#[test]
fn every_problem_is_told_under_its_line() {
    check(
        r#"
[proxy.a]
listen = "127.0.0.1:6432"
upstrem = "127.0.0.1:5432"
[proxy.b]
listen = "6432"
upstream = "127.0.0.1:0"
enabled = "yes"
[proxy.c]
listen = "127.0.0.1:1"
upstream = "db:5432"
[proxy.d]
listen = "127.0.0.1:1"
upstream = "db:5432"
[api]
"#,
        expect![[r#"
            error: [proxy.a]: the key `upstream` is missing
              --> proxies.toml:2:8
              2 | [proxy.a]
                |        ^

            error: [proxy.a]: unknown key `upstrem`
              --> proxies.toml:4:1
              4 | upstrem = "127.0.0.1:5432"
                | ^^^^^^^
            hint: did you mean `upstream`?

            error: `listen` must be a host and a port, such as "127.0.0.1:5432", or a socket, such as "unix:/run/db.sock"
              --> proxies.toml:6:10
              6 | listen = "6432"
                |          ^^^^^^

            error: `upstream` must be a host and a port, such as "127.0.0.1:5432", or a socket, such as "unix:/run/db.sock"
              --> proxies.toml:7:12
              7 | upstream = "127.0.0.1:0"
                |            ^^^^^^^^^^^^^

            error: this must be `true` or `false`, not text
              --> proxies.toml:8:11
              8 | enabled = "yes"
                |           ^^^^^

            error: proxy `c` listens on `127.0.0.1:1` already
              --> proxies.toml:13:10
              13 | listen = "127.0.0.1:1"
                 |          ^^^^^^^^^^^^^

            error: unknown key `api`
              --> proxies.toml:15:2
              15 | [api]
                 |  ^^^
            hint: known here: `proxy`
        "#]],
    );
}

#[test]
fn toxics_are_read_with_all_their_keys() {
    check(
        r#"
[proxy.a]
listen = "127.0.0.1:1"
upstream = "db:5432"
seed = 42
[proxy.a.toxic.slow]
latency = { delay = "200ms", jitter = "20ms" }
stream = "upstream"
toxicity = "30%"
seed = 7
[proxy.a.toxic.none]
noop = {}
"#,
        expect![[r#"
            [
                ProxyEntry {
                    name: "a",
                    listen: "127.0.0.1:1",
                    upstream: "db:5432",
                    enabled: true,
                    options: Options {
                        protocol: Tcp,
                        tls: TlsOptions,
                        udp: UdpOptions {
                            idle: Span(
                                30s,
                            ),
                        },
                    },
                    seed: Some(
                        42,
                    ),
                    toxics: [
                        ToxicEntry {
                            name: "slow",
                            stream: Upstream,
                            toxicity: 0.3,
                            scope: Scope {
                                clients: [],
                                first: None,
                                every: None,
                                max_active: None,
                                sni: [],
                            },
                            seed: Some(
                                7,
                            ),
                            spec: Latency(
                                Latency {
                                    delay: Span(
                                        200ms,
                                    ),
                                    jitter: Span(
                                        20ms,
                                    ),
                                    distribution: Uniform,
                                    p50: None,
                                    p99: None,
                                    over: None,
                                },
                            ),
                        },
                        ToxicEntry {
                            name: "none",
                            stream: Downstream,
                            toxicity: 1.0,
                            scope: Scope {
                                clients: [],
                                first: None,
                                every: None,
                                max_active: None,
                                sni: [],
                            },
                            seed: None,
                            spec: Noop(
                                Noop,
                            ),
                        },
                    ],
                },
            ]
        "#]],
    );
}

#[test]
fn every_problem_of_a_toxic_is_told() {
    check(
        r#"
[proxy.a]
listen = "127.0.0.1:1"
upstream = "db:5432"
protocol = "udp"
[proxy.a.toxic.typo]
latncy = { delay = "200ms" }
[proxy.a.toxic.empty]
[proxy.a.toxic.two]
latency = { delay = "200ms" }
bandwidth = { rate = "1MB/s" }
[proxy.a.toxic.wrong]
latency = { delay = "200 parsecs", jiter = "1ms" }
stream = "sideways"
toxicity = 7
toxicty = "30%"
[proxy.a.toxic.unsuitable]
timeout = { after = "1s" }
[proxy.a.toxic."a/b"]
noop = {}
"#,
        expect![[r#"
            error: unknown kind `latncy`
              --> proxies.toml:7:1
              7 | latncy = { delay = "200ms" }
                | ^^^^^^
            hint: did you mean `latency`?

            error: a toxic needs a kind: what does it do?
              --> proxies.toml:8:16
              8 | [proxy.a.toxic.empty]
                |                ^^^^^
            hint: e.g. `latency = { delay = "200ms" }`

            error: a toxic is of one kind: `latency` or `bandwidth`
              --> proxies.toml:11:1
              11 | bandwidth = { rate = "1MB/s" }
                 | ^^^^^^^^^

            error: `200 parsecs` is not a length of time such as "200ms", "5s" or "1h30m" (at most 400 days)
              --> proxies.toml:13:21
              13 | latency = { delay = "200 parsecs", jiter = "1ms" }
                 |                     ^^^^^^^^^^^^^

            error: unknown key `jiter`
              --> proxies.toml:13:36
              13 | latency = { delay = "200 parsecs", jiter = "1ms" }
                 |                                    ^^^^^
            hint: did you mean `jitter`?

            error: unknown kind `sideways`
              --> proxies.toml:14:10
              14 | stream = "sideways"
                 |          ^^^^^^^^^^
            hint: known here: `upstream`, `downstream`

            error: this must be a percentage such as "99.9%", not a number
              --> proxies.toml:15:12
              15 | toxicity = 7
                 |            ^

            error: [proxy.a.toxic.wrong]: unknown key `toxicty`
              --> proxies.toml:16:1
              16 | toxicty = "30%"
                 | ^^^^^^^
            hint: did you mean `toxicity`?

            error: `timeout` cannot act on a proxy of the protocol `udp`
              --> proxies.toml:18:1
              18 | timeout = { after = "1s" }
                 | ^^^^^^^

            error: a toxic's name stands in URLs: it cannot be empty nor hold `/` or control characters
              --> proxies.toml:19:16
              19 | [proxy.a.toxic."a/b"]
                 |                ^^^^^
        "#]],
    );
}

#[track_caller]
#[test]
fn contradictions_of_tls_are_told_under_their_line() {
    check(
        r#"
[proxy.a]
listen = "127.0.0.1:1"
upstream = "pay:443"
tls.passthrough = true
toxic.old = { tls = { certificate = "expired" } }
toxic.cut = { tls = { alert = "unknown_ca" }, sni = ["pay.*"] }
[proxy.b]
listen = "127.0.0.1:2"
upstream = "pay:443"
tls.terminate = { cert = "pay.pem" }
[proxy.c]
listen = "127.0.0.1:3"
upstream = "pay:443"
protocol = "http"
tls = { passthrough = true }
[proxy.d]
listen = "127.0.0.1:4"
upstream = "pay:443"
toxic.slow = { latency = { delay = "1s" }, sni = ["pay.*"] }
"#,
        expect![[r#"
            error: `tls.certificate = "expired"` needs a proxy with `tls.terminate`
              --> proxies.toml:6:7
              6 | toxic.old = { tls = { certificate = "expired" } }
                |       ^^^

            error: `tls.terminate` needs either `cert` and `key`, or `names`
              --> proxies.toml:11:1
              11 | tls.terminate = { cert = "pay.pem" }
                 | ^^^

            error: `tls.passthrough`: no `http` can be seen in TLS that passes: terminate it
              --> proxies.toml:16:1
              16 | tls = { passthrough = true }
                 | ^^^

            error: `sni` needs a proxy that looks at TLS: give it `tls.passthrough = true`
              --> proxies.toml:20:7
              20 | toxic.slow = { latency = { delay = "1s" }, sni = ["pay.*"] }
                 |       ^^^^
        "#]],
    );
}
