//! Probes other than flows, against servers that behave and misbehave.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gameday_core::Source;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;

use crate::build::Runner;
use crate::net::Connector;
use crate::net::testing::Server;
use crate::observation::Observation;
use crate::{Environment, Probe, ProbePlan};

pub(super) async fn look(text: &str) -> Observation {
    let source = Source {
        path: "probes/p.toml".into(),
        text: format!("timeout = \"5s\"\n{text}"),
    };
    let plan = ProbePlan::load(&source, &BTreeMap::new()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let runner = Runner::new(&plan, &plan.kind, &Environment::new(), Connector::default()).unwrap();
    runner.run(Instant::now() + Duration::from_secs(5)).await
}

/// The one place that knows the API: the reason, and words in the message.
pub(super) async fn check(text: &str, reason: &str, words: &str) -> Observation {
    let seen = look(text).await;
    let message = seen.message.clone().unwrap_or_default();
    let said = seen.outcome.reason().map_or("up", |reason| reason.word());
    assert_eq!(said, reason, "{message}");
    assert!(message.contains(words), "`{words}` is not in `{message}`");
    seen
}

/// A server of lines: greets, answers `NAME x` with `250 hello x`, and ends at `QUIT`.
async fn lines(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 lines ready\r\n").await.ok();
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let answer = match line.trim().split_once(' ') {
            Some(("NAME", name)) => format!("250 hello {name}\r\n"),
            _ if line.trim() == "QUIT" => return,
            _ => "500 what\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.ok();
        line.clear();
    }
}

#[tokio::test]
async fn a_talk_goes_turn_by_turn_and_says_where_it_ends() {
    let server = Server::raw(lines).await;
    let talk = |turns: &str| format!("[tcp]\naddress = \"{}\"\ntalk = [{turns}]\n", server.address);
    let greeting = r#"{ expect = '/^220 (?P<who>\w+) /' }"#;
    check(&talk(greeting), "up", "").await;
    check(
        &talk(&format!(
            "{greeting}, {{ send = \"NAME ${{who}}\\r\\n\" }}, {{ expect = '/^250 hello lines/' }}"
        )),
        "up",
        "",
    )
    .await;
    check(
        &talk(&format!(
            "{greeting}, {{ send_base64 = \"TkFNRSB4DQo=\" }}, {{ expect_base64 = \"aGVsbG8geA==\" }}"
        )),
        "up",
        "",
    )
    .await;
    check(
        &talk(&format!(
            "{greeting}, {{ send = \"QUIT\\r\\n\" }}, {{ expect = '/^221/' }}"
        )),
        "unexpected_reply",
        "heard nothing, then it closed",
    )
    .await;
    check(
        &format!("[tcp]\naddress = \"{}\"\nfamily = \"ip6\"", server.address),
        "dns_no_address",
        "no IPv6 address",
    )
    .await;
    let endless =
        Server::raw(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} }).await;
    check(
        &format!(
            "[tcp]\naddress = \"{}\"\ntalk = [{{ expect = '/y/' }}]\n",
            endless.address
        ),
        "unexpected_reply",
        "and more",
    )
    .await;
}

#[tokio::test]
async fn a_datagram_is_answered_or_not() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 100];
        loop {
            let (read, from) = socket.recv_from(&mut buffer).await.unwrap();
            if &buffer[..read] == b"ping" {
                socket.send_to(b"pong", from).await.unwrap();
            }
        }
    });
    let probe = |lines: &str| format!("[udp]\naddress = \"{address}\"\n{lines}\n");
    check(&probe("send = \"ping\"\nexpect = '/^pong$/'"), "up", "").await;
    check(
        &probe("send = \"ping\"\nexpect = '/^ping$/'"),
        "unexpected_reply",
        "heard \"pong\"",
    )
    .await;
    check(&probe("send = \"nothing\"\nquiet = \"50ms\""), "up", "").await;
    let gone = {
        UdpSocket::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
    };
    check(
        &format!("[udp]\naddress = \"{gone}\"\nsend = \"x\""),
        "connect_refused",
        "port unreachable",
    )
    .await;
}

