//! Defects that Toxiproxy was seen to have in its API: we have none.
//!
//! Their numbers are those of our list. The others are tested where they would be made: D7 to D10 and D16 with the
//! wire and the link, D11 with the real binary.

use std::time::{Duration, Instant};

use super::*;
use serde_json::Value;
use tokio::net::TcpListener;

/// No answer of the API takes longer than this, whatever is stuck.
const PROMPT: Duration = Duration::from_secs(1);

/// Asks, promptly, and gives back the status and the body.
async fn prompt(api: SocketAddr, line: &str) -> (u16, Value) {
    let began = Instant::now();
    let answer = ask(api, line, "").await;
    assert!(began.elapsed() < PROMPT, "{line} took {:?}", began.elapsed());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head[9..12].parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn make(api: SocketAddr, name: &str, upstream: SocketAddr) -> SocketAddr {
    let line = format!(r#"POST /proxies {{"name":"{name}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
    let (status, body) = prompt(api, &line).await;
    assert_eq!(status, 201, "{body}");
    body["listen"].as_str().unwrap().parse().unwrap()
}

/// An address that answers no SYN: its queue of connections is full, and nobody takes any out.
async fn black_hole() -> (SocketAddr, impl Sized) {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut fillers = Vec::new();
    loop {
        let dial = TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(200), dial).await {
            Ok(stream) => fillers.push(stream.unwrap()),
            Err(_) => return (address, (listener, fillers)),
        }
    }
}

/// D1 to D4: attributes that end Toxiproxy's process at the next byte.
#[tokio::test]
async fn d1_to_d4_no_attribute_takes_the_server_down() {
    check(
        r#"
        POST /proxies {"name":"a","upstream":"127.0.0.1:9","enabled":false}
        POST /proxies/a/toxics {"type":"slicer"}
        POST /proxies/a/toxics {"type":"slicer","attributes":{"average_size":64,"size_variation":75}}
        POST /proxies/a/toxics {"type":"bandwidth","attributes":{"rate":-1}}
        POST /proxies/a/toxics {"type":"latency","attributes":{"jitter":4611686018427387904}}
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"","upstream":"127.0.0.1:9","enabled":false,"toxics":[]}
            400 text/plain; charset=utf-8 {"error":"bad request body: `average_size`: a piece has at least one byte","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: `size_variation`: it must be less than `average_size`","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `rate` must be a whole number from 0 to 1000000000, not -1","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `jitter` must be a whole number from 0 to 86400000, not 4611686018427387904","status":400}\n
        "#]],
    )
    .await;
    // Whatever was taken above is harmless with real bytes as well.
    let (api, mut tasks) = server().await;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = make(api, "p", upstream.local_addr().unwrap()).await;
    ask(
        api,
        r#"POST /proxies/p/toxics {"type":"slicer","stream":"upstream"}"#,
        "",
    )
    .await;
    tasks.spawn(async move {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        std::future::pending().await
    });
    let (mut server, _) = soon(upstream.accept()).await.unwrap();
    let mut bytes = [0; 5];
    soon(server.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"hello");
    assert_eq!(prompt(api, "GET /proxies").await.0, 200);
}

