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

            error: `listen` must be a host and a port, such as "127.0.0.1:5432"
              --> proxies.toml:6:10
              6 | listen = "6432"
                |          ^^^^^^

            error: `upstream` must be a host and a port, such as "127.0.0.1:5432"
              --> proxies.toml:7:12
              7 | upstream = "127.0.0.1:0"
                |            ^^^^^^^^^^^^^

            error: invalid type: string "yes", expected a boolean
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
