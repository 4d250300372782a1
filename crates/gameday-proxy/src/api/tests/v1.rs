//! `/v1` for proxies and toxics: everything is said, and a slip is told with its field.

use super::*;

#[tokio::test]
async fn proxies_are_made_read_changed_and_deleted_with_all_they_have() {
    check(
        r#"
        GET /v1/proxies/a
        POST /v1/proxies {"name":"a","upstream":"db:1","enabled":false,"protocol":"http","seed":7}
        PATCH /v1/proxies/a {"protocol":"tcp","seed":8,"upstream":"db:2"}
        PATCH /v1/proxies/a {}
        PATCH /v1/proxies/a {"enabled":true,"listen":"127.0.0.1:0"}
        DELETE /v1/proxies/a
        DELETE /v1/proxies/a
        PATCH /v1/proxies/a {}
        "#,
        expect![[r#"
            404 application/json {"error":"proxy not found","status":404}\n
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"protocol":"http","tls":{},"seed":7,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            200 application/json {"name":"a","listen":"","upstream":"db:2","enabled":false,"protocol":"tcp","tls":{},"seed":8,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            200 application/json {"name":"a","listen":"","upstream":"db:2","enabled":false,"protocol":"tcp","tls":{},"seed":8,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            200 application/json {"name":"a","listen":"127.0.0.1:PORT","upstream":"db:2","enabled":true,"protocol":"tcp","tls":{},"seed":8,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            204 -
            404 application/json {"error":"proxy not found","status":404}\n
            404 application/json {"error":"proxy not found","status":404}\n
        "#]],
    )
    .await;
}

#[tokio::test]
async fn toxics_tell_what_they_have_done_and_whose_they_are() {
    check(
        r#"
        POST /v1/proxies {"name":"a","upstream":"db:1","enabled":false,"seed":7}
        POST /v1/proxies/a/toxics {"type":"latency","stream":"upstream","toxicity":0.5,"seed":9,"attributes":{"latency":5}}
        GET /v1/proxies/a/toxics/latency_upstream
        PATCH /v1/proxies/a/toxics/latency_upstream {"toxicity":1,"attributes":{"jitter":2}}
        PUT /v1/leases/drill {"ttl_ms":60000}
        POST /v1/leases/drill/faults {"name":"f","proxy":"a","toxic":{"type":"timeout"}}
        GET /v1/proxies/a/toxics
        PATCH /v1/proxies/a/toxics/f {"toxicity":0.5}
        DELETE /v1/proxies/a/toxics/f
        DELETE /v1/proxies/a/toxics/f
        DELETE /v1/leases/drill/faults/f
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"protocol":"tcp","tls":{},"seed":7,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            201 application/json {"name":"latency_upstream","type":"latency","stream":"upstream","toxicity":0.5,"scope":{},"seed":9,"attributes":{"jitter":0,"latency":5},"touched":0,"first_touched_at":null,"lease":null}
            200 application/json {"name":"latency_upstream","type":"latency","stream":"upstream","toxicity":0.5,"scope":{},"seed":9,"attributes":{"jitter":0,"latency":5},"touched":0,"first_touched_at":null,"lease":null}
            200 application/json {"name":"latency_upstream","type":"latency","stream":"upstream","toxicity":1,"scope":{},"seed":9,"attributes":{"jitter":2,"latency":5},"touched":0,"first_touched_at":null,"lease":null}
            200 application/json {"owner":"drill","ttl_ms":60000,"expires_in_ms":LEFT,"now":"TIME","faults":[]}
            201 application/json {"name":"f","proxy":"a","toxic":{"type":"timeout","stream":"downstream","toxicity":1,"attributes":{"timeout":0}},"enabled":null,"state":"active","touched":0,"first_touched_at":null,"ended_at":null,"proxy_bytes":0}
            200 application/json {"toxics":[{"name":"latency_upstream","type":"latency","stream":"upstream","toxicity":1,"scope":{},"seed":9,"attributes":{"jitter":2,"latency":5},"touched":0,"first_touched_at":null,"lease":null},{"name":"f","type":"timeout","stream":"downstream","toxicity":1,"scope":{},"seed":7,"attributes":{"timeout":0},"touched":0,"first_touched_at":null,"lease":"drill"}]}
            409 application/json {"error":"toxic belongs to the lease `drill`","status":409}\n
            204 -
            404 application/json {"error":"toxic not found","status":404}\n
            200 application/json {"name":"f","proxy":"a","toxic":{"type":"timeout","stream":"downstream","toxicity":1,"attributes":{"timeout":0}},"enabled":null,"state":"removed","touched":0,"first_touched_at":null,"ended_at":"TIME","proxy_bytes":0}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_slip_is_refused_with_the_name_of_its_field() {
    check(
        r#"
        POST /v1/proxies {"name":"a","upstream":"db:1"} trailing
        POST /v1/proxies null
        POST /v1/proxies {"upstream":"db:1"}
        POST /v1/proxies {"name":"a"}
        POST /v1/proxies {"name":"a/b","upstream":"db:1"}
        POST /v1/proxies {"name":"a","upstream":""}
        POST /v1/proxies {"name":"a","upstream":"db:1","enabled":"yes"}
        POST /v1/proxies {"name":"a","upstream":"db:1","upstraem":"db:1"}
        POST /v1/proxies {"name":"a","upstream":"db:1","protocol":"gopher"}
        POST /v1/proxies {"name":"a","upstream":"db:1","tls":7}
        POST /v1/proxies {"name":"a","upstream":"db:1","seed":-1}
        POST /v1/proxies {"name":"a","upstream":"db:1","enabled":false}
        POST /v1/proxies {"name":"a","upstream":"db:1"}
        PATCH /v1/proxies/a {"name":"b"}
        PATCH /v1/proxies/a {"protocol":"udp"}
        POST /v1/proxies/a/toxics {}
        POST /v1/proxies/a/toxics {"type":"latncy"}
        POST /v1/proxies/a/toxics {"type":"latency","stream":"sideways"}
        POST /v1/proxies/a/toxics {"type":"latency","toxicity":1.5}
        POST /v1/proxies/a/toxics {"type":"latency","attributes":{"latnecy":1}}
        POST /v1/proxies/a/toxics {"type":"latency","attributes":{"latency":"1"}}
        POST /v1/proxies/a/toxics {"type":"latency","atributes":{}}
        POST /v1/proxies/a/toxics {"type":"latency","scope":{"clientz":1}}
        POST /v1/proxies/a/toxics {"type":"http","attributes":{"status":503}}
        POST /v1/proxies/a/toxics {"type":"latency","name":"l"}
        POST /v1/proxies/a/toxics {"type":"latency","name":"l"}
        PATCH /v1/proxies/a/toxics/l {"name":"m"}
        PATCH /v1/proxies/a/toxics/l {"toxicity":-1}
        PATCH /v1/proxies/a/toxics/l {"attributes":{"latency":5,"jitter":-1}}
        PATCH /v1/proxies/a/toxics/l {"attributes":{"latency":5,"delay":1}}
        POST /v1/leases/drill/faults {"name":"f","proxy":"a","toxic":{"type":"latency","toxicity":2}}
        PUT /v1/leases/drill {"ttl_ms":"15s"}
        GET /v1/proxies/a
        "#,
        expect![[r#"
            400 application/json {"error":"bad request body: trailing characters at line 1 column 32","status":400}\n
            400 application/json {"error":"bad request body: invalid type: null, expected a map at line 1 column 4","status":400}\n
            400 application/json {"error":"bad request body: missing field `name`","status":400}\n
            400 application/json {"error":"bad request body: missing field `upstream`","status":400}\n
            400 application/json {"error":"`name` must be 1 to 200 bytes without `/` and control characters","status":400}\n
            400 application/json {"error":"`upstream` must not be empty","status":400}\n
            400 application/json {"error":"bad request body: `enabled`: invalid type: string \"yes\", expected a boolean","status":400}\n
            400 application/json {"error":"bad request body: `upstraem`: unknown field `upstraem`, expected one of `protocol`, `tls`, `udp`","status":400}\n
            400 application/json {"error":"bad request body: `protocol`: unknown variant `gopher`, expected one of `tcp`, `http`, `postgres`, `redis`, `udp`, `dns`","status":400}\n
            400 application/json {"error":"bad request body: `tls`: invalid type: integer `7`, expected struct TlsOptions","status":400}\n
            400 application/json {"error":"bad request body: `seed`: invalid value: integer `-1`, expected u64","status":400}\n
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"protocol":"tcp","tls":{},"seed":12638187200555641996,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[]}
            409 application/json {"error":"proxy already exists","status":409}\n
            400 application/json {"error":"bad request body: `name`: unknown field `name`, expected one of `protocol`, `tls`, `udp`","status":400}\n
            409 application/json {"error":"a proxy of the protocol `tcp` cannot become one of `udp`: make another","status":409}\n
            400 application/json {"error":"bad request body: missing field `type` at line 1 column 2","status":400}\n
            400 application/json {"error":"`type` must be one of `latency`, `bandwidth`, `slow_close`, `timeout`, `reset_peer`, `slicer`, `limit_data`, `noop`, `corrupt`, `limit_time`, `accept`, `packet_loss`, `duplicate`, `reorder`, `tls`, `http`, `postgres`, `redis`, `dns`, not `latncy`","status":400}\n
            400 application/json {"error":"bad request body: `stream`: unknown variant `sideways`, expected `upstream` or `downstream` at line 1 column 37","status":400}\n
            400 application/json {"error":"`toxicity` is a share of connections, from 0 to 1, not 1.5","status":400}\n
            400 application/json {"error":"attribute `latnecy` is unknown to `latency`, which takes `latency` (ms; `delay` in a scenario), `jitter` (ms), `distribution`, `p50`, `p99`, `over`","status":400}\n
            400 application/json {"error":"bad request body: attribute `latency` must be a whole number from 0 to 86400000, not \"1\"","status":400}\n
            400 application/json {"error":"bad request body: `atributes`: unknown field `atributes`, expected one of `name`, `type`, `stream`, `toxicity`, `scope`, `seed`, `attributes` at line 1 column 29","status":400}\n
            400 application/json {"error":"bad request body: `scope.clientz`: unknown field `clientz`, expected one of `clients`, `first`, `every`, `max_active`, `sni` at line 1 column 36","status":400}\n
            400 application/json {"error":"a `http` toxic cannot act on a proxy of the protocol `tcp`","status":400}\n
            201 application/json {"name":"l","type":"latency","stream":"downstream","toxicity":1,"scope":{},"seed":12638187200555641996,"attributes":{"jitter":0,"latency":0},"touched":0,"first_touched_at":null,"lease":null}
            409 application/json {"error":"toxic already exists","status":409}\n
            400 application/json {"error":"bad request body: `name`: unknown field `name`, expected one of `toxicity`, `scope`, `seed`, `attributes` at line 1 column 7","status":400}\n
            400 application/json {"error":"`toxicity` is a share of connections, from 0 to 1, not -1","status":400}\n
            400 application/json {"error":"bad request body: attribute `jitter` must be a whole number from 0 to 86400000, not -1","status":400}\n
            400 application/json {"error":"attribute `delay` is unknown to `latency`, which takes `latency` (ms; `delay` in a scenario), `jitter` (ms), `distribution`, `p50`, `p99`, `over`","status":400}\n
            400 application/json {"error":"`toxicity` is a share of connections, from 0 to 1, not 2","status":400}\n
            400 application/json {"error":"bad request body: `ttl_ms`: invalid type: string \"15s\", expected u64 at line 1 column 15","status":400}\n
            200 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"protocol":"tcp","tls":{},"seed":12638187200555641996,"connections":{"open":0,"accepted":0},"bytes":{"upstream":0,"downstream":0},"toxics":[{"name":"l","type":"latency","stream":"downstream","toxicity":1,"scope":{},"seed":12638187200555641996,"attributes":{"jitter":0,"latency":0},"touched":0,"first_touched_at":null,"lease":null}]}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_document_is_served() {
    let (api, _tasks) = server().await;
    let answer = ask(api, "GET /v1/openapi.json", "").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/json"),
        "{head}"
    );
    let document: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let (ready, address) = oneshot::channel();
    let mut tasks = JoinSet::new();
    let mut settings = Settings::new(ProxyConfig::default(), "127.0.0.1:0".parse().unwrap());
    settings.access.token = Some(gameday_core::Secret::new("0123456789abcdef".to_owned()));
    tasks.spawn(serve(
        settings,
        |at| ready.send(at).unwrap(),
        std::future::pending(),
    ));
    let api = address.await.unwrap();
    for line in [
        "GET /version",
        "GET /proxies",
        "POST /reset",
        "GET /v1/openapi.json",
        "GET /nothing",
    ] {
        for header in ["", "Authorization: Bearer 0123456789abcdeX\r\n"] {
            let answer = ask(api, line, header).await;
            assert!(answer.starts_with("HTTP/1.1 401"), "{line}: {answer}");
            assert!(
                answer.contains("www-authenticate: Bearer") && !answer.contains("0123456789"),
                "{answer}"
            );
        }
    }
    let answer = ask(api, "GET /version", "Authorization: Bearer 0123456789abcdef\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
