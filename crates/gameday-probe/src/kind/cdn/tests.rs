//! Edges that are hostile, and versions that spread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::kind::tests::{check, look};
use crate::net::testing::{Server, hear};

/// An edge that answers with these headers and this body.
async fn edge(headers: &'static str, body: &'static str) -> Server {
    Server::raw(move |mut stream: TcpStream| async move {
        hear(&mut stream).await;
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.ok();
        stream.shutdown().await.ok();
    })
    .await
}

fn panel(edges: &[&Server], lines: &str) -> String {
    let edges: Vec<String> = edges.iter().map(|edge| format!("\"{}\"", edge.address)).collect();
    format!(
        "[cdn]\nurl = \"http://static.test/app.js\"\nedges = [{}]\n{lines}\n",
        edges.join(", ")
    )
}

const FRESH: &str = "etag: \"a\"\r\nx-cache: HIT\r\nage: 5\r\ncache-control: max-age=60\r\ncf-ray: 1-FRA\r\n";

#[tokio::test]
async fn an_edge_that_is_hostile_is_named_and_the_others_are_seen_all_the_same() {
    let good = edge(FRESH, "body").await;
    let endless = Server::raw(|mut stream: TcpStream| async move {
        hear(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .ok();
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    let silent = Server::pieces(&[]).await;
    let garbage = Server::raw(|mut stream: TcpStream| async move {
        hear(&mut stream).await;
        stream.write_all(b"\0\x01nothing\r\n\r\n").await.ok();
    })
    .await;
    for (bad, reason) in [
        (&endless, "body_too_large"),
        (&silent, "header_timeout"),
        (&garbage, "http_protocol"),
    ] {
        let text = panel(&[&good, bad], "max_body = \"64KiB\"");
        let seen = check(&text, reason, &format!("the edge {}", bad.address)).await;
        let served = seen.evidence.exhibits.iter().any(
            |exhibit| matches!(exhibit, crate::Exhibit::Edge { served, .. } if served.contains("cache HIT")),
        );
        assert!(served, "{:?}", seen.evidence);
    }
}

#[tokio::test]
async fn edges_are_compared_with_one_another_and_with_the_origin() {
    let new = "etag: W/\"a\"\r\nx-cache: HIT, MISS\r\ncf-ray: 1-AMS\r\n";
    let (one, two) = (edge(FRESH, "body").await, edge(new, "body").await);
    let odd = edge("etag: \"b\"\r\nx-cache: HIT\r\n", "other").await;
    check(&panel(&[&one, &two], "expect = [\"edges agree etag\", \"edges agree body\", \"pops >= 2\", \"edges >= 2\", \"pop in [FRA, AMS]\"]"), "up", "").await;
    let name = format!("{} says ETag \"b\", but ", odd.address);
    check(&panel(&[&one, &two, &odd], ""), "edge_disagree", &name).await;
    check(
        &panel(&[&one], "expect = [\"edges >= 2\"]"),
        "assert_failed",
        "only 1 edges",
    )
    .await;
    let origin =
        |server: &Server, expect: &str| format!("origin = \"{}\"\nexpect = [\"{expect}\"]", server.address);
    check(
        &panel(&[&one, &two], &origin(&odd, "edge.body == origin.body")),
        "edge_disagree",
        "the origin 5 bytes",
    )
    .await;
    check(
        &panel(&[&one, &two], &origin(&one, "edge.version == origin.version")),
        "up",
        "",
    )
    .await;
    let untagged = edge("x-cache: HIT\r\n", "body").await;
    check(
        &panel(&[&untagged], "expect = [\"edges agree etag\"]"),
        "assert_failed",
        "no edge sends what to compare by: ETag",
    )
    .await;
    check(&panel(&[&untagged], ""), "up", "").await;
}

#[tokio::test]
async fn a_stale_copy_is_told_apart_by_whether_its_origin_serves() {
    let stale = edge("x-cache-status: STALE\r\ncache-control: max-age=1\r\n", "body").await;
    let origin = edge("", "body").await;
    let failing = Server::raw(|mut stream: TcpStream| async move {
        hear(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n")
            .await
            .ok();
    })
    .await;
    let with = |origin: &Server| format!("origin = \"{}\"", origin.address);
    check(
        &panel(&[&stale], &with(&origin)),
        "cache_stale",
        "although the origin serves",
    )
    .await;
    check(
        &panel(&[&stale], &with(&failing)),
        "cache_stale",
        "while the origin fails",
    )
    .await;
    let fresh = edge(FRESH, "body").await;
    check(
        &panel(&[&fresh], &with(&failing)),
        "http_status",
        "the edges serve fresh copies",
    )
    .await;
}

#[tokio::test]
async fn a_version_that_spreads_is_waited_for_and_how_long_is_told() {
    let asked = Arc::new(AtomicU32::new(0));
    let slow = Server::raw(move |mut stream: TcpStream| {
        let tag = if asked.fetch_add(1, Ordering::Relaxed) < 2 {
            "old"
        } else {
            "new"
        };
        async move {
            hear(&mut stream).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"{tag}\"\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    let origin = edge("etag: \"new\"\r\n", "").await;
    let lines = format!(
        "origin = \"{}\"\nexpect = [\"edge.etag == origin.etag within 10s\"]",
        origin.address
    );
    let seen = check(&panel(&[&slow], &lines), "up", "").await;
    let waited = seen
        .readings
        .iter()
        .find(|reading| reading.name == "cdn_propagation_seconds");
    // It is asked again each second, twice.
    assert!(
        waited.is_some_and(|reading| reading.value >= 2.0),
        "{:?}",
        seen.readings
    );
    let at_once = format!(
        "origin = \"{}\"\nexpect = [\"edge.etag == origin.etag\"]",
        origin.address
    );
    let old = edge("etag: \"old\"\r\n", "").await;
    let seen = look(&panel(&[&old], &at_once)).await;
    assert_eq!(
        seen.outcome.reason().map(gameday_core::Reason::word),
        Some("edge_disagree")
    );
}

#[tokio::test]
async fn what_nothing_tells_is_not_up() {
    let (one, two) = (edge(FRESH, "body").await, edge(FRESH, "body").await);
    let agree = |line: &str| format!("expect = [\"{line}\"]");
    for line in ["edges agree", "edges agree etag", "edges agree body within 60s"] {
        let alone = format!("{} (FRA) served: there is nothing to compare", one.address);
        check(&panel(&[&one], &agree(line)), "assert_failed", &alone).await;
        check(&panel(&[&one, &two], &agree(line)), "up", "").await;
    }
    // Whoever says nothing of it may have one edge, which may be no cache.
    let bare = edge("", "body").await;
    check(&panel(&[&bare], ""), "up", "").await;
    let words = "nothing tells whether it is fresh (no age, no max-age)";
    check(&panel(&[&bare], &agree("fresh")), "assert_failed", words).await;
    for line in ["cache != STALE", "cache not in [MISS, BYPASS]"] {
        check(
            &panel(&[&bare], &agree(line)),
            "assert_failed",
            "cache UNKNOWN (no header tells)",
        )
        .await;
        check(&panel(&[&one], &agree(line)), "up", "").await;
    }
    check(
        &panel(&[&bare], &agree("cache != UNKNOWN")),
        "assert_failed",
        "cache UNKNOWN",
    )
    .await;
    check(&panel(&[&bare], &agree("cache == UNKNOWN")), "up", "").await;
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let nginx = format!("x-cache-status: HIT\r\ndate: {date}\r\ncache-control: max-age=600\r\n");
    let nginx = edge(nginx.leak(), "body").await;
    for line in ["age <= max-age", "age <= 60s"] {
        let words = "it tells no age (no age, max-age 600 s)";
        check(&panel(&[&nginx], &agree(line)), "assert_failed", words).await;
    }
    check(&panel(&[&nginx], &agree("fresh")), "up", "").await;
}
