//! Toxiproxy's own file.

use expect_test::{Expect, expect};
use gameday_core::{Problem, Source};

use crate::config::load_config;

fn check_json(text: &str, expect: Expect) {
    let source = Source {
        path: "toxiproxy.json".into(),
        text: text.to_owned(),
    };
    match load_config(&source) {
        Ok(config) => expect.assert_debug_eq(&config.proxies),
        Err(problems) => expect.assert_eq(&Problem::draw_all(&problems)),
    }
}

#[test]
fn toxiproxys_own_file_is_read_unchanged() {
    check_json(
        r#"[{
  "name": "shopify_test_redis_master",
  "listen": "127.0.0.1:22220",
  "upstream": "127.0.0.1:6379",
  "enabled": true
}, { "Name": "b", "Listen": "[::]:22221", "Upstream": "db:1", "enabled": false, "whatever": {} }]
"#,
        expect![[r#"
            [
                ProxyEntry {
                    name: "shopify_test_redis_master",
                    listen: "127.0.0.1:22220",
                    upstream: "127.0.0.1:6379",
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
                ProxyEntry {
                    name: "b",
                    listen: "[::]:22221",
                    upstream: "db:1",
                    enabled: false,
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
fn the_problems_of_toxiproxys_file_are_told_with_their_place() {
    check_json(
        "[{\"name\": \"a\",\n  \"upstream\": oops }]\n",
        expect![[r#"
        error: expected value
          --> toxiproxy.json:2:15
          2 |   "upstream": oops }]
            |               ^
        hint: it must be an array of proxies, as Toxiproxy's is
    "#]],
    );
    check_json(
        "{\"name\": \"a\"}",
        expect![[r#"
        error: invalid type: map, expected a sequence
          --> toxiproxy.json:1:1
          1 | {"name": "a"}
            | ^
        hint: it must be an array of proxies, as Toxiproxy's is
    "#]],
    );
    check_json(
        "",
        expect![[r#"
        error: EOF while parsing a value
          --> toxiproxy.json:1:1
          1 | 
            | ^
        hint: it must be an array of proxies, as Toxiproxy's is
    "#]],
    );
    check_json(
        r#"[{ "upstream": "db:1" }, { "name": "a" }, { "name": "b", "upstream": "db:1", "enabled": 1 }, 7,
            { "name": "c", "upstream": "db:1" }, { "name": "c", "upstream": "db:1" }, { "name": "a/b", "upstream": "db:1" }]"#,
        expect![[r#"
            error: proxy 1: missing required field: name
              --> toxiproxy.json

            error: proxy 2: missing required field: upstream
              --> toxiproxy.json

            error: proxy 3: json: cannot unmarshal number into field `enabled` of type bool
              --> toxiproxy.json

            error: proxy 4: json: cannot unmarshal number into an object
              --> toxiproxy.json

            error: proxy 6: there is a proxy `c` already
              --> toxiproxy.json

            error: proxy 7: a name stands in URLs: it cannot hold `/` or control characters
              --> toxiproxy.json
        "#]],
    );
}
