//! What modules become, whole; the verdicts of both are compared beside real servers in tests/it/blackbox.

use std::path::Path;

use expect_test::{Expect, expect};
use gameday_core::Source;

use super::blackbox;
use crate::import::Imported;

fn import(yml: &str, targets: &[&str]) -> Result<Imported, String> {
    let source = Source {
        path: "blackbox.yml".into(),
        text: yml.to_owned(),
    };
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    let imported = blackbox(&source, &[], &targets, Path::new("/etc/prometheus"));
    imported.map_err(|problems| problems.iter().map(|one| format!("{one}\n")).collect())
}

#[track_caller]
fn check(yml: &str, targets: &[&str], expect: Expect) {
    let imported = import(yml, targets).unwrap_or_else(|told| panic!("{told}"));
    let mut said = String::new();
    for file in &imported.files {
        said.push_str(&format!("---- {}.toml\n{}", file.stem, file.text));
    }
    for left_out in &imported.left_out {
        said.push_str(&format!(
            "{}: {}: {}\n",
            left_out.line(yml),
            left_out.what,
            left_out.why
        ));
    }
    expect.assert_eq(&said);
}

#[test]
fn http() {
    check(
        r#"
modules:
  api:
    prober: http
    timeout: 4s
    http:
      preferred_ip_protocol: ip4
      ip_protocol_fallback: false
      method: POST
      headers:
        Host: api.example.test
        X-Api-Key: hunter2
        X-Team: blue
      body: '{"password": "hunter3"}'
      valid_status_codes: [200, 201]
      valid_http_versions: [HTTP/1.1, HTTP/2.0]
      fail_if_not_ssl: true
      fail_if_body_not_matches_regexp: ['"a/b"', 'x{2}', '\{\{']
      fail_if_header_matches: [{ header: X-Debug, regexp: '.+', allow_missing: true }]
      fail_if_header_not_matches: [{ header: Server, regexp: '^nginx' }]
      fail_if_body_json_matches_cel: body.a == 1
      basic_auth: { username: canary, password: hunter4 }
      proxy_url: http://user:hunter5@proxy:3128
      tls_config: { ca_file: ca.pem, max_version: TLS12 }
      compression: gzip
      enable_http2: false
"#,
        &["https://192.0.2.1/pay", "https://192.0.2.1/other"],
        expect![[r#"
            ---- api-192.0.2.1.toml
            # The module `api` of blackbox.yml before https://192.0.2.1/pay
            every = "60s"
            timeout = "4s"

            [secrets]
            x_api_key = { env = "API_X_API_KEY" }
            body = { env = "API_BODY" }
            password = { env = "API_PASSWORD" }

            [http]
            family = "ip4"

            [[step]]
            name = "post"
            post = "https://192.0.2.1/pay"
            body = "{{secret.body}}"
            auth = { basic = { user = "canary", password = "{{secret.password}}" } }
            follow = 10
            version = "1.1"
            max_body = "1GiB"
            server_name = "api.example.test"
            roots = "/etc/prometheus/ca.pem"
            expect = [
                "status in [200, 201]",
                "version in [1.1, 2]",
                'url startsWith "https://"',
                "header Server matches /^nginx/",
                'body matches /"a\/b"/',
                "body matches /x{2}/",
                'body matches /\x7B\x7B/',
                'header Content-Encoding == "gzip"',
            ]
            [step.headers]
            Host = "api.example.test"
            X-Api-Key = "{{secret.x_api_key}}"
            X-Team = "blue"
            Accept-Encoding = "gzip"
            ---- api-192.0.2.1-2.toml
            # The module `api` of blackbox.yml before https://192.0.2.1/other
            every = "60s"
            timeout = "4s"

            [secrets]
            x_api_key = { env = "API_X_API_KEY" }
            body = { env = "API_BODY" }
            password = { env = "API_PASSWORD" }

            [http]
            family = "ip4"

            [[step]]
            name = "post"
            post = "https://192.0.2.1/other"
            body = "{{secret.body}}"
            auth = { basic = { user = "canary", password = "{{secret.password}}" } }
            follow = 10
            version = "1.1"
            max_body = "1GiB"
            server_name = "api.example.test"
            roots = "/etc/prometheus/ca.pem"
            expect = [
                "status in [200, 201]",
                "version in [1.1, 2]",
                'url startsWith "https://"',
                "header Server matches /^nginx/",
                'body matches /"a\/b"/',
                "body matches /x{2}/",
                'body matches /\x7B\x7B/',
                'header Content-Encoding == "gzip"',
            ]
            [step.headers]
            Host = "api.example.test"
            X-Api-Key = "{{secret.x_api_key}}"
            X-Team = "blue"
            Accept-Encoding = "gzip"
            11: api: headers: a secret: the header `X-Api-Key` is expected in the environment variable API_X_API_KEY
            14: api: body: a secret: the whole body is expected in the environment variable API_BODY
            19: api: allow_missing: here a header that is looked at must be there
            21: api: fail_if_body_json_matches_cel: there is no CEL here; `json $.path == …` looks into JSON
            22: api: password: a secret: what stands there is expected in the environment variable API_PASSWORD
            23: api: proxy_url: a probe goes straight to its target
            24: api: max_version: TLS 1.2 and 1.3 are spoken here, whichever the server prefers; `[check.tls]` tells what it would speak
        "#]],
    );
}

#[test]
fn streams() {
    check(
        r#"
modules:
  irc:
    prober: tcp
    tcp:
      query_response:
        - send: "NICK prober"
        - expect: "PING :([^ ]+)"
          send: "PONG $1 {x} ${1}"
        - send: "PASS hunter2"
        - expect_bytes: "OK"
        - send: "{{literally}}"
        - expect: "^:[^ ]+ 001"
          labels: [{ name: who, value: "${1}" }]
  smtp:
    prober: tcp
    timeout: 5s
    tcp:
      source_ip_address: 192.0.2.9
      query_response: [{ expect: "^220" }, { starttls: true }]
      tls_config: { server_name: mail.example.test, insecure_skip_verify: true }
"#,
        &["irc.example.test:6667"],
        expect![[r#"
            ---- irc-irc.example.test.toml
            # The module `irc` of blackbox.yml before irc.example.test:6667
            every = "60s"
            timeout = "10s"

            [secrets]
            send = { env = "IRC_SEND" }

            [tcp]
            address = "irc.example.test:6667"
            talk = [
                { send = "NICK prober\n" },
                { expect = "/(?mR)PING :([^ ]+)/" },
                { send = "PONG ${1} {x} ${1}\n" },
                { send = "{{secret.send}}\n" },
                { expect_base64 = "T0s=" },
                { send_base64 = "e3tsaXRlcmFsbHl9fQo=" },
                { expect = "/(?mR)^:[^ ]+ 001/" },
            ]
            ---- smtp-irc.example.test.toml
            # The module `smtp` of blackbox.yml before irc.example.test:6667
            every = "60s"
            timeout = "5s"

            [tcp]
            address = "irc.example.test:6667"
            source = "192.0.2.9"
            server_name = "mail.example.test"
            insecure = true
            talk = [
                { expect = "/(?mR)^220/" },
                { starttls = true },
            ]
            10: irc: send: a secret: what is sent is expected in the environment variable IRC_SEND
            14: irc: labels: what was heard is evidence here, and no metric
        "#]],
    );
}

#[test]
fn the_others() {
    check(
        r#"
modules:
  live: { prober: websocket, websocket: { http_config: { authorization: { credentials_file: t } }, query_response: [{ expect: "^hello$", send: "bye" }] } }
  health: { prober: grpc, grpc: { service: shop, tls: true, metadata: { x-a: [one, two], authorization: [hunter2] } } }
  ask:
    prober: dns
    dns:
      query_name: www.example.test
      query_type: A
      transport_protocol: tcp
      dns_over_tls: true
      tls_config: { server_name: dns.example.test, ca_file: /ca.pem }
      valid_rcodes: [NOERROR, NXDOMAIN]
      validate_answer_rrs: { fail_if_not_matches_regexp: ['192.0.2'] }
  ping: { prober: icmp, icmp: { payload_size: 1000, dont_fragment: true, source_ip_address: 192.0.2.9 } }
  local: { prober: unix }
"#,
        &["ws://192.0.2.1/live", "192.0.2.1:853"],
        expect![[r#"
            ---- ask-192.0.2.1.toml
            # The module `ask` of blackbox.yml before 192.0.2.1:853
            every = "60s"
            timeout = "10s"

            [dns]
            name = "www.example.test"
            types = ["A"]
            ask = ["tls://192.0.2.1:853#dns.example.test"]
            roots = "/ca.pem"
            expect = ["rcode in [NOERROR, NXDOMAIN]"]
            ---- health-192.0.2.1.toml
            # The module `health` of blackbox.yml before 192.0.2.1:853
            every = "60s"
            timeout = "10s"

            [secrets]
            authorization = { env = "HEALTH_AUTHORIZATION" }

            [grpc]
            address = "192.0.2.1:853"
            service = "shop"
            tls = true
            metadata = { x-a = ["one", "two"], authorization = ["{{secret.authorization}}"] }
            ---- live-192.0.2.1.toml
            # The module `live` of blackbox.yml before ws://192.0.2.1/live
            every = "60s"
            timeout = "10s"

            [secrets]
            token = { env = "LIVE_TOKEN" }

            [websocket]
            url = "ws://192.0.2.1/live"
            headers = { Authorization = "Bearer {{secret.token}}" }
            talk = [
                { expect = "/^hello$/" },
                { send = "bye" },
            ]
            ---- ping-192.0.2.1.toml
            # The module `ping` of blackbox.yml before 192.0.2.1:853
            every = "60s"
            timeout = "10s"

            [icmp]
            host = "192.0.2.1"
            size = 1000
            dont_fragment = true
            3: live of 192.0.2.1:853: a target of WebSockets begins with `ws://` or `wss://`
            3: live: credentials_file: a secret: what `t` holds is expected in the environment variable LIVE_TOKEN
            4: health of ws://192.0.2.1/live: `ws://` is no address of gRPC
            4: health: metadata: a secret: the metadata `authorization` is expected in the environment variable HEALTH_AUTHORIZATION
            5: ask of ws://192.0.2.1/live: `ws://192.0.2.1/live` has no usable port
            14: ask: validate_answer_rrs: records are not compared as lines here; `answers contain …`, `answers all-in …` and `ttl in …` look at them
            15: ping of ws://192.0.2.1/live: a target of ICMP is a host
            15: ping: source_ip_address: echo requests leave from the system's own address
            16: local of ws://192.0.2.1/live: there is no probe for `prober: unix` here
            16: local of 192.0.2.1:853: there is no probe for `prober: unix` here
        "#]],
    );
}

#[test]
fn what_is_wrong_is_told_without_the_line_of_a_secret() {
    let told = import(
        "modules:\n  a: { prober: unix, unix: { tls_config: { key: hunter2 } } }\n",
        &["x"],
    )
    .unwrap_err();
    assert!(!told.contains("hunter2"), "{told}");
    let nothing = import("modules: { a: { prober: http } }\n", &[]).unwrap_err();
    assert!(nothing.contains("--target https://example.org"), "{nothing}");
    let told = import(
        "modules: { a: { prober: http } }\n",
        &["ftp://x", "http://u:p@x/"],
    )
    .unwrap_err();
    assert!(
        told.contains("`ftp://` is no URL of HTTP") && told.contains("`basic_auth` says who asks"),
        "{told}"
    );
}
