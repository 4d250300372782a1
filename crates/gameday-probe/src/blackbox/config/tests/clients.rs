//! What the clients of HTTP and TLS refuse.

use expect_test::expect;

use super::check_block;

#[test]
fn who_asks_is_said_once_and_its_line_is_not_shown() {
    check_block(
        "http",
        "bearer_token: hunter2\nbearer_token_file: f",
        expect![[r#"
        error: at most one of `bearer_token` and `bearer_token_file` may be set
          --> blackbox.yml:6:26
          6 | (not shown: it holds what may be secret)
            |                          ^
    "#]],
    );
    check_block(
        "http",
        "basic_auth: {username: u, password: hunter2, password_file: f}",
        expect![[r#"
        error: at most one of `password` and `password_file` may be set
          --> blackbox.yml:5:67
          5 | (not shown: it holds what may be secret)
            |                                                                   ^
    "#]],
    );
    check_block(
        "http",
        "basic_auth: {username: u}\nauthorization: {credentials: hunter2}",
        expect![[r#"
        error: at most one of `basic_auth` and `authorization` may be set
          --> blackbox.yml:6:7
          6 | (not shown: it holds what may be secret)
            |       ^
    "#]],
    );
    check_block(
        "http",
        "authorization: {type: Basic, credentials: hunter2}",
        expect![[r#"
        error: authorization's `type` cannot be `basic`
          --> blackbox.yml:5:29
          5 | (not shown: it holds what may be secret)
            |                             ^
        hint: use `basic_auth` with `username` and `password`
    "#]],
    );
    check_block(
        "http",
        "oauth2: {client_secret: hunter2}",
        expect![[r#"
        error: oauth2: the key `client_id` is missing
          --> blackbox.yml:5:7
          5 | (not shown: it holds what may be secret)
            |       ^

        error: oauth2: the key `token_url` is missing
          --> blackbox.yml:5:7
          5 | (not shown: it holds what may be secret)
            |       ^
    "#]],
    );
    check_block(
        "websocket",
        "http_config: {bearer_token: '  '}",
        expect![[r#"
        error: `bearer_token` cannot be empty or whitespace only
          --> blackbox.yml:5:35
          5 | (not shown: it holds what may be secret)
            |                                   ^
    "#]],
    );
    check_block(
        "websocket",
        "http_config: {basic_auth: {username: u}}",
        expect![[r#"
        error: both username and password must be set for websocket basic_auth
          --> blackbox.yml:5:21
          5 |       http_config: {basic_auth: {username: u}}
            |                     ^^^^^^^^^^
    "#]],
    );
    check_block(
        "websocket",
        "http_config: {basic_auth: {password: hunter2}}",
        expect![[r#"
        error: both username and password must be set for websocket basic_auth
          --> blackbox.yml:5:21
          5 | (not shown: it holds what may be secret)
            |                     ^
    "#]],
    );
}

#[test]
fn headers_have_names_and_values_that_can_be_sent() {
    check_block(
        "websocket",
        "headers: {\"X-Test\\nHeader\": {values: [a]}}",
        expect![[r#"
        error: `X-Test\nHeader` cannot be the name of a header
          --> blackbox.yml:5:17
          5 |       headers: {"X-Test\nHeader": {values: [a]}}
            |                 ^^^^^^^^^^^^^^^^
    "#]],
    );
    check_block(
        "websocket",
        "headers: {X-Test: {values: [\"a\\nb\"]}}",
        expect![[r#"
        error: a value of the header `X-Test` has characters that a header cannot have
          --> blackbox.yml:5:17
          5 |       headers: {X-Test: {values: ["a\nb"]}}
            |                 ^^^^^^
    "#]],
    );
    check_block(
        "websocket",
        "headers: {\"X-Test\\x01\": {values: [a]}}",
        expect![[r#"
        error: `X-Test\u{1}` cannot be the name of a header
          --> blackbox.yml:5:17
          5 |       headers: {"X-Test\x01": {values: [a]}}
            |                 ^^^^^^^^^^^^
    "#]],
    );
    check_block(
        "http",
        "headers: {\"X Y\": a}",
        expect![[r#"
        error: `X Y` cannot be sent as a header
          --> blackbox.yml:5:16
          5 | (not shown: it holds what may be secret)
            |                ^
    "#]],
    );
    check_block(
        "http",
        "http_headers: {Authorization: {values: [a]}}",
        expect![[r#"
        error: the header `Authorization` may not be set here: the client sets it itself
          --> blackbox.yml:5:21
          5 | (not shown: it holds what may be secret)
            |                     ^
    "#]],
    );
}

#[test]
fn trust_is_typed_once_and_a_key_has_its_certificate() {
    check_block(
        "tcp",
        "tls_config: {ca: a, ca_file: b}",
        expect![[r#"
        error: at most one of `ca` and `ca_file` may be set
          --> blackbox.yml:5:36
          5 | (not shown: it holds what may be secret)
            |                                    ^
    "#]],
    );
    check_block(
        "tcp",
        "tls_config: {cert_file: a}",
        expect![[r#"
        error: a client cert needs its key: set `key` or `key_file` too
          --> blackbox.yml:5:7
          5 |       tls_config: {cert_file: a}
            |       ^^^^^^^^^^
    "#]],
    );
    check_block(
        "tcp",
        "tls_config: {min_version: TLS14}",
        expect![[r#"
        error: `min_version` is one of TLS10, TLS11, TLS12, TLS13, not `TLS14`
          --> blackbox.yml:5:33
          5 |       tls_config: {min_version: TLS14}
            |                                 ^^^^^
    "#]],
    );
}

#[test]
fn a_proxy_is_named_once() {
    check_block(
        "http",
        "proxy_from_environment: true\nproxy_url: http://a.test",
        expect![[r#"
        error: with `proxy_from_environment`, `proxy_url` may not be set
          --> blackbox.yml:5:31
          5 |       proxy_from_environment: true
            |                               ^^^^
    "#]],
    );
    check_block(
        "http",
        "no_proxy: a.test",
        expect![[r#"
        error: `no_proxy` needs a `proxy_url`
          --> blackbox.yml:5:17
          5 |       no_proxy: a.test
            |                 ^^^^^^
    "#]],
    );
    check_block(
        "http",
        "proxy_url: 'socks5://u:hunter2@a.test'",
        expect![[r#"
        error: proxies are spoken to over http and https, not `socks5`
          --> blackbox.yml:5:18
          5 | (not shown: it holds what may be secret)
            |                  ^
    "#]],
    );
    check_block(
        "http",
        "proxy_url: 'not a url hunter2'",
        expect![[r#"
        error: this is not a URL: relative URL without a base
          --> blackbox.yml:5:18
          5 | (not shown: it holds what may be secret)
            |                  ^
    "#]],
    );
}
