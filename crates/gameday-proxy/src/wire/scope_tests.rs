//! Which connections a toxic acts on.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::control::{NewToxic, ToxicEdit};
use crate::testing::{Rig, pair, soon};

#[tokio::test]
async fn toxicity_is_drawn_once_and_an_update_reaches_live_connections() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    rig.add("slow", "latency", "upstream", &[("latency", 86_400_000)]);
    client.write_all(b"a").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let never = ToxicEdit {
        toxicity: Some(0.0),
        ..ToxicEdit::default()
    };
    rig.control.edit_toxic("p", "slow", &never).unwrap();
    client.write_all(b"b").await.unwrap();
    let mut bytes = [0; 2];
    soon(server.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"ab");
}

/// Writes bytes that count modulo 251 until nothing more fits anywhere on the way; tells how many fitted.
#[tokio::test]
async fn a_scope_limits_a_toxic_to_some_connections_and_the_choice_stays() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    let attach = |name: &str, scope: &str| {
        let new = NewToxic {
            name: Some(name.to_owned()),
            kind: "reset_peer".to_owned(),
            stream: "upstream".to_owned(),
            toxicity: 1.0,
            scope: toml::from_str(scope).unwrap(),
            ..NewToxic::default()
        };
        rig.control.add_toxic("p", new).unwrap();
    };
    // Whether each of some connections, one after the other, was spared.
    let spared = async |count: usize| {
        let mut spared = Vec::new();
        for _ in 0..count {
            let mut client = TcpStream::connect(address).await.unwrap();
            let sent = client.write_all(b"x").await;
            spared.push(sent.is_ok() && soon(client.read_exact(&mut [0; 1])).await.is_ok());
        }
        spared
    };
    attach("first", "first = 2");
    assert_eq!(spared(4).await, [false, false, true, true]);
    rig.remove("first");
    attach("every", "every = 3");
    assert_eq!(spared(6).await, [true, true, false, true, true, false]);
    rig.remove("every");
    attach("others", "clients = [\"10.0.0.0/8\"]");
    assert_eq!(spared(2).await, [true, true]);
    rig.remove("others");
    attach("ours", "clients = [\"127.0.0.0/8\"]");
    assert_eq!(spared(2).await, [false, false]);
}

#[tokio::test]
async fn at_most_so_many_connections_are_under_a_toxic_at_a_time() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    let new = NewToxic {
        name: Some("silent".to_owned()),
        kind: "timeout".to_owned(),
        stream: "upstream".to_owned(),
        toxicity: 1.0,
        scope: toml::from_str("max_active = 1").unwrap(),
        ..NewToxic::default()
    };
    rig.control.add_toxic("p", new).unwrap();
    let held = TcpStream::connect(address).await.unwrap();
    // The proxy takes it in a moment; the next one comes later.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut spared = TcpStream::connect(address).await.unwrap();
    spared.write_all(b"x").await.unwrap();
    soon(spared.read_exact(&mut [0; 1])).await.unwrap();
    drop(held);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(b"x").await.unwrap();
    let silent = tokio::time::timeout(Duration::from_millis(200), next.read_exact(&mut [0; 1])).await;
    assert!(silent.is_err(), "the place was free again: {silent:?}");
    // The one that was spared stays so.
    spared.write_all(b"y").await.unwrap();
    soon(spared.read_exact(&mut [0; 1])).await.unwrap();
}
