//! gRPC, streams of HTTP/2, and what is no longer HTTP.

use super::*;

#[tokio::test]
async fn grpc_is_answered_in_its_own_words() {
    let mut bench = Bench::start().await;
    let mut two = bench.http2().await;
    let call = || {
        let request = Request::post("http://ledger.example/grpc.Ledger/Post")
            .header("content-type", "application/grpc");
        request.body(Full::<Bytes>::default()).unwrap()
    };
    bench.fault("grpc = \"grpc.Ledger/*\"\ngrpc_status = 14\ngrpc_message = \"drill\"");
    let response = soon(two.send_request(call())).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["grpc-status"]),
        (StatusCode::OK, &HeaderValue::from(14))
    );
    assert_eq!(response.headers()["grpc-message"], "drill");
    assert_eq!(bench.served(), 0);
    // What speaks no gRPC is spared.
    assert_eq!(
        text(
            soon(two.send_request(post("/grpc.Ledger/Post", "")))
                .await
                .unwrap()
        )
        .await,
        "\0\0\0\0\x02hi"
    );

    bench.rig.remove("fault");
    bench.fault("grpc_status = 13\nafter_messages = true");
    let whole = soon(two.send_request(call()))
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    assert_eq!(whole.trailers().unwrap()["grpc-status"], "13");
    assert_eq!(whole.to_bytes(), &b"\0\0\0\0\x02hi"[..]);
}

#[tokio::test]
async fn streams_are_reset_and_clients_told_to_go_away() {
    let mut bench = Bench::start().await;
    let mut two = bench.http2().await;
    bench.fault("rst_stream = \"refused_stream\"");
    let error = soon(two.send_request(post("/echo", ""))).await.unwrap_err();
    let reason =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<h2::Error>()?.reason());
    assert_eq!(reason, Some(h2::Reason::REFUSED_STREAM), "{error:?}");
    // HTTP/1 has no streams.
    assert_eq!(
        soon(bench.http1().await.send_request(get_on_http1("/")))
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );

    bench.rig.remove("fault");
    bench.fault("goaway = true");
    assert_eq!(
        text(soon(two.send_request(post("/echo", "last"))).await.unwrap()).await,
        "last"
    );
    soon(async {
        while two.ready().await.is_ok() && !two.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_connection_is_bytes() {
    let mut bench = Bench::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    bench.rig.tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
            .await
            .unwrap();
        let (mut reader, mut writer) = socket.split();
        tokio::io::copy(&mut reader, &mut writer).await.ok();
    });
    let edit = crate::control::ProxyEdit {
        upstream: Some(upstream),
        ..Default::default()
    };
    bench.rig.control.edit_proxy("p", edit).await.unwrap();
    let mut socket = TcpStream::connect(bench.proxy).await.unwrap();
    socket
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(socket.read_u8()).await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    socket.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    soon(socket.read_exact(&mut back)).await.unwrap();
    assert_eq!(&back, b"ping");
}

#[tokio::test]
async fn large_bodies_stream_both_ways_and_an_upstream_that_is_gone_ends_the_connection() {
    let mut bench = Bench::start().await;
    let response = soon(bench.http1().await.send_request(get_on_http1("/zeros/50000000")))
        .await
        .unwrap();
    let mut length = 0;
    let mut body = response.into_body().into_data_stream();
    while let Some(piece) = soon(body.next()).await {
        length += piece.unwrap().len();
    }
    assert_eq!(length, 50_000_000);

    let gone = crate::control::ProxyEdit {
        upstream: Some("127.0.0.1:1".to_owned()),
        ..Default::default()
    };
    bench.rig.control.edit_proxy("p", gone).await.unwrap();
    assert!(
        soon(bench.http1().await.send_request(get_on_http1("/")))
            .await
            .is_err()
    );
    assert_eq!(
        bench
            .rig
            .control
            .metrics()
            .0
            .lines()
            .filter(|line| *line == "gameday_proxy_dial_failures_total{proxy=\"p\"} 1")
            .count(),
        1
    );
}
