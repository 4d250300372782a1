//! What each kind of toxic does to real sockets. Times have strict lower bounds; upper ones only say that it ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::control::NewToxic;
use crate::testing::{Rig, pair, read_all, soon};

fn attach(rig: &Rig, kind: &str, attributes: Value) {
    let Value::Object(attributes) = attributes else {
        panic!("attributes are an object")
    };
    let new = NewToxic {
        name: Some(kind.to_owned()),
        kind: kind.to_owned(),
        stream: "downstream".to_owned(),
        toxicity: 1.0,
        attributes,
        ..NewToxic::default()
    };
    rig.control.add_toxic("p", new).unwrap();
}

/// A connection under a toxic: the client's socket, and the upstream's.
async fn under(kind: &str, attributes: Value) -> (Rig, TcpStream, TcpStream) {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    // A byte through says that the connection is carried before the toxic comes.
    server.write_all(b"!").await.unwrap();
    soon(client.read_exact(&mut [0; 1])).await.unwrap();
    attach(&rig, kind, attributes);
    (rig, client, server)
}

#[tokio::test]
async fn slow_close_holds_the_end_back_and_not_the_data() {
    let (_rig, mut client, mut server) = under("slow_close", json!({"delay": 200})).await;
    let start = Instant::now();
    server.write_all(b"data").await.unwrap();
    server.shutdown().await.unwrap();
    soon(client.read_exact(&mut [0; 4])).await.unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(200),
        "the data did not wait"
    );
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_slicer_makes_pieces_and_pauses_and_changes_no_byte() {
    let (_rig, mut client, mut server) = under("slicer", json!({"average_size": 10, "delay": 20_000})).await;
    let start = Instant::now();
    server.write_all(&[7; 100]).await.unwrap();
    let mut reads = Vec::new();
    while reads.iter().sum::<usize>() < 100 {
        let mut bytes = [0; 100];
        let read = soon(client.read(&mut bytes)).await.unwrap();
        assert!(bytes[..read].iter().all(|byte| *byte == 7));
        reads.push(read);
    }
    // Ten pieces have nine pauses between them; a loaded machine may read two at once.
    assert!(start.elapsed() >= Duration::from_millis(180));
    assert!(reads.len() > 3, "{reads:?}");
}

#[tokio::test]
async fn limit_data_lets_so_many_bytes_pass_and_then_ends_the_connection() {
    let (_rig, mut client, mut server) = under("limit_data", json!({"bytes": 1000})).await;
    server.write_all(&[1; 999]).await.unwrap();
    soon(client.read_exact(&mut [0; 999])).await.unwrap();
    server.write_all(&[2; 500]).await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), [2]);
    // The upstream's side is gone as well.
    let mut rest = [0; 1];
    assert!(matches!(soon(server.read(&mut rest)).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn limit_time_ends_a_connection_in_which_data_flows() {
    for (reset, wanted) in [(false, "end"), (true, "reset")] {
        let start = Instant::now();
        let (_rig, mut client, mut server) =
            under("limit_time", json!({"after": "200ms", "reset": reset})).await;
        let ended = soon(async {
            loop {
                server.write_all(b"x").await.ok();
                match client.read(&mut [0; 16]).await {
                    Ok(0) => return "end",
                    Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Err(_) => return "reset",
                }
            }
        });
        assert_eq!(ended.await, wanted);
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn corruption_changes_about_the_share_of_bytes_and_no_length() {
    let (_rig, mut client, mut server) = under("corrupt", json!({"share": "10%"})).await;
    server.write_all(&[0; 10_000]).await.unwrap();
    server.shutdown().await.unwrap();
    let got = read_all(&mut client).await.unwrap();
    assert_eq!(got.len(), 10_000);
    let hit = got.iter().filter(|byte| **byte != 0).count();
    // 1000, give or take five standard deviations.
    assert!((850..=1150).contains(&hit), "{hit}");
}

#[tokio::test]
async fn noop_carries_all_as_it_is() {
    let (_rig, mut client, mut server) = under("noop", json!({})).await;
    server.write_all(b"as it is").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), b"as it is");
}

#[tokio::test]
async fn a_shared_rate_is_of_all_connections_and_one_that_goes_gives_its_part_back() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    attach(&rig, "bandwidth", json!({"rate": 100, "shared": true}));
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[0; 10_000]).await.unwrap();
        clients.push(client);
    }
    for client in &mut clients {
        soon(client.read_exact(&mut [0; 10_000])).await.unwrap();
    }
    // 40 kB at 100 kB/s. Each by itself would have had its 10 kB after 100 ms.
    assert!(
        start.elapsed() >= Duration::from_millis(390),
        "{:?}",
        start.elapsed()
    );
    // Ten seconds are booked by one that goes.
    let mut greedy = TcpStream::connect(address).await.unwrap();
    greedy.write_all(&[0; 1_000_000]).await.unwrap();
    soon(greedy.read_exact(&mut [0; 1000])).await.unwrap();
    greedy.set_zero_linger().unwrap();
    drop(greedy);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let again = Instant::now();
    clients[0].write_all(&[0; 1000]).await.unwrap();
    soon(clients[0].read_exact(&mut [0; 1000])).await.unwrap();
    assert!(again.elapsed() < Duration::from_secs(5), "{:?}", again.elapsed());
}

#[tokio::test]
async fn clients_are_turned_away_left_hanging_or_served_late() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    let accept = |settings: &str| {
        let attributes: serde_json::Value = toml::from_str::<toml::Value>(settings)
            .unwrap()
            .try_into()
            .unwrap();
        let new = NewToxic {
            name: Some("door".to_owned()),
            kind: "accept".to_owned(),
            stream: "upstream".to_owned(),
            toxicity: 1.0,
            attributes: attributes.as_object().unwrap().clone(),
            ..NewToxic::default()
        };
        rig.control.add_toxic("p", new).unwrap();
    };
    let knock = async || {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"x").await.ok();
        client
    };
    accept("mode = \"refuse\"");
    let error = soon(knock().await.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    rig.remove("door");

    accept("mode = \"late\"\ndelay = \"200ms\"");
    let start = Instant::now();
    assert_eq!(soon(knock().await.read_u8()).await.unwrap(), b'x');
    assert!(start.elapsed() >= Duration::from_millis(200));
    rig.remove("door");

    accept("mode = \"hang\"");
    let mut client = knock().await;
    let early = tokio::time::timeout(Duration::from_millis(300), client.read_u8()).await;
    assert!(early.is_err(), "{early:?}");
    rig.remove("door");
    assert_eq!(soon(client.read_u8()).await.unwrap(), b'x');
}
