//! What may stand in a file and what may not, and how it is told.

mod clients;
mod probers;
mod shape;

use expect_test::{Expect, expect};
use gameday_core::{Problem, Source};

use super::Config;

fn load(text: &str) -> Result<Config, String> {
    let source = Source {
        path: "blackbox.yml".into(),
        text: text.into(),
    };
    Config::load(&source).map_err(|problems| Problem::draw_all(&problems))
}

/// The problems of a file.
#[track_caller]
fn check(text: &str, expect: Expect) {
    match load(text) {
        Ok(_) => panic!("this was taken:\n{text}"),
        Err(told) => expect.assert_eq(&told),
    }
}

/// The problems of a module's block.
#[track_caller]
fn check_block(prober: &str, block: &str, expect: Expect) {
    let indented: String = block.lines().map(|line| format!("      {line}\n")).collect();
    check(
        &format!("modules:\n  m:\n    prober: {prober}\n    {prober}:\n{indented}"),
        expect,
    );
}

#[track_caller]
fn check_good(text: &str) -> Config {
    load(text).unwrap_or_else(|told| panic!("{told}"))
}

/// One module a prober, and every key that a module of it takes.
const EVERYTHING: &str = r#"
modules:
  web: &web
    prober: http
    timeout: 5s
    http:
      valid_status_codes: [200, 204]
      valid_http_versions: [HTTP/1.1, HTTP/2.0]
      method: POST
      headers: { Accept-Encoding: "gzip, br;q=0.5", X-Number: 5 }
      body: '{"a": 1}'
      compression: gzip
      body_size_limit: 10MB
      follow_redirects: false
      fail_if_not_ssl: true
      fail_if_body_matches_regexp: ["(?i)error", '^\s*$']
      fail_if_body_not_matches_regexp: [ok]
      fail_if_body_json_matches_cel: body.status == "down"
      fail_if_body_json_not_matches_cel: body.status == "up"
      fail_if_header_matches: [{ header: Set-Cookie, regexp: .*, allow_missing: true }]
      fail_if_header_not_matches: [{ header: Server, regexp: nginx }]
      preferred_ip_protocol: ip4
      ip_protocol_fallback: no
      skip_resolve_phase_with_proxy: true
      enable_http2: false
      basic_auth: { username: u, password: hunter2 }
      tls_config: { ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: a.test, min_version: TLS12 }
      proxy_url: http://u:hunter2@proxy.test:3128
      no_proxy: 10.0.0.0/8
      proxy_connect_header: { X-Token: [hunter2] }
      http_headers: { X-Team: { values: [a], secrets: [hunter2], files: [h.txt] } }
  same-but-slower: { <<: *web, timeout: 1m30s }
  token: { prober: http, http: { authorization: { type: Token, credentials: hunter2 } } }
  bearer: { prober: http, http: { bearer_token_file: t } }
  oauth:
    prober: http
    http:
      oauth2: { client_id: i, client_secret: hunter2, token_url: "http://t.test/", scopes: [a], endpoint_params: { audience: x } }
  upload: { prober: http, http: { method: PUT, body_file: f, no_follow_redirects: true } }
  quick: { prober: http, http: { enable_http3: true, enable_http2: false, valid_http_versions: [HTTP/3.0] } }
  smtp:
    prober: tcp
    tcp:
      source_ip_address: 127.0.0.1
      query_response:
        - expect: "^220 ([^ ]+) ESMTP"
          labels: [{ name: server, value: "${1}" }]
        - send: "EHLO prober\r"
        - starttls: true
        - expect_bytes: "250"
      tls_config: { insecure_skip_verify: true }
  ping: { prober: icmp, icmp: { payload_size: 100, dont_fragment: true, ttl: 5 } }
  soa:
    prober: dns
    dns:
      query_name: example.test
      query_type: SOA
      query_class: IN
      transport_protocol: tcp
      dns_over_tls: true
      recursion_desired: false
      valid_rcodes: [NOERROR, NXDOMAIN]
      validate_answer_rrs: { fail_if_matches_regexp: [a], fail_if_none_matches_regexp: [b] }
      validate_authority_rrs: { fail_if_all_match_regexp: [c] }
      validate_additional_rrs: { fail_if_not_matches_regexp: [d] }
  health: { prober: grpc, grpc: { service: s, tls: true, metadata: { x-a: [b, c] } } }
  local: { prober: unix, unix: { query_response: [{ send: PING }] } }
  live:
    prober: websocket
    websocket:
      http_config: { bearer_token: hunter2 }
      headers: { X-A: { values: [b] } }
      query_response: [{ expect: "hello (.*)", send: "${1}" }]
