//! What single probers refuse.

use expect_test::expect;

use super::{check, check_block};

#[test]
fn a_name_must_be_asked_for_and_classes_and_types_exist() {
    check_block(
        "dns",
        "preferred_ip_protocol: ip6",
        expect![[r#"
        error: query name must be set for DNS module
          --> blackbox.yml:4:5
          4 |     dns:
            |     ^^^
        hint: add `query_name`, the name that the server is asked for
    "#]],
    );
    check(
        "modules:\n  m: {prober: dns}\n",
        expect![[r#"
        error: query name must be set for DNS module
          --> blackbox.yml:2:15
          2 |   m: {prober: dns}
            |               ^^^
        hint: add `query_name`, the name that the server is asked for
    "#]],
    );
    check_block(
        "dns",
        "query_name: a.test\nquery_class: X",
        expect![[r#"
        error: query class 'X' is not valid
          --> blackbox.yml:6:20
          6 |       query_class: X
            |                    ^
        hint: known here: `IN`, `CH`, `HS`, `NONE`, `ANY`
    "#]],
    );
    check_block(
        "dns",
        "query_name: a.test\nquery_type: X",
        expect![[r#"
        error: query type 'X' is not valid
          --> blackbox.yml:6:19
          6 |       query_type: X
            |                   ^
        hint: for example A, AAAA, MX, NS, SOA, TXT, ANY
    "#]],
    );
    check_block(
        "dns",
        "query_name: a.test\nvalidate_answer_rrs: {fail_if_matches_regexp: ['(']}",
        expect![[r#"
        error: `(` is not a regular expression: unclosed group
          --> blackbox.yml:6:54
          6 |       validate_answer_rrs: {fail_if_matches_regexp: ['(']}
            |                                                      ^^^
    "#]],
    );
}

#[test]
fn header_matchers_need_a_header_and_a_pattern() {
    check_block(
        "http",
        "fail_if_header_matches:\n  - header: Server",
        expect![[r#"
        error: regexp must be set for HTTP header matchers
          --> blackbox.yml:6:11
          6 |         - header: Server
            |           ^^^^^^^^^^^^^^
    "#]],
    );
    check_block(
        "http",
        "fail_if_header_not_matches:\n  - regexp: nginx\n  - header: Server\n    regexp: ''",
        expect![[r#"
        error: header name must be set for HTTP header matchers
          --> blackbox.yml:6:11
          6 |         - regexp: nginx
            |           ^^^^^^^^^^^^^

        error: regexp must be set for HTTP header matchers
          --> blackbox.yml:7:11
          7 |         - header: Server
            |           ^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn patterns_must_compile_wherever_they_stand() {
    check_block(
        "http",
        "fail_if_body_matches_regexp: [':[']",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:5:37
          5 |       fail_if_body_matches_regexp: [':[']
            |                                     ^^^^
    "#]],
    );
    check_block(
        "http",
        "fail_if_body_not_matches_regexp:\n  - fine\n  - ':['",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:7:11
          7 |         - ':['
            |           ^^^^
    "#]],
    );
    check_block(
        "http",
        "fail_if_header_not_matches: [{header: A, regexp: ':['}]",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:5:56
          5 |       fail_if_header_not_matches: [{header: A, regexp: ':['}]
            |                                                        ^^^^
    "#]],
    );
    check_block(
        "tcp",
        "query_response: [{expect: ':['}]",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:5:33
          5 |       query_response: [{expect: ':['}]
            |                                 ^^^^
    "#]],
    );
    check_block(
        "unix",
        "query_response: [{expect: ':['}]",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:5:33
          5 |       query_response: [{expect: ':['}]
            |                                 ^^^^
    "#]],
    );
    check_block(
        "websocket",
        "query_response: [{expect: ':['}]",
        expect![[r#"
        error: `:[` is not a regular expression: unclosed character class
          --> blackbox.yml:5:33
          5 |       query_response: [{expect: ':['}]
            |                                 ^^^^
    "#]],
    );
    check_block(
        "http",
        "fail_if_body_json_matches_cel: 'other.status == 1'",
        expect![[r#"
        error: this is not a CEL expression over `body`: it knows no `other`
          --> blackbox.yml:5:38
          5 |       fail_if_body_json_matches_cel: 'other.status == 1'
            |                                      ^^^^^^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn compression_and_the_header_must_agree() {
    check_block(
        "http",
        "compression: gzip\nheaders: {Accept-Encoding: deflate}",
        expect![[r#"
        error: invalid configuration "Accept-Encoding: deflate", "compression: gzip"
          --> blackbox.yml:6:16
          6 |       headers: {Accept-Encoding: deflate}
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: the header must accept what `compression` expects
    "#]],
    );
    check_block(
        "http",
        "compression: gzip\nheaders: {accEpt-enCoding: deflate}",
        expect![[r#"
        error: invalid configuration "accEpt-enCoding: deflate", "compression: gzip"
          --> blackbox.yml:6:16
          6 |       headers: {accEpt-enCoding: deflate}
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: the header must accept what `compression` expects
    "#]],
    );
    check_block(
        "http",
        "compression: gzip\nheaders: {Accept-Encoding: '*;q=0.0'}",
        expect![[r#"
        error: invalid configuration "Accept-Encoding: *;q=0.0", "compression: gzip"
          --> blackbox.yml:6:16
          6 |       headers: {Accept-Encoding: '*;q=0.0'}
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: the header must accept what `compression` expects
    "#]],
    );
}

#[test]
fn http3_stands_alone() {
    check_block(
        "http",
        "enable_http3: true\nenable_http2: true\nvalid_http_versions: [HTTP/1.1, HTTP/2.0, HTTP/3.0]",
        expect![[r#"
            error: when `enable_http3` is true, `enable_http2` must be set to false
              --> blackbox.yml:5:21
              5 |       enable_http3: true
                |                     ^^^^

            error: HTTP/3 and HTTP/2.0/1.1 cannot be used together: only `HTTP/3.0` is allowed when `enable_http3` is true
              --> blackbox.yml:7:28
              7 |       valid_http_versions: [HTTP/1.1, HTTP/2.0, HTTP/3.0]
                |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
    check_block(
        "http",
        "enable_http3: true",
        expect![[r#"
        error: when `enable_http3` is true, `enable_http2` must be set to false
          --> blackbox.yml:5:21
          5 |       enable_http3: true
            |                     ^^^^
    "#]],
    );
    check_block(
        "http",
        "enable_http3: true\nenable_http2: false\nvalid_http_versions: [HTTP/2.0]",
        expect![[r#"
        error: HTTP/3 and HTTP/2.0/1.1 cannot be used together: only `HTTP/3.0` is allowed when `enable_http3` is true
          --> blackbox.yml:7:28
          7 |       valid_http_versions: [HTTP/2.0]
            |                            ^^^^^^^^^^
    "#]],
    );
}

#[test]
fn a_ttl_is_a_byte_and_a_body_stands_in_one_place() {
    check_block(
        "icmp",
        "ttl: -1",
        expect![[r#"
        error: "ttl" cannot be negative
          --> blackbox.yml:5:12
          5 |       ttl: -1
            |            ^^
    "#]],
    );
    check_block(
        "icmp",
        "ttl: 256",
        expect![[r#"
        error: "ttl" cannot exceed 255
          --> blackbox.yml:5:12
          5 |       ttl: 256
            |            ^^^
    "#]],
    );
    check_block(
        "icmp",
        "ttl: many",
        expect![[r#"
        error: `ttl` takes a whole number, not `many`
          --> blackbox.yml:5:12
          5 |       ttl: many
            |            ^^^^
    "#]],
    );
    check_block(
        "http",
        "body: a\nbody_file: b",
        expect![[r#"
        error: setting body and body_file both are not allowed
          --> blackbox.yml:6:18
          6 |       body_file: b
            |                  ^
    "#]],
    );
    check_block(
        "tcp",
        "query_response: [{expect: a, expect_bytes: b}]",
        expect![[r#"
        error: at most one of `expect` and `expect_bytes` may be set
          --> blackbox.yml:5:24
          5 |       query_response: [{expect: a, expect_bytes: b}]
            |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
}
