//! HTTP through the proxy, with real clients of both versions.

mod bodies;
mod streams;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::options::{Options, Protocol};
use crate::testing::{Rig, soon};

/// A proxy of HTTP in front of a server of both versions that counts its requests.
struct Bench {
    rig: Rig,
    proxy: SocketAddr,
    served: Arc<AtomicU64>,
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

impl Bench {
    async fn start() -> Self {
        let mut rig = Rig::start();
        let served = Arc::new(AtomicU64::new(0));
        let upstream = serve(&mut rig.tasks, Arc::clone(&served)).await;
        let options = Options {
            protocol: Protocol::Http,
            ..Options::default()
        };
        let proxy = rig.proxy_with(upstream, options).await;
        Self { rig, proxy, served }
    }

    fn fault(&self, settings: &str) {
        self.rig.fault("http", settings);
    }

    fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }

    async fn http1(&mut self) -> http1::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(TcpStream::connect(self.proxy).await.unwrap());
        let (sender, connection) = http1::handshake(io).await.unwrap();
        self.rig.tasks.spawn(async move { drop(connection.await) });
        sender
    }

    async fn http2(&mut self) -> http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(TcpStream::connect(self.proxy).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        self.rig.tasks.spawn(async move { drop(connection.await) });
        sender
    }
}

/// Answers both versions: `/echo` gives the body back, `/zeros/N` N bytes in pieces, `/grpc…` a message and trailers.
async fn serve(tasks: &mut JoinSet<()>, served: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let served = Arc::clone(&served);
            connections.spawn(async move {
                let mut first = [0; 3];
                socket.peek(&mut first).await.ok();
                let service = service_fn(move |request| answer(request, Arc::clone(&served)));
                let io = TokioIo::new(socket);
                if &first == b"PRI" {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    builder.serve_connection(io, service).await.ok();
                } else {
                    let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
                    connection.await.ok();
                }
            });
        }
    });
    address
}

async fn answer(request: Request<Incoming>, served: Arc<AtomicU64>) -> Result<Response<Body>, Infallible> {
    served.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let body: Body = if let Some(length) = path.strip_prefix("/zeros/") {
        let length: usize = length.parse().unwrap();
        let pieces = (0..length)
            .step_by(65_536)
            .map(move |at| Ok(Frame::data(Bytes::from(vec![0; (length - at).min(65_536)]))));
        StreamBody::new(futures_util::stream::iter(pieces)).boxed_unsync()
    } else if path.starts_with("/grpc") {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let frames = [
            Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x02hi"))),
            Ok(Frame::trailers(trailers)),
        ];
        StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
    } else {
        let whole = request
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        Full::new(whole).boxed_unsync()
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert("etag", HeaderValue::from_static("\"real\""));
    Ok(response)
}

fn post(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://shop.example{path}")).header("host", "shop.example");
    request
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap()
}

fn get_on_http1(path: &str) -> Request<Full<Bytes>> {
    Request::get(path)
        .header("host", "shop.example")
        .body(Full::default())
        .unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn without_a_fault_both_versions_pass_as_they_are() {
    let mut bench = Bench::start().await;
    let mut one = bench.http1().await;
    for _ in 0..3 {
        let mut request = post("/echo", "hello");
        *request.uri_mut() = "/echo?x=1".parse().unwrap();
        let response = soon(one.send_request(request)).await.unwrap();
        assert_eq!(
            (response.status(), response.headers()["etag"].as_bytes()),
            (StatusCode::OK, &b"\"real\""[..])
        );
        assert_eq!(text(response).await, "hello");
    }
    let two = bench.http2().await;
    let asked = (0..20).map(|_| {
        let mut two = two.clone();
        async move {
            text(
                soon(two.send_request(post("/echo", "multiplexed")))
                    .await
                    .unwrap(),
            )
            .await
        }
    });
    let answers: Vec<String> = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer == "multiplexed"));
    assert_eq!(bench.served(), 23);
}