#[tokio::test]
async fn a_ping_is_answered_by_this_machine_or_not_allowed() {
    let seen = look("[icmp]\nhost = \"127.0.0.1\"\ncount = 2\ndont_fragment = true\nttl = 9\n").await;
    let message = seen.message.clone().unwrap_or_default();
    match seen.outcome.reason().map(gameday_core::Reason::word) {
        None => {
            let names: Vec<_> = seen.readings.iter().map(|reading| reading.name).collect();
            assert!(names.contains(&"icmp_rtt_min_seconds"), "{names:?}");
            assert_eq!(seen.readings[0].value, 0.0, "nothing is lost on loopback");
        }
        Some(reason) => {
            assert_eq!(reason, "cannot_look", "{message}");
            assert!(message.contains("ping_group_range"), "{message}");
        }
    }
}

/// A health service: `good` serves, `bad` does not, nothing else is known.
async fn health() -> Server {
    Server::raw(|stream| async move {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let service = String::from_utf8_lossy(body.get(7..).unwrap_or_default()).into_owned();
            let (code, content): (&str, &'static [u8]) = match (path.as_str(), service.as_str()) {
                ("/grpc.health.v1.Health/Check", "good" | "") => ("0", &[0, 0, 0, 0, 2, 8, 1]),
                ("/grpc.health.v1.Health/Check", "bad") => ("0", &[0, 0, 0, 0, 2, 8, 2]),
                _ => ("5", &[]),
            };
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_str(code).unwrap());
            let frames = [
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(content))),
                Ok(Frame::trailers(trailers)),
            ];
            let body = StreamBody::new(futures_util::stream::iter(frames));
            Ok::<_, Infallible>(hyper::Response::new(body))
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(stream), service).await.ok();
    })
    .await
}

#[tokio::test]
async fn a_grpc_service_says_itself_whether_it_serves() {
    let server = health().await;
    let probe = |service: &str| {
        format!(
            "[grpc]\naddress = \"{}\"\nservice = \"{service}\"\n",
            server.address
        )
    };
    check(&probe("good"), "up", "").await;
    check(&probe(""), "up", "").await;
    check(&probe("bad"), "not_serving", "NOT_SERVING").await;
    check(&probe("nobody"), "not_serving", "NOT_FOUND").await;
    let plain = Server::pieces(&[(0, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
    check(
        &format!("[grpc]\naddress = \"{}\"\n", plain.address),
        "http_protocol",
        "HTTP/2",
    )
    .await;
    let none = Server::raw(|stream| async move {
        let service = service_fn(|_| async {
            Ok::<_, Infallible>(
                hyper::Response::builder()
                    .status(404)
                    .body(Full::new(Bytes::new()))
                    .unwrap(),
            )
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(stream), service).await.ok();
    })
    .await;
    check(
        &format!("[grpc]\naddress = \"{}\"\n", none.address),
        "unexpected_reply",
        "status 404",
    )
    .await;
}

#[tokio::test]
async fn a_websocket_is_opened_talked_over_and_pinged() {
    let server = Server::raw(|stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
            return;
        };
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let text = format!("echo {}", message.into_text().unwrap());
                socket.send(Message::text(text)).await.ok();
            }
        }
    })
    .await;
    let probe = |lines: &str| format!("[websocket]\nurl = \"ws://{}/chat\"\n{lines}\n", server.address);
    let seen = check(
        &probe("ping = true\ntalk = [{ send = \"hi\" }, { expect = '/^echo hi$/' }]"),
        "up",
        "",
    )
    .await;
    assert!(seen.readings[0].value > 0.0, "{:?}", seen.readings);
    check(
        &probe("talk = [{ send = \"hi\" }, { expect = '/^hi$/' }]"),
        "unexpected_reply",
        "echo hi",
    )
    .await;
    let plain = Server::pieces(&[(0, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")]).await;
    check(
        &format!("[websocket]\nurl = \"ws://{}/\"\n", plain.address),
        "http_status",
        "status 403 instead of an upgrade",
    )
    .await;
    let mute =
        Server::raw(|mut stream| async move { stream.read_to_end(&mut Vec::new()).await.map_or((), drop) })
            .await;
    let text = format!(
        "timeout = \"300ms\"\n[websocket]\nurl = \"ws://{}/\"\n",
        mute.address
    );
    let source = Source {
        path: "probes/p.toml".into(),
        text,
    };
    let plan = ProbePlan::load(&source, &BTreeMap::new()).unwrap();
    let runner = Runner::new(&plan, &plan.kind, &Environment::new(), Connector::default()).unwrap();
    let seen = runner.run(Instant::now() + Duration::from_millis(300)).await;
    assert_eq!(
        seen.outcome.reason().map(gameday_core::Reason::word),
        Some("timeout")
    );
}
