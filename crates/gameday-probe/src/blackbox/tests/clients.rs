//! Clients of HTTP: what they send, through which proxy, with whose credentials, and what they look for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{check, probe, probe_as, reason};
use crate::net::Connector;
use crate::net::testing::{Authority, Server};

/// Tells what it is asked, a header a line.
async fn echo(request: Request) -> String {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000).await.unwrap();
    let headers: String = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    format!(
        "{} {}\n{headers}\n{}",
        head.method,
        head.uri,
        String::from_utf8_lossy(&body)
    )
}

/// A probe whose answer must have these words in it; `block` may hold `{dir}`.
#[track_caller]
fn wants(block: &str, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'(?m){word}'")).collect();
    format!("{block}\nfail_if_body_not_matches_regexp: [{}]", words.join(", "))
}

#[tokio::test]
async fn bodies_and_headers_come_from_the_file_or_from_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (body, header) = (file("body", "from a file"), file("header", "  filed \n"));
    let (user, password) = (file("user", "aladdin"), file("password", "open sesame\n"));
    let server = Server::app(Router::new().route("/", any(echo))).await;
    let block = format!(
        "method: PUT\nbody_file: {body}\nhttp_headers: {{X-Team: {{values: [blue], secrets: [hidden], files: [{header}]}}}}\n\
         basic_auth: {{username_file: {user}, password_file: {password}}}"
    );
    let block = wants(
        &block,
        &[
            "^PUT /$",
            "^from a file$",
            "^x-team: blue$",
            "^x-team: hidden$",
            "^x-team: filed$",
            "^authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==$",
            "^user-agent: Blackbox-Exporter/",
            "^connection: close$",
        ],
    );
    let probed = probe("http", &block, &server.address.to_string()).await;
    check(
        &probed,
        true,
        &["probe_failed_due_to_regex 0"],
        &["gameday_probe_reason"],
    );
    let gone = probe("http", "body_file: /nowhere", &server.address.to_string()).await;
    check(
        &gone,
        false,
        &["probe_http_status_code 0", &reason("cannot_look")],
        &[],
    );
}