#[tokio::test]
async fn an_answer_of_ours_is_given_without_asking_the_upstream_and_ends_with_its_fault() {
    let mut bench = Bench::start().await;
    bench.fault("path = \"/v1/*\"\nmethod = \"POST\"\nstatus = 503\nbody = \"busy\"\nretry_after = \"1500ms\"\nset_headers = { x-why = \"drill\" }");
    let (mut one, mut two) = (bench.http1().await, bench.http2().await);
    let mut request = post("/", "");
    *request.uri_mut() = "/v1/charges".parse().unwrap();
    for response in [
        soon(one.send_request(request.clone())).await.unwrap(),
        soon(two.send_request(post("/v1/charges", ""))).await.unwrap(),
    ] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["x-why"], "drill");
        assert_eq!(text(response).await, "busy");
    }
    assert_eq!(bench.served(), 0);
    // Another path is spared, on the same connection; and so is the same one when the fault has gone.
    assert_eq!(
        soon(two.send_request(post("/v2/x", ""))).await.unwrap().status(),
        StatusCode::OK
    );
    bench.rig.remove("fault");
    assert_eq!(
        soon(one.send_request(request)).await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(bench.served(), 2);
}

#[tokio::test]
async fn a_share_of_requests_is_met() {
    let mut bench = Bench::start().await;
    bench.fault("status = 500\nshare = \"30%\"");
    let mut one = bench.http1().await;
    let mut failed = 0;
    for _ in 0..300 {
        let response = soon(one.send_request(get_on_http1("/"))).await.unwrap();
        failed += u64::from(response.status() == StatusCode::INTERNAL_SERVER_ERROR);
        text(response).await;
    }
    // 90 of 300, give or take four standard deviations; the seed is fixed.
    assert!((58..=122).contains(&failed), "{failed}");
    assert_eq!(bench.served(), 300 - failed);
    let toxic = bench.rig.control.proxy_detail("p").unwrap().toxics.remove(0);
    assert_eq!(toxic.touched, failed);
}

#[tokio::test]
async fn a_delay_holds_the_answer_back_and_ends_with_its_fault() {
    let mut bench = Bench::start().await;
    bench.fault("delay = \"300ms\"");
    let mut one = bench.http1().await;
    let start = Instant::now();
    soon(one.send_request(get_on_http1("/"))).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
    bench.rig.remove("fault");
    bench.fault("delay = \"1h\"");
    let mut two = bench.http2().await;
    let held = two.send_request(post("/echo", "x"));
    let control = Arc::clone(&bench.rig.control);
    bench.rig.tasks.spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        control.delete_toxic("p", "fault").unwrap();
    });
    assert_eq!(text(soon(held).await.unwrap()).await, "x");
    // It was asked at once, although its answer was late.
    assert_eq!(bench.served(), 2);
}

#[tokio::test]
async fn headers_of_a_cdn_can_be_made_to_lie() {
    let mut bench = Bench::start().await;
    bench.fault("set_headers = { Age = \"86400\", X-Cache = \"HIT\" }\nremove_headers = [\"ETag\"]");
    let response = soon(bench.http1().await.send_request(get_on_http1("/")))
        .await
        .unwrap();
    assert_eq!(response.headers()["age"], "86400");
    assert_eq!(response.headers()["x-cache"], "HIT");
    assert!(!response.headers().contains_key("etag"));
    assert_eq!(bench.served(), 1);
}

#[tokio::test]
async fn a_connection_is_ended_or_reset_instead_of_answered() {
    let bench = Bench::start().await;
    for (how, error) in [
        ("close", None),
        ("reset", Some(std::io::ErrorKind::ConnectionReset)),
    ] {
        bench.fault(&format!("abort = \"{how}\""));
        let mut socket = TcpStream::connect(bench.proxy).await.unwrap();
        socket
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let read = soon(socket.read(&mut [0; 100])).await;
        match error {
            None => assert_eq!(read.unwrap(), 0, "{how}"),
            Some(kind) => assert_eq!(read.unwrap_err().kind(), kind, "{how}"),
        }
        bench.rig.remove("fault");
    }
    assert_eq!(bench.served(), 0);
}
