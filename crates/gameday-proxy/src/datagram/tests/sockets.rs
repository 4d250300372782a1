//! Real sockets. Lower bounds are strict; upper bounds only say that the machine was not asleep.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::control::{NewToxic, ProxyEdit};
use crate::datagram::DatagramDirections;
use crate::options::{Options, Protocol};
use crate::testing::{Rig, soon};

/// An upstream that sends every datagram back.
async fn echo(rig: &mut Rig) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket2::SockRef::from(&socket)
        .set_recv_buffer_size(4 << 20)
        .unwrap();
    let address = socket.local_addr().unwrap();
    rig.tasks.spawn(async move {
        let mut buffer = vec![0; 65_535];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&buffer[..length], from).await.ok();
        }
    });
    address
}

fn options(idle: &str) -> Options {
    serde_json::from_value(json!({ "protocol": "udp", "udp": { "idle": idle } })).unwrap()
}

async fn client(proxy: SocketAddr) -> UdpSocket {
    let local = if proxy.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).await.unwrap();
    socket2::SockRef::from(&socket)
        .set_recv_buffer_size(4 << 20)
        .unwrap();
    socket.connect(proxy).await.unwrap();
    socket
}

async fn ask(client: &UdpSocket, question: &[u8]) -> Vec<u8> {
    client.send(question).await.unwrap();
    receive(client).await
}

async fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    let length = soon(client.recv(&mut buffer)).await.unwrap();
    buffer.truncate(length);
    buffer
}

async fn is_silent(client: &UdpSocket) -> bool {
    timeout(Duration::from_millis(150), client.recv(&mut [0; 64]))
        .await
        .is_err()
}

fn toxic(rig: &Rig, kind: &str, stream: &str, attributes: Value) -> Result<(), String> {
    let new = NewToxic {
        name: Some(format!("{kind}-{stream}")),
        kind: kind.to_owned(),
        stream: stream.to_owned(),
        toxicity: 1.0,
        attributes: serde_json::from_value(attributes).unwrap(),
        ..NewToxic::default()
    };
    rig.control
        .add_toxic("p", new)
        .map(drop)
        .map_err(|refusal| refusal.to_string())
}

fn counts(rig: &Rig) -> DatagramDirections {
    rig.control.proxy_detail("p").unwrap().datagrams.unwrap()
}

fn sessions(rig: &Rig) -> (u64, u64) {
    let connections = rig.control.proxy_detail("p").unwrap().connections;
    (connections.open, connections.accepted)
}