#[tokio::test]
async fn expressions_look_into_json() {
    let server =
        Server::app(Router::new().route("/", get(|| async { r#"{"status": "up", "count": 3}"# }))).await;
    let target = server.address.to_string();
    for (block, success, failed) in [
        (
            "fail_if_body_json_not_matches_cel: body.status == 'up' && body.count > 2",
            true,
            0,
        ),
        (
            "fail_if_body_json_not_matches_cel: body.status == 'down'",
            false,
            1,
        ),
        ("fail_if_body_json_matches_cel: body.count == 3", false, 1),
        ("fail_if_body_json_matches_cel: body.count == 4", true, 0),
        ("fail_if_body_json_matches_cel: body.missing == 4", false, 1),
    ] {
        let probed = probe("http", block, &target).await;
        check(
            &probed,
            success,
            &[&format!("probe_failed_due_to_cel {failed}")],
            &[],
        );
    }
    let plain = probe("http", "", &target).await;
    check(&plain, true, &[], &["probe_failed_due_to_cel"]);
}

/// Takes one request with a whole URL, or opens a tunnel for one CONNECT; then it is what it was told.
async fn proxy(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let place = head.split(' ').nth(1).unwrap();
    if !head.contains("proxy-authorization: Basic dTpw\r\n") {
        stream
            .write_all(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
            .await
            .ok();
        return;
    }
    if head.starts_with("CONNECT") {
        let mut upstream = TcpStream::connect(place).await.unwrap();
        let status = if head.contains("x-tunnel: t\r\n") {
            "200 OK"
        } else {
            "400 No x-tunnel"
        };
        stream
            .write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        tokio::io::copy_bidirectional(&mut stream, &mut upstream)
            .await
            .ok();
        return;
    }
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
    stream.write_all(answer.as_bytes()).await.ok();
}

#[tokio::test]
async fn requests_go_through_a_proxy_and_tls_through_its_tunnel() {
    let via = Server::raw(proxy).await;
    let authority = Authority::new();
    let site = Server::tls(authority.server("127.0.0.1", 2020..2099)).await;
    let block = format!(
        "proxy_url: http://u:p@{}\nproxy_connect_header: {{x-tunnel: [t]}}",
        via.address
    );
    let target = "http://127.0.0.1:1/path?a=b";
    let plain = probe(
        "http",
        &wants(&block, &[r"^GET http://127\.0\.0\.1:1/path\?a=b HTTP/1\.1"]),
        target,
    )
    .await;
    check(&plain, true, &[], &[]);
    let config = super::config("http", &block);
    let secured = probe_as(
        &config,
        &format!("https://{}", site.address),
        None,
        &authority.connector(),
    )
    .await;
    check(
        &secured,
        true,
        &["probe_http_ssl 1", "probe_http_status_code 200"],
        &[],
    );
    let unknown = format!("proxy_url: http://{}", via.address);
    let refused = probe("http", &unknown, &format!("https://{}", site.address)).await;
    check(
        &refused,
        false,
        &["probe_http_status_code 0", &reason("http_status")],
        &[],
    );
    // Without a name to look up, nothing is said of addresses.
    let skipping = format!("{block}\nskip_resolve_phase_with_proxy: true");
    let skipped = probe("http", &skipping, "http://nowhere.invalid/").await;
    check(&skipped, true, &[], &["probe_ip_protocol"]);
    let direct = format!("{block}\nno_proxy: 127.0.0.0/8");
    let direct = probe("http", &direct, "http://127.0.0.1:1/").await;
    check(&direct, false, &[&reason("connect_refused")], &[]);
}

#[tokio::test]
async fn a_token_is_fetched_once_and_stays_at_home() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let token = move |headers: HeaderMap, body: String| {
        count.fetch_add(1, Ordering::Relaxed);
        // "id" and "secret".
        let known = headers["authorization"] == "Basic aWQ6c2VjcmV0";
        let asked = body == "grant_type=client_credentials&scope=a+b&audience=x";
        let status = if known && asked {
            StatusCode::OK
        } else {
            StatusCode::BAD_REQUEST
        };
        async move { (status, r#"{"access_token": "t0ken", "expires_in": 3600}"#) }
    };
    let elsewhere = Server::app(Router::new().route("/", any(echo))).await;
    let away = Redirect::temporary(&elsewhere.url("/").replace("127.0.0.1", "localhost"));
    let app = Router::new()
        .route("/token", post(token))
        .route("/", any(echo))
        .route("/here", any(|| async { Redirect::temporary("/") }))
        .route("/away", any(move || async move { away.clone() }));
    let server = Server::app(app).await;
    let block = format!(
        "preferred_ip_protocol: ip4\noauth2: {{client_id: id, client_secret: secret, scopes: [a, b], token_url: '{}', endpoint_params: {{audience: x}}}}",
        server.url("/token")
    );
    let with = super::config("http", &wants(&block, &["^authorization: Bearer t0ken$"]));
    for path in ["/", "/here"] {
        let probed = probe_as(&with, &server.url(path), None, &Connector::default()).await;
        check(&probed, true, &[], &[]);
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    // Theirs would send it to whomever a redirect names.
    let without = format!("{block}\nfail_if_body_matches_regexp: ['t0ken']");
    let probed = probe("http", &without, &server.url("/away")).await;
    check(&probed, true, &["probe_http_redirects 1"], &[]);
}

#[tokio::test]
async fn a_large_body_is_looked_through_without_being_kept() {
    let body = || async {
        let mut body = "nothing to see here\n".repeat(250_000);
        body.push_str("needle");
        body
    };
    let server = Server::app(Router::new().route("/", get(body))).await;
    let target = server.address.to_string();
    let found = probe("http", "fail_if_body_not_matches_regexp: ['need+le$']", &target).await;
    let length = "probe_http_uncompressed_body_length 5.000006e+06";
    check(&found, true, &[length, "probe_failed_due_to_regex 0"], &[]);
    let limited = probe("http", "body_size_limit: 1MB", &target).await;
    let length = "probe_http_uncompressed_body_length 1.048576e+06";
    check(&limited, false, &[length, &reason("body_too_large")], &[]);
}