#[tokio::test]
async fn d5_a_stuck_dial_holds_up_neither_later_clients_nor_the_api() {
    let (api, _tasks) = server().await;
    let (hole, _kept) = black_hole().await;
    let address = make(api, "stuck", hole).await;
    let _clients = [
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    ];
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = upstream.local_addr().unwrap();
    let (status, _) = prompt(api, &format!(r#"PATCH /proxies/stuck {{"upstream":"{to}"}}"#)).await;
    assert_eq!(status, 200);
    let _later = TcpStream::connect(address).await.unwrap();
    soon(upstream.accept()).await.unwrap();

    let (status, _) = prompt(api, &format!(r#"PATCH /proxies/stuck {{"upstream":"{hole}"}}"#)).await;
    assert_eq!(status, 200);
    let _stuck_again = TcpStream::connect(address).await.unwrap();
    assert_eq!(
        prompt(api, r#"PATCH /proxies/stuck {"enabled":false}"#).await.0,
        200
    );
    assert_eq!(
        prompt(api, r#"PATCH /proxies/stuck {"enabled":true}"#).await.0,
        200
    );
    let _and_again = TcpStream::connect(address).await.unwrap();
    assert_eq!(prompt(api, "DELETE /proxies/stuck").await.0, 204);
    assert_eq!(prompt(api, "GET /proxies").await.0, 200);
    make(api, "other", hole).await;
}

#[tokio::test]
async fn d6_a_client_that_does_not_read_holds_up_no_change_of_toxics() {
    let (api, mut tasks) = server().await;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = make(api, "p", upstream.local_addr().unwrap()).await;
    let toxic = r#"POST /proxies/p/toxics {"type":"latency","attributes":{"latency":1000}}"#;
    assert_eq!(prompt(api, toxic).await.0, 200);
    let client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = soon(upstream.accept()).await.unwrap();
    let (full, is_full) = oneshot::channel();
    tasks.spawn(async move {
        let block = vec![7; 1 << 16];
        // Once nothing more is taken for a while, every buffer on the way is full.
        while tokio::time::timeout(Duration::from_millis(500), server.write_all(&block))
            .await
            .is_ok()
        {}
        full.send(()).ok();
        std::future::pending::<()>().await;
        drop(server);
        Ok(())
    });
    soon(is_full).await.unwrap();
    assert_eq!(
        prompt(api, "DELETE /proxies/p/toxics/latency_downstream").await.0,
        204
    );
    assert_eq!(prompt(api, "GET /proxies").await.0, 200);
    assert_eq!(prompt(api, toxic).await.0, 200);
    assert_eq!(
        prompt(
            api,
            r#"PATCH /proxies/p/toxics/latency_downstream {"toxicity":0}"#
        )
        .await
        .0,
        200
    );
    assert_eq!(prompt(api, "POST /reset").await.0, 204);
    assert_eq!(prompt(api, "DELETE /proxies/p").await.0, 204);
    drop(client);
}

#[tokio::test]
async fn d12_populating_a_bare_port_again_keeps_toxics_and_connections() {
    let (api, _tasks) = server().await;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = upstream.local_addr().unwrap();
    let port = {
        let free = TcpListener::bind("[::]:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let line = format!(r#"POST /populate [{{"name":"p","listen":":{port}","upstream":"{to}"}}]"#);
    let (status, body) = prompt(api, &line).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        prompt(api, r#"POST /proxies/p/toxics {"type":"latency"}"#)
            .await
            .0,
        200
    );
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut server, _) = soon(upstream.accept()).await.unwrap();

    let (status, body) = prompt(api, &line).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        body["proxies"][0]["toxics"].as_array().unwrap().len(),
        1,
        "{body}"
    );
    client.write_all(b"x").await.unwrap();
    assert_eq!(soon(server.read_u8()).await.unwrap(), b'x');

    // Another upstream is another proxy: connections are cut and toxics gone, as Toxiproxy's are.
    let other = line.replace(&to.to_string(), "127.0.0.1:9");
    let (_, body) = prompt(api, &other).await;
    assert_eq!(
        body["proxies"][0]["toxics"].as_array().unwrap().len(),
        0,
        "{body}"
    );
    assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn d13_a_proxy_that_cannot_move_stays_where_it_was() {
    let (api, _tasks) = server().await;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = upstream.local_addr().unwrap();
    let address = make(api, "p", to).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = soon(upstream.accept()).await.unwrap();
    for line in [
        format!(r#"PATCH /proxies/p {{"listen":"{to}","upstream":"127.0.0.1:9"}}"#),
        format!(r#"POST /populate [{{"name":"p","listen":"{to}","upstream":"127.0.0.1:9"}}]"#),
    ] {
        let (status, body) = prompt(api, &line).await;
        assert_eq!(status, 500);
        assert_eq!(
            body["error"],
            format!("listen tcp {to}: bind: address already in use")
        );
        let (_, proxy) = prompt(api, "GET /proxies/p").await;
        let found = (&proxy["listen"], &proxy["upstream"], &proxy["enabled"]);
        assert_eq!(
            found,
            (&address.to_string().into(), &to.to_string().into(), &true.into())
        );
    }
    client.write_all(b"x").await.unwrap();
    assert_eq!(
        soon(server.read_u8()).await.unwrap(),
        b'x',
        "its connections are whole"
    );
}

#[tokio::test]
async fn d14_a_toxic_with_one_bad_attribute_is_not_changed_at_all() {
    check(
        r#"
        POST /proxies {"name":"a","upstream":"db:1","enabled":false}
        POST /proxies/a/toxics {"type":"latency","name":"l","attributes":{"latency":100}}
        PATCH /proxies/a/toxics/l {"toxicity":0.5,"attributes":{"latency":777,"jitter":"a lot"}}
        PATCH /proxies/a/toxics/l {"toxicity":"half","attributes":{"latency":777}}
        GET /proxies/a/toxics/l
        "#,
        expect![[r#"
            201 application/json {"name":"a","listen":"","upstream":"db:1","enabled":false,"toxics":[]}
            200 application/json {"attributes":{"jitter":0,"latency":100},"name":"l","type":"latency","stream":"downstream","toxicity":1}
            400 text/plain; charset=utf-8 {"error":"bad request body: attribute `jitter` must be a whole number from 0 to 86400000, not \"a lot\"","status":400}\n
            400 text/plain; charset=utf-8 {"error":"bad request body: json: cannot unmarshal string into field `toxicity` of type number","status":400}\n
            200 application/json {"attributes":{"jitter":0,"latency":100},"name":"l","type":"latency","stream":"downstream","toxicity":1}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn d15_a_proxy_shows_nothing_but_its_own_fields() {
    let (api, _tasks) = server().await;
    make(api, "p", "127.0.0.1:9".parse().unwrap()).await;
    let (_, proxy) = prompt(api, "GET /proxies/p").await;
    let mut fields: Vec<&String> = proxy.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["enabled", "listen", "name", "toxics", "upstream"]);
}
