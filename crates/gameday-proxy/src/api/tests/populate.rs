//! `/populate` and `/reset`, and the edges of making and changing proxies.

use super::*;

#[tokio::test]
async fn many_proxies_are_made_at_once_and_again_without_effect() {
    check(
        r#"
        POST /populate null
        POST /populate [{"name":"a","upstream":"db:1","enabled":false,"listen":"localhost:0","toxics":[]},{"NAME":"b","Upstream":"db:2","listen":"127.0.0.1:0","enabled":null}]
        POST /proxies/a/toxics {"type":"timeout"}
        POST /populate [{"name":"a","upstream":"db:1","enabled":false,"listen":"localhost:0"}]
        GET /proxies/a
        "#,
        expect![[r#"
            201 application/json {"proxies":null}
            201 application/json {"proxies":[{"name":"a","listen":"localhost:0","upstream":"db:1","enabled":false,"toxics":[]},{"name":"b","listen":"127.0.0.1:PORT","upstream":"db:2","enabled":true,"toxics":[]}]}
            200 application/json {"attributes":{"timeout":0},"name":"timeout_downstream","type":"timeout","stream":"downstream","toxicity":1}
            201 application/json {"proxies":[{"name":"a","listen":"localhost:0","upstream":"db:1","enabled":false,"toxics":[]}]}
            200 application/json {"name":"a","listen":"localhost:0","upstream":"db:1","enabled":false,"toxics":[]}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_population_is_looked_at_whole_before_any_is_made() {
    check(
        r#"
        POST /populate nonsense
        POST /populate {"name":"a"}
        POST /populate [7]
        POST /populate [{"name":"a","upstream":"db:1"},{"upstream":"db:1"}]
        POST /populate [{"name":"a","upstream":""}]
        POST /populate [{"name":"a","upstream":"db:1","enabled":"yes"}]
        GET /proxies
        POST /populate [{"name":"a","upstream":"db:1","enabled":false},{"name":"b","upstream":"db:1","listen":"nonsense"},{"name":"c","upstream":"db:1"}]
        GET /proxies
        "#,
        expect![[r#"
            400 application/json {"error":"bad request body: expected ident at line 1 column 2","status":400,"proxies":null}
            400 application/json {"error":"bad request body: json: cannot unmarshal this into an array of proxies","status":400,"proxies":null}
            400 application/json {"error":"bad request body: json: cannot unmarshal number into an object","status":400,"proxies":null}
            400 application/json {"error":"missing required field: name at proxy 2","status":400,"proxies":null}
            400 application/json {"error":"missing required field: upstream at proxy 1","status":400,"proxies":null}
            400 application/json {"error":"bad request body: json: cannot unmarshal string into field `enabled` of type bool","status":400,"proxies":null}
            200 application/json {}
            500 application/json {"error":"listen tcp: address nonsense: missing port in address","status":500,"proxies":[{"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[]}]}
            200 application/json {"a":{"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[]}}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_reset_switches_on_and_takes_every_toxic_away() {
    check(
        r#"
        POST /proxies {"name":"a","upstream":"db:1","enabled":false,"listen":"127.0.0.1:0"}
        POST /proxies {"name":"b","upstream":"db:1","listen":"127.0.0.1:0"}
        POST /proxies/b/toxics {"type":"timeout"}
        PUT /v1/leases/drill {"ttl_ms":60000}
        POST /v1/leases/drill/faults {"name":"f","proxy":"a","toxic":{"type":"latency"}}
        POST /reset this is not read
        GET /proxies
        DELETE /v1/leases/drill/faults/f
        POST /proxies {"name":"c","upstream":"db:1","enabled":false,"listen":"nonsense"}
        POST /reset
        HEAD /reset
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"127.0.0.1:0","upstream":"db:1","enabled":false,"toxics":[]}
            201 application/json {"name":"b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}
            200 application/json {"attributes":{"timeout":0},"name":"timeout_downstream","type":"timeout","stream":"downstream","toxicity":1}
            200 application/json {"owner":"drill","ttl_ms":60000,"expires_in_ms":LEFT,"now":"TIME","faults":[]}
            201 application/json {"name":"f","proxy":"a","toxic":{"type":"latency","stream":"downstream","toxicity":1,"attributes":{"jitter":0,"latency":0}},"enabled":null,"state":"active","touched":0,"first_touched_at":null,"ended_at":null,"proxy_bytes":0}
            204 -
            200 application/json {"a":{"name":"a","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]},"b":{"name":"b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}}
            200 application/json {"name":"f","proxy":"a","toxic":{"type":"latency","stream":"downstream","toxicity":1,"attributes":{"jitter":0,"latency":0}},"enabled":null,"state":"removed","touched":0,"first_touched_at":null,"ended_at":"TIME","proxy_bytes":0}
            201 application/json {"name":"c","listen":"nonsense","upstream":"db:1","enabled":false,"toxics":[]}
            500 text/plain; charset=utf-8 {"error":"listen tcp: address nonsense: missing port in address","status":500}\n
            405 -
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_said_stays_and_what_cannot_be_said_is_ignored() {
    check(
        r#"
        POST /proxies {"name":"a b","upstream":"db:1","listen":"localhost:0"}
        GET /proxies/a%20b
        PATCH /proxies/a%20b {"name":"other","listen":null,"unknown":[]}
        PATCH /proxies/a%20b null
        PATCH /proxies/a%20b {"enabled":false}
        PATCH /proxies/a%20b {"listen":"127.0.0.1:1"}
        PATCH /proxies/a%20b {"enabled":"no"}
        PATCH /proxies/a%20b
        PATCH /proxies/a%20b {"listen":"nowhere.invalid:1","enabled":true}
        GET /proxies/a%20b
        POST /proxies/a%20b/toxics {"type":"latency","stream":"DownStream","toxicity":0.25,"attributes":null}
        POST /proxies/a%20b/toxics {"type":"latency","attributes":[]}
        POST /proxies/a%20b/toxics {"type":"latency","name":"latency_DownStream","stream":"upstream"}
        PATCH /proxies/a%20b/toxics/latency_DownStream {"type":"timeout","attributes":{"LATENCY":5,"unknown":"x"}}
        PATCH /proxies/a%20b/toxics/latency_DownStream nonsense
        PATCH /proxies/a%20b/toxics/nothing nonsense
        DELETE /proxies/a%20b/toxics/nothing
        "#,
        expect![[r#"
            201 application/json {"name":"a b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}
            200 application/json {"name":"a b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}
            200 application/json {"name":"a b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}
            200 application/json {"name":"a b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":true,"toxics":[]}
            200 application/json {"name":"a b","listen":"127.0.0.1:PORT","upstream":"db:1","enabled":false,"toxics":[]}
            200 application/json {"name":"a b","listen":"127.0.0.1:1","upstream":"db:1","enabled":false,"toxics":[]}
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal string into field `enabled` of type bool","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: EOF","status":400}\n
            500 text/plain; charset=utf-8 {"error":"listen tcp: lookup nowhere.invalid: no such host","status":500}\n
            200 application/json {"name":"a b","listen":"127.0.0.1:1","upstream":"db:1","enabled":false,"toxics":[]}
            200 application/json {"attributes":{"jitter":0,"latency":0},"name":"latency_DownStream","type":"latency","stream":"DownStream","toxicity":0.25}
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal array into field `attributes` of type object","status":400}\n
            409 text/plain; charset=utf-8 {"error":"toxic already exists","status":409}\n
            200 application/json {"attributes":{"jitter":0,"latency":5},"name":"latency_DownStream","type":"latency","stream":"DownStream","toxicity":0.25}
            400 text/plain; charset=utf-8 {"error":"bad request body: expected ident at line 1 column 2","status":400}\n
            404 text/plain; charset=utf-8 {"error":"toxic not found","status":404}\n
            404 text/plain; charset=utf-8 {"error":"toxic not found","status":404}\n
        "#]],
    )
    .await;
}
