//! Bodies that are encoded, cut off, endless or larger than they look, and HTTP/2.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;

use super::super::testing::{Server, get, hear, within_ms};
use super::super::{BodyPlan, Connector, HttpVersion, Route, Scan};
use crate::net::Request;
use crate::response::Response;

const BROTLI_HELLO: [u8; 23] = [
    27, 111, 23, 248, 141, 148, 110, 222, 68, 85, 134, 150, 108, 32, 111, 113, 91, 28, 128, 228, 1, 32, 14,
];

fn hello() -> Vec<u8> {
    "hello ".repeat(1000).into_bytes()
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let fast = Compression::fast();
    match encoding {
        "gzip" => {
            let mut out = GzEncoder::new(Vec::new(), fast);
            out.write_all(body).unwrap();
            out.finish().unwrap()
        }
        "deflate" => {
            let mut out = ZlibEncoder::new(Vec::new(), fast);
            out.write_all(body).unwrap();
            out.finish().unwrap()
        }
        "bare deflate" => {
            let mut out = DeflateEncoder::new(Vec::new(), fast);
            out.write_all(body).unwrap();
            out.finish().unwrap()
        }
        "zstd" => ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest),
        "br" => BROTLI_HELLO.to_vec(),
        _ => body.to_vec(),
    }
}

/// A server that answers each connection with these bytes, in small pieces, and closes it.
async fn serve(encoding: &str, body: Vec<u8>) -> Server {
    let encoding = encoding.trim_start_matches("bare ");
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: {encoding}\r\n\r\n");
    let answer = Arc::new([head.into_bytes(), body].concat());
    Server::raw(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            hear(&mut stream).await;
            for piece in answer.chunks(1000) {
                stream.write_all(piece).await.ok();
            }
        }
    })
    .await
}

async fn read(server: &Server, plan: BodyPlan) -> Result<Response, String> {
    let mut request = get(&server.url("/"));
    request.reading = Arc::new(plan);
    let exchange = Connector::default().exchange(&request, within_ms(60_000)).await;
    exchange.result.map_err(|fault| fault.reason.to_string())
}

#[tokio::test]
async fn every_encoding_is_decoded_as_it_comes() {
    for encoding in ["identity", "gzip", "deflate", "bare deflate", "br", "zstd"] {
        let server = serve(encoding, encoded(encoding, &hello())).await;
        let response = read(&server, BodyPlan::default()).await.unwrap();
        assert_eq!(response.body.kept, hello(), "{encoding}");
        assert_eq!(response.body.bytes, 6000, "{encoding}: counted as decoded");
    }
}

#[tokio::test]
async fn what_is_not_as_it_says_has_its_reason() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let whole = encoded(encoding, &hello());
        let half = whole[..whole.len() / 2].to_vec();
        for wrong in [half, b"this is plain text, whatever the header says".to_vec()] {
            let server = serve(encoding, wrong).await;
            assert_eq!(
                read(&server, BodyPlan::default()).await.err().as_deref(),
                Some("body_encoding"),
                "{encoding}"
            );
        }
    }
    let server = serve("compress", hello()).await;
    assert_eq!(
        read(&server, BodyPlan::default()).await.err().unwrap(),
        "body_encoding"
    );
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_too_large() {
    for encoding in ["gzip", "deflate", "zstd"] {
        let bomb = encoded(encoding, &vec![0; 64 * 1024 * 1024]);
        let server = serve(encoding, bomb).await;
        assert_eq!(
            read(&server, BodyPlan::default()).await.err().as_deref(),
            Some("body_too_large"),
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_its_limit_and_a_dripping_one_at_the_deadline() {
    let endless = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .ok();
        while stream.write_all(b"400\r\n").await.is_ok() {
            stream.write_all(&[b'x'; 1024]).await.ok();
            stream.write_all(b"\r\n").await.ok();
        }
    })
    .await;
    assert_eq!(
        read(&endless, BodyPlan::default()).await.err().unwrap(),
        "body_too_large"
    );
    let slow_loris = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.ok();
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if stream.write_all(b"x: y\r\n").await.is_err() {
                return;
            }
        }
    })
    .await;
    let exchange = Connector::default()
        .exchange(&get(&slow_loris.url("/")), within_ms(300))
        .await;
    assert_eq!(exchange.result.unwrap_err().reason.word(), "header_timeout");
}

#[tokio::test]
async fn a_body_beyond_what_is_kept_is_counted_hashed_and_looked_through() {
    const LINES: usize = 800_000;
    let mut body = "0123456789\n".repeat(LINES).into_bytes();
    body.extend_from_slice(b"the needle at the end\n");
    let size = body.len() as u64;
    let digest = ring_sha256(&body);
    let server = serve("identity", body).await;
    let scans = ["needle at (the|an) end", "^0123", "no such thing"];
    let plan = BodyPlan {
        max_bytes: 64 * 1024 * 1024,
        sha256: true,
        scans: scans
            .iter()
            .map(|scan| Arc::new(Scan::whether(scan).unwrap()))
            .collect(),
        ..BodyPlan::default()
    };
    let response = read(&server, plan).await.unwrap();
    assert_eq!(response.body.bytes, size);
    assert_eq!(response.body.kept.len(), 4 * 1024 * 1024);
    assert_eq!(response.body.sha256, Some(digest));
    assert_eq!(scans.map(|scan| response.body.found[scan]), [true, true, false]);
    assert!(response.text().is_err(), "a part is not the whole");
}

/// The same by other means.
fn ring_sha256(body: &[u8]) -> [u8; 32] {
    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256 as SUITE;
    let hash = SUITE.tls13().unwrap().common.hash_provider;
    hash.hash(body).as_ref().try_into().unwrap()
}

/// An HTTP/2 server that says what it was sent.
async fn http2() -> Server {
    Server::raw(|stream| async move {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
            let (head, body) = request.into_parts();
            let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            let said = format!("{} {} {}", head.method, head.uri, body.len());
            Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(said))))
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(stream), service).await.ok();
    })
    .await
}

fn over_http2(request: &mut Request) {
    request.route = Arc::new(Route {
        version: HttpVersion::Http2,
        ..Route::default()
    });
}

#[tokio::test]
async fn http2_begins_at_once_without_tls_and_its_phases_add_up() {
    let server = http2().await;
    let mut request = get(&server.url("/x?y=1"));
    over_http2(&mut request);
    request.method = hyper::Method::POST;
    request.body = Some(vec![b'b'; 300_000].into());
    let exchange = Connector::default().exchange(&request, within_ms(5000)).await;
    let response = exchange.result.unwrap();
    let said = format!("POST http://{}/x?y=1 300000", server.address);
    assert_eq!((response.text().unwrap(), response.version()), (said, "2"));
    assert_eq!(response.phases.total_us(), exchange.phases.total_us());
    assert!(exchange.phases.wait_us > 0, "{:?}", exchange.phases);
}

#[tokio::test]
async fn what_speaks_only_http1_is_no_http2_server() {
    let server = Server::pieces(&[(0, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
    let mut request = get(&server.url("/"));
    over_http2(&mut request);
    let exchange = Connector::default().exchange(&request, within_ms(2000)).await;
    assert_eq!(exchange.result.unwrap_err().reason.word(), "http_protocol");
}
