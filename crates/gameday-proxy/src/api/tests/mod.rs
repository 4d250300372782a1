//! The API byte for byte, over a socket, against what Toxiproxy was seen to answer.

mod defects;
mod nonsense;
mod populate;
mod v1;

use std::net::SocketAddr;

use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::testing::soon;
use crate::{ProxyConfig, ServeError, Settings, serve};

/// A server of its own on a free port; dropping the set ends it.
async fn server() -> (SocketAddr, JoinSet<Result<(), ServeError>>) {
    let (ready, address) = oneshot::channel();
    let mut tasks = JoinSet::new();
    let api = "127.0.0.1:0".parse().unwrap();
    tasks.spawn(serve(
        Settings::new(ProxyConfig::default(), api),
        |at| ready.send(at).unwrap(),
        std::future::pending(),
    ));
    (address.await.unwrap(), tasks)
}

async fn raw(api: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(api).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn ask(api: SocketAddr, line: &str, headers: &str) -> String {
    let (method, rest) = line.split_once(' ').unwrap();
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n{headers}");
    raw(api, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

/// Asks line by line, `METHOD PATH [BODY]`, and tells status, content type and body of each answer.
async fn check(requests: &str, expect: Expect) {
    let (api, _tasks) = server().await;
    let mut told = String::new();
    for line in requests.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let answer = ask(api, line, "").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let kind = head
            .lines()
            .find_map(|header| header.strip_prefix("content-type: "))
            .unwrap_or("-");
        let status = head.split(' ').nth(1).unwrap();
        told += format!("{status} {kind} {}", settled(body)).trim_end();
        told += "\n";
    }
    expect.assert_eq(&told);
}

/// A body on one line, without what differs from run to run.
fn settled(body: &str) -> String {
    let mut text = body.replace('\n', "\\n");
    for (what, word) in [
        (r"127\.0\.0\.1:[0-9]{5}", "127.0.0.1:PORT"),
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "TIME"),
        (r#""expires_in_ms":[0-9]+"#, r#""expires_in_ms":LEFT"#),
    ] {
        text = regex::Regex::new(what)
            .unwrap()
            .replace_all(&text, word)
            .into_owned();
    }
    text
}

#[tokio::test]
async fn proxies_are_made_read_changed_and_deleted() {
    check(
        r#"
        GET /version
        GET /proxies
        POST /proxies {"name":"a","upstream":"db:5432","enabled":false,"listen":"localhost:0","unknown":1}
        POST /proxies {"NAME":"a","Upstream":"db:5432"} trailing
        GET /proxies/a
        PATCH /proxies/a {"upstream":"db:1"}
        POST /proxies/a {"upstream":"db:2"}
        GET /proxies
        DELETE /proxies/a
        DELETE /proxies/a
        GET /proxies/a
        PATCH /proxies/a {}
        "#,
        expect![[r#"
            200 application/json;charset=utf-8 {"version": "2.12.0"}\n
            200 application/json {}
            201 application/json {"name":"a","listen":"localhost:0","upstream":"db:5432","enabled":false,"toxics":[]}
            409 text/plain; charset=utf-8 {"error":"proxy already exists","status":409}\n
            200 application/json {"name":"a","listen":"localhost:0","upstream":"db:5432","enabled":false,"toxics":[]}
            200 application/json {"name":"a","listen":"localhost:0","upstream":"db:1","enabled":false,"toxics":[]}
            200 application/json {"name":"a","listen":"localhost:0","upstream":"db:2","enabled":false,"toxics":[]}
            200 application/json {"a":{"name":"a","listen":"localhost:0","upstream":"db:2","enabled":false,"toxics":[]}}
            204 -
            404 text/plain; charset=utf-8 {"error":"proxy not found","status":404}\n
            404 text/plain; charset=utf-8 {"error":"proxy not found","status":404}\n
            404 text/plain; charset=utf-8 {"error":"proxy not found","status":404}\n
        "#]],
    )
    .await;
}

#[tokio::test]
async fn bad_proxies_are_refused_in_toxiproxys_words() {
    check(
        r#"
        POST /proxies
        POST /proxies {"name":
        POST /proxies []
        POST /proxies {"name":5}
        POST /proxies null
        POST /proxies {"name":"a"}
        POST /proxies {"name":"a","upstream":"db:1","enabled":"yes"}
        POST /proxies {"name":"a","upstream":"db:1","listen":"nonsense"}
        POST /proxies {"name":"a","upstream":"db:1","listen":"192.0.2.1:5"}
        GET /proxies
        "#,
        expect![[r#"
            400 text/plain; charset=utf-8 {"error":"bad request body: EOF","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: unexpected EOF","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal array into an object","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal number into field `name` of type string","status":400}\n
            400 text/plain; charset=utf-8 {"error":"missing required field: name","status":400}\n
            400 text/plain; charset=utf-8 {"error":"missing required field: upstream","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal string into field `enabled` of type bool","status":400}\n
            500 text/plain; charset=utf-8 {"error":"listen tcp: address nonsense: missing port in address","status":500}\n
            500 text/plain; charset=utf-8 {"error":"listen tcp 192.0.2.1:5: bind: cannot assign requested address","status":500}\n
            200 application/json {}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn toxics_are_made_read_changed_and_deleted() {
    check(
        r#"
        POST /proxies {"name":"a","upstream":"db:1","enabled":false}
        GET /proxies/a/toxics
        POST /proxies/a/toxics {"type":"latency","attributes":{"latency":100}}
        POST /proxies/a/toxics {"type":"bandwidth","stream":"UPSTREAM","toxicity":0.3,"attributes":{"rate":5}}
        GET /proxies/a
        PATCH /proxies/a/toxics/latency_downstream {"attributes":{"jitter":7},"toxicity":7,"name":"x","stream":"upstream"}
        POST /proxies/a/toxics/latency_downstream {"attributes":{"latency":777,"jitter":-1}}
        GET /proxies/a/toxics/latency_downstream
        DELETE /proxies/a/toxics/latency_downstream
        DELETE /proxies/a/toxics/latency_downstream
        GET /proxies/a/toxics
        GET /proxies/b/toxics
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[]}
            200 application/json []
            200 application/json {"attributes":{"jitter":0,"latency":100},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}
            200 application/json {"attributes":{"rate":5},"name":"bandwidth_UPSTREAM","type":"bandwidth","stream":"UPSTREAM","toxicity":0.3}
            200 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[{"attributes":{"rate":5},"name":"bandwidth_UPSTREAM","type":"bandwidth","stream":"UPSTREAM","toxicity":0.3},{"attributes":{"jitter":0,"latency":100},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]}
            200 application/json {"attributes":{"jitter":7,"latency":100},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":7}
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `jitter` must be a whole number from 0 to 86400000, not -1","status":400}\n
            200 application/json {"attributes":{"jitter":7,"latency":100},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":7}
            204 -
            404 text/plain; charset=utf-8 {"error":"toxic not found","status":404}\n
            200 application/json [{"attributes":{"rate":5},"name":"bandwidth_UPSTREAM","type":"bandwidth","stream":"UPSTREAM","toxicity":0.3}]
            404 text/plain; charset=utf-8 {"error":"proxy not found","status":404}\n
        "#]],
    )
    .await;
}

#[tokio::test]
async fn bad_toxics_are_refused_in_toxiproxys_words() {
    check(
        r#"
        POST /proxies {"name":"a","upstream":"db:1","enabled":false}
        POST /proxies/b/toxics nonsense
        POST /proxies/a/toxics nonsense
        POST /proxies/a/toxics {"type":"nonsense","stream":"sideways"}
        POST /proxies/a/toxics {"type":"nonsense"}
        POST /proxies/a/toxics {"type":"timeout","name":"t","attributes":{"timeout":1}}
        POST /proxies/a/toxics {"type":"timeout","name":"t","stream":"upstream"}
        POST /proxies/a/toxics {"type":"bandwidth","attributes":{"rate":-1}}
        POST /proxies/a/toxics {"type":"latency","attributes":{"latency":1.5}}
        POST /proxies/a/toxics {"type":"latency","attributes":{"jitter":4611686018427387904}}
        POST /proxies/a/toxics {"type":"latency","attributes":{"latency":"15"}}
        POST /proxies/a/toxics {"type":"latency","toxicity":"all"}
        GET /proxies/a/toxics
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[]}
            404 text/plain; charset=utf-8 {"error":"proxy not found","status":404}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: expected ident at line 1 column 2","status":400}\n
            400 text/plain; charset=utf-8 {"error":"stream was invalid, can be either upstream or downstream","status":400}\n
            400 text/plain; charset=utf-8 {"error":"invalid toxic type","status":400}\n
            200 application/json {"attributes":{"timeout":1},"name":"t","type":"timeout","stream":"downstream","toxicity":1}
            409 text/plain; charset=utf-8 {"error":"toxic already exists","status":409}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `rate` must be a whole number from 0 to 1000000000, not -1","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `latency` must be a whole number from 0 to 86400000, not 1.5","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `jitter` must be a whole number from 0 to 86400000, not 4611686018427387904","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `latency` must be a whole number from 0 to 86400000, not \"15\"","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal string into field `toxicity` of type number","status":400}\n
            200 application/json [{"attributes":{"timeout":1},"name":"t","type":"timeout","stream":"downstream","toxicity":1}]
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_router_answers_at_its_edges_as_gos_does() {
    check(
        "
        GET /nothing
        GET /proxies/
        GET //proxies
        PUT /proxies
        OPTIONS /version
        POST /reset
        POST /populate []
        GET /metrics
        GET /proxies/a%2Fb
        ",
        expect![[r#"
            404 text/plain; charset=utf-8 404 page not found\n
            404 text/plain; charset=utf-8 404 page not found\n
            301 -
            405 -
            405 -
            204 -
            201 application/json {"proxies":null}
            200 text/plain; version=0.0.4 # HELP gameday_proxy_leases Leases that last.\n# TYPE gameday_proxy_leases gauge\ngameday_proxy_leases 0\n# HELP gameday_proxy_leased_faults Faults in place under a lease.\n# TYPE gameday_proxy_leased_faults gauge\ngameday_proxy_leased_faults 0\n# HELP gameday_proxy_log_lines_dropped_total Lines of the log that nobody read in time.\n# TYPE gameday_proxy_log_lines_dropped_total counter\ngameday_proxy_log_lines_dropped_total 0\n
            404 text/plain; charset=utf-8 404 page not found\n
        "#]],
    )
    .await;
}

#[tokio::test]
async fn leases_are_refused_in_plain_words() {
    check(
        r#"
        GET /v1/leases/a
        DELETE /v1/leases/a
        POST /v1/leases/a/faults {"name":"f","proxy":"p","enabled":false}
        PUT /v1/leases/a {}
        PUT /v1/leases/a {"ttl_ms":0}
        PUT /v1/leases/a {"ttl_ms":15000,"until":"later"}
        PUT /v1/leases/a%0A {"ttl_ms":15000}
        POST /proxies {"name":"p","upstream":"db:1","enabled":false}
        POST /v1/leases/a/faults nonsense
        GET /v1/leases/a/faults
        "#,
        expect![[r#"
            404 application/json {"error":"lease not found","status":404}\n
            404 application/json {"error":"lease not found","status":404}\n
            404 application/json {"error":"lease not found","status":404}\n
            400 application/json {"error":"bad request body: missing field `ttl_ms` at line 1 column 2","status":400}\n
            400 application/json {"error":"`ttl_ms` must be from 1 to 3600000, not 0","status":400}\n
            400 application/json {"error":"bad request body: `until`: unknown field `until`, expected `ttl_ms` at line 1 column 23","status":400}\n
            400 application/json {"error":"`owner` must be 1 to 200 bytes without `/` and control characters","status":400}\n
            201 application/json {"name":"p","listen":"","upstream":"db:1","enabled":false,"toxics":[]}
            400 application/json {"error":"bad request body: expected ident at line 1 column 2","status":400}\n
            405 -
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_leased_toxic_is_refused_to_whoever_would_change_it() {
    let (api, _tasks) = server().await;
    for line in [
        r#"POST /proxies {"name":"p","upstream":"db:1","enabled":false}"#,
        r#"PUT /v1/leases/drill {"ttl_ms":60000}"#,
        r#"POST /v1/leases/drill/faults {"name":"f","proxy":"p","toxic":{"type":"latency","attributes":{"latency":9}}}"#,
    ] {
        let answer = ask(api, line, "").await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
    let before = ask(api, "GET /proxies/p/toxics/f", "").await;
    for method in ["PATCH", "POST"] {
        let line = format!(r#"{method} /proxies/p/toxics/f {{"toxicity":0,"attributes":{{"latency":0}}}}"#);
        let answer = ask(api, &line, "").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 409") && head.contains("content-type: text/plain; charset=utf-8"),
            "{head}"
        );
        assert_eq!(
            body,
            "{\"error\":\"toxic belongs to the lease `drill`\",\"status\":409}\n"
        );
    }
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let after = ask(api, "GET /proxies/p/toxics/f", "").await;
    assert_eq!(body(&after), body(&before));
}

#[tokio::test]
async fn browsers_and_foreign_hosts_are_refused() {
    let (api, _tasks) = server().await;
    let mozilla = ask(api, "GET /proxies", "User-Agent: Mozilla/5.0\r\n").await;
    assert!(
        mozilla.starts_with("HTTP/1.1 403") && mozilla.ends_with("User agent not allowed\n"),
        "{mozilla}"
    );
    assert!(
        ask(api, "GET /x", "User-Agent: Mozilla/5.0\r\n")
            .await
            .starts_with("HTTP/1.1 404")
    );
    let origin = ask(api, "GET /proxies", "Origin: http://evil.example\r\n").await;
    assert!(
        origin.starts_with("HTTP/1.1 403") && origin.contains(r#""status":403}"#),
        "{origin}"
    );
    let rebound = raw(
        api,
        "GET /proxies HTTP/1.1\r\nHost: evil.example:8474\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        rebound.starts_with("HTTP/1.1 403") && rebound.contains("content-type: application/json"),
        "{rebound}"
    );
    let good = ask(api, "GET /proxies", "").await;
    let id = good
        .lines()
        .find_map(|line| line.strip_prefix("x-toxiproxy-request-id: "))
        .unwrap();
    assert_eq!(id.len(), 20);
}

#[tokio::test]
async fn an_ephemeral_port_is_told_and_a_taken_one_named() {
    let (api, _tasks) = server().await;
    let made = ask(
        api,
        r#"POST /proxies {"name":"a","upstream":"db:1","listen":"localhost:0"}"#,
        "",
    )
    .await;
    assert!(
        made.contains(r#""listen":"127.0.0.1:"#) && !made.contains(r#"127.0.0.1:0""#),
        "{made}"
    );
    let taken = ask(
        api,
        &format!(r#"POST /proxies {{"name":"b","upstream":"db:1","listen":"{api}"}}"#),
        "",
    )
    .await;
    assert!(taken.starts_with("HTTP/1.1 500"), "{taken}");
    assert!(
        taken.contains(&format!("listen tcp {api}: bind: address already in use")),
        "{taken}"
    );
}
