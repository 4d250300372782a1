//! What becomes of bodies.

use super::*;

#[tokio::test]
async fn bodies_break_off_trickle_and_are_spoiled() {
    let mut bench = Bench::start().await;
    bench.fault("truncate = \"100kB\"");
    let mut body = soon(bench.http1().await.send_request(get_on_http1("/zeros/1000000")))
        .await
        .unwrap()
        .into_body();
    let mut got = 0;
    let ended = loop {
        match soon(body.frame()).await {
            Some(Ok(frame)) => got += frame.into_data().unwrap().len(),
            other => break other,
        }
    };
    assert_eq!(got, 100_000);
    assert!(
        matches!(ended, Some(Err(_))),
        "a body that breaks off is an error: {ended:?}"
    );

    bench.rig.remove("fault");
    bench.fault("trickle = \"100kB/s\"");
    let start = Instant::now();
    let response = soon(bench.http2().await.send_request(post("/zeros/30000", "")))
        .await
        .unwrap();
    assert_eq!(text(response).await.len(), 30_000);
    assert!(
        start.elapsed() >= Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );

    bench.rig.remove("fault");
    bench.fault("corrupt = \"1%\"");
    let response = soon(bench.http1().await.send_request(get_on_http1("/zeros/100000")))
        .await
        .unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let hit = body.iter().filter(|byte| **byte != 0).count();
    assert_eq!(body.len(), 100_000);
    assert!((870..=1130).contains(&hit), "{hit}");
}

#[tokio::test]
async fn a_length_can_be_wrong_either_way() {
    let mut bench = Bench::start().await;
    for (by, length, whole) in [(10, "15", false), (-2, "3", true)] {
        bench.fault(&format!("content_length = {by}"));
        let mut request = post("/echo", "hello");
        *request.uri_mut() = "/echo".parse().unwrap();
        let response = soon(bench.http1().await.send_request(request)).await.unwrap();
        assert_eq!(response.headers()["content-length"], length);
        let body = soon(response.into_body().collect()).await;
        assert_eq!(body.is_ok(), whole, "{by}");
        bench.rig.remove("fault");
    }
}