async fn until(what: impl Fn() -> bool) {
    soon(async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn datagrams_go_there_and_back_whole_for_each_client() {
    let mut rig = Rig::start();
    let upstream = echo(&mut rig).await;
    let proxy = rig.proxy_with(upstream, options("30s")).await;
    let (one, two) = (client(proxy).await, client(proxy).await);
    for size in [0_usize, 1, 1472, 9000, 65_507] {
        let question: Vec<u8> = (0..=250).cycle().take(size).collect();
        assert_eq!(ask(&one, &question).await, question, "{size}");
    }
    assert_eq!(ask(&two, b"two").await, b"two");
    assert_eq!(sessions(&rig), (2, 2));
    let counts = counts(&rig);
    assert_eq!((counts.upstream.received, counts.upstream.sent), (6, 6));
    assert_eq!((counts.downstream.sent, counts.downstream.dropped), (6, 0));
    assert_eq!(rig.control.proxy_detail("p").unwrap().bytes.upstream, 75_983);
}

#[tokio::test]
async fn ipv6_and_names_of_upstreams_work() {
    let mut rig = Rig::start();
    let port = echo(&mut rig).await.port();
    let new = crate::control::NewProxy {
        name: "p".to_owned(),
        listen: "[::1]:0".to_owned(),
        upstream: format!("localhost:{port}"),
        enabled: true,
        options: options("30s"),
        ..Default::default()
    };
    let proxy = rig
        .control
        .create_proxy(new)
        .await
        .unwrap()
        .listen
        .parse()
        .unwrap();
    // Where `localhost` is ::1 first, nobody is there; the next session finds that out again.
    let client = client(proxy).await;
    client.send(b"six").await.unwrap();
    let answer = timeout(Duration::from_millis(500), receive(&client)).await;
    let first = tokio::net::lookup_host(("localhost", port))
        .await
        .unwrap()
        .next()
        .unwrap();
    assert_eq!(answer.is_ok(), first.is_ipv4());
}

#[tokio::test]
async fn toxics_act_on_live_sessions_and_go_at_once() {
    let mut rig = Rig::start();
    let upstream = echo(&mut rig).await;
    let proxy = rig.proxy_with(upstream, options("30s")).await;
    let client = client(proxy).await;
    assert_eq!(ask(&client, b"before").await, b"before");

    toxic(&rig, "latency", "downstream", json!({ "latency": 120 })).unwrap();
    let start = Instant::now();
    assert_eq!(ask(&client, b"late").await, b"late");
    let waited = start.elapsed();
    // Never early; ten seconds are the limit of waiting at all.
    assert!(waited >= Duration::from_millis(120), "{waited:?}");
    rig.remove("latency-downstream");

    toxic(&rig, "packet_loss", "upstream", json!({ "share": "100%" })).unwrap();
    client.send(b"lost").await.unwrap();
    assert!(is_silent(&client).await);
    rig.remove("packet_loss-upstream");
    assert_eq!(ask(&client, b"after").await, b"after");

    toxic(&rig, "duplicate", "downstream", json!({ "share": "100%" })).unwrap();
    assert_eq!(ask(&client, b"twice").await, b"twice");
    assert_eq!(receive(&client).await, b"twice");
    rig.remove("duplicate-downstream");

    toxic(&rig, "corrupt", "upstream", json!({ "share": "100%" })).unwrap();
    let spoiled = ask(&client, &[0; 4]).await;
    assert!(
        spoiled.len() == 4 && spoiled.iter().all(|byte| byte.count_ones() == 1),
        "{spoiled:?}"
    );
    let counts = counts(&rig);
    assert_eq!((counts.upstream.dropped, counts.upstream.corrupted), (1, 1));
    assert_eq!((counts.downstream.duplicated, counts.downstream.sent), (1, 6));
    assert_eq!(sessions(&rig), (1, 1));
}

#[tokio::test]
async fn counts_are_exact_under_everything_at_once() {
    let mut rig = Rig::start();
    let upstream = echo(&mut rig).await;
    let proxy = rig.proxy_with(upstream, options("30s")).await;
    toxic(
        &rig,
        "packet_loss",
        "upstream",
        json!({ "burst": { "enter": "5%", "leave": "30%" } }),
    )
    .unwrap();
    toxic(&rig, "duplicate", "upstream", json!({ "share": "10%" })).unwrap();
    toxic(
        &rig,
        "reorder",
        "downstream",
        json!({ "share": "20%", "delay": "5ms" }),
    )
    .unwrap();
    toxic(
        &rig,
        "latency",
        "downstream",
        json!({ "latency": 2, "jitter": 2 }),
    )
    .unwrap();
    let client = client(proxy).await;
    let mut seen = Vec::new();
    for number in 0..2000_u32 {
        client.send(&number.to_be_bytes()).await.unwrap();
        if number % 20 == 19 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut buffer = [0; 4];
    while let Ok(Ok(4)) = timeout(Duration::from_millis(500), client.recv(&mut buffer)).await {
        seen.push(u32::from_be_bytes(buffer));
    }
    let counts = counts(&rig);
    assert_eq!(counts.upstream.received, 2000);
    assert_eq!(
        counts.upstream.received + counts.upstream.duplicated,
        counts.upstream.sent + counts.upstream.dropped
    );
    assert_eq!(counts.upstream.sent, counts.downstream.received);
    assert_eq!(counts.downstream.sent, seen.len() as u64);
    assert!(
        counts.upstream.dropped > 50 && counts.upstream.duplicated > 50 && counts.downstream.reordered > 100
    );
    let different = seen.iter().collect::<BTreeSet<_>>().len() as u64;
    assert_eq!(different + counts.upstream.duplicated, seen.len() as u64);
    assert!(!seen.is_sorted());
    let toxics = rig.control.proxy_detail("p").unwrap().toxics;
    let touched = |kind: &str| toxics.iter().find(|toxic| toxic.kind == kind).unwrap().touched;
    assert_eq!(touched("packet_loss"), counts.upstream.dropped);
    assert_eq!(touched("reorder"), counts.downstream.reordered);
}

#[tokio::test]
async fn sessions_end_when_idle_and_when_the_upstream_is_not_there() {
    let mut rig = Rig::start();
    let upstream = echo(&mut rig).await;
    let proxy = rig.proxy_with(upstream, options("200ms")).await;
    let client = client(proxy).await;
    for _ in 0..5 {
        assert_eq!(ask(&client, b"x").await, b"x");
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    // It was never idle for 200 ms, though it has lived for 300.
    assert_eq!(sessions(&rig), (1, 1));
    until(|| sessions(&rig) == (0, 1)).await;
    assert_eq!(ask(&client, b"again").await, b"again");
    assert_eq!(sessions(&rig), (1, 2));

    // Nobody is there: the kernel says so (ICMP port unreachable), and the session ends long before it is idle.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let edit = ProxyEdit {
        upstream: Some(nobody.to_string()),
        options: Some(options("1h")),
        ..ProxyEdit::default()
    };
    rig.control.edit_proxy("p", edit).await.unwrap();
    client.send(b"x").await.unwrap();
    until(|| sessions(&rig) == (0, 3)).await;
}

#[tokio::test]
async fn the_longest_idle_session_makes_room_and_a_stopped_proxy_gives_its_port_up_at_once() {
    let mut rig = Rig::with_places(2);
    let upstream = echo(&mut rig).await;
    let proxy = rig.proxy_with(upstream, options("1h")).await;
    let (one, two, three) = (client(proxy).await, client(proxy).await, client(proxy).await);
    assert_eq!(ask(&one, b"1").await, b"1");
    assert_eq!(ask(&two, b"2").await, b"2");
    assert_eq!(ask(&one, b"1").await, b"1");
    // The place of the second is free a moment after it is asked for, so a first datagram may be lost.
    soon(async {
        loop {
            three.send(b"3").await.unwrap();
            if !is_silent(&three).await {
                break;
            }
        }
    })
    .await;
    assert_eq!(counts(&rig).evicted, 1);
    assert_eq!(sessions(&rig).0, 2);

    let off = ProxyEdit {
        enabled: Some(false),
        ..ProxyEdit::default()
    };
    rig.control.edit_proxy("p", off).await.unwrap();
    let taken = std::net::UdpSocket::bind(proxy);
    assert!(taken.is_ok(), "{taken:?}");
}

#[tokio::test]
async fn what_cannot_act_on_datagrams_is_refused_and_other_protocols_are_spared() {
    let mut rig = Rig::start();
    let upstream = echo(&mut rig).await;
    rig.proxy_with(upstream, options("30s")).await;
    let refused = toxic(&rig, "timeout", "downstream", json!({})).unwrap_err();
    assert_eq!(
        refused,
        "a `timeout` toxic cannot act on a proxy of the protocol `udp`"
    );
    let short = options("1ms");
    assert!(short.check().unwrap_err().contains("`udp.idle`"));
    let tcp = Options {
        protocol: Protocol::Tcp,
        ..options("5s")
    };
    assert!(tcp.check().unwrap_err().contains("`udp`"));
    assert!(Arc::strong_count(&rig.control) >= 1);
}