"#;

#[test]
fn every_key_is_known_and_no_secret_is_told_again() {
    let config = check_good(EVERYTHING);
    let told = config.tell();
    assert!(!told.contains("hunter2"), "{told}");
    for name in config.names() {
        let module = config.module(name).unwrap();
        assert!(
            !module.tell().contains("hunter2") && !format!("{module:?}").contains("hunter2"),
            "{name}"
        );
    }
    assert_eq!(
        config
            .module("same-but-slower")
            .unwrap()
            .timeout
            .unwrap()
            .as_secs(),
        90
    );
}

#[test]
fn defaults_are_filled_in_as_theirs_are() {
    let config = check_good("modules:\n  web:\n    prober: http\n    http:\n");
    expect![[r#"
        modules:
            web:
                prober: http
                http:
                    ip_protocol_fallback: true
                    follow_redirects: true
                    enable_http2: true
                tcp:
                    ip_protocol_fallback: true
                icmp:
                    ip_protocol_fallback: true
                    ttl: 64
                dns:
                    ip_protocol_fallback: true
                    recursion_desired: true
    "#]]
    .assert_eq(&config.tell());
    let web = config.module("web").unwrap();
    assert_eq!((web.kind(), web.timeout), ("http", None));
}

#[test]
fn what_is_told_of_a_module_has_its_secrets_masked() {
    let config = check_good(EVERYTHING);
    let told = |name: &str| {
        let module = config.module(name).unwrap().tell();
        module.split("tcp:\n").next().unwrap_or_default().to_owned()
    };
    expect![[r#"
        prober: http
        timeout: 5s
        http:
          valid_status_codes:
          - 200
          - 204
          valid_http_versions:
          - HTTP/1.1
          - HTTP/2.0
          preferred_ip_protocol: ip4
          skip_resolve_phase_with_proxy: true
          fail_if_not_ssl: true
          method: POST
          headers:
            Accept-Encoding: gzip, br;q=0.5
            X-Number: "5"
          fail_if_body_matches_regexp:
          - (?i)error
          - ^\s*$
          fail_if_body_not_matches_regexp:
          - ok
          fail_if_body_json_matches_cel: body.status == "down"
          fail_if_body_json_not_matches_cel: body.status == "up"
          fail_if_header_matches:
          - header: Set-Cookie
            regexp: .*
            allow_missing: true
          fail_if_header_not_matches:
          - header: Server
            regexp: nginx
          body: '{"a": 1}'
          basic_auth:
            username: u
            password: <secret>
          proxy_url: http://u:xxxxx@proxy.test:3128
          no_proxy: 10.0.0.0/8
          proxy_connect_header:
            X-Token:
            - <secret>
          tls_config:
            ca_file: ca.pem
            cert_file: c.pem
            key_file: k.pem
            server_name: a.test
            insecure_skip_verify: false
            min_version: TLS12
          follow_redirects: false
          enable_http2: false
          http_headers:
            X-Team:
              values:
              - a
              secrets:
              - <secret>
              files:
              - h.txt
          compression: gzip
          body_size_limit: 10MiB
    "#]]
    .assert_eq(&told("web"));
    expect![[r#"
        prober: http
        http:
          ip_protocol_fallback: true
          authorization:
            type: Bearer
            credentials_file: t
          follow_redirects: true
          enable_http2: true
    "#]]
    .assert_eq(&told("bearer"));
}
