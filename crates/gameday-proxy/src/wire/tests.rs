//! What goes over real sockets. Lower bounds are strict; upper bounds only say that the machine was not asleep.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::control::ProxyEdit;
use crate::testing::{Rig, pair, read_all, soon};

#[tokio::test]
async fn half_close_keeps_the_reply() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.unwrap(), b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await.unwrap(), b"answer");
}

#[tokio::test]
async fn half_close_keeps_the_reply_under_latency_as_well() {
    let rig = Rig::start();
    rig_with_latency(&rig, 30).await;
    let (mut client, mut server) = pair_of(&rig).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.unwrap(), b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await.unwrap(), b"answer");
}

#[tokio::test]
async fn a_reset_is_passed_on_as_a_reset_both_ways() {
    for from_client in [true, false] {
        let rig = Rig::start();
        let (client, server) = pair(&rig).await;
        let (sender, mut receiver) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        sender.set_zero_linger().unwrap();
        drop(sender);
        let error = read_all(&mut receiver).await.expect_err(if from_client {
            "from the client"
        } else {
            "from the server"
        });
        assert_eq!(
            error.kind(),
            ErrorKind::ConnectionReset,
            "from the client: {from_client}"
        );
    }
}

#[tokio::test]
async fn latency_is_never_short_and_ten_chunks_arrive_together() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    rig.add("slow", "latency", "downstream", &[("latency", 100)]);
    let mut client = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    let sent = Instant::now();
    for byte in 0..10_u8 {
        client.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let all_sent = sent.elapsed();
    let mut bytes = [0; 10];
    soon(client.read_exact(&mut bytes)).await.unwrap();
    let elapsed = sent.elapsed();
    assert_eq!(bytes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // Under 100 ms the toxic was not there. Ten delays one after the other would make a second.
    assert!(Duration::from_millis(100) <= elapsed, "{elapsed:?}");
    assert!(elapsed < all_sent + Duration::from_millis(600), "{elapsed:?}");
}

#[tokio::test]
async fn bandwidth_holds_the_rate() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    rig.add("narrow", "bandwidth", "upstream", &[("rate", 1000)]);
    let start = Instant::now();
    client.write_all(&vec![7; 200_000]).await.unwrap();
    client.shutdown().await.unwrap();
    let received = read_all(&mut server).await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(received.len(), 200_000);
    // 200 kB at 1 MB/s are 200 ms; sooner would be too fast, and ten times that not the rate either.
    assert!(
        Duration::from_millis(200) <= elapsed && elapsed < Duration::from_secs(2),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn a_reset_reaches_idle_existing_and_half_closed_connections() {
    for half_closed in [false, true] {
        let rig = Rig::start();
        let (mut client, mut server) = pair(&rig).await;
        client.write_all(b"hello").await.unwrap();
        soon(server.read_exact(&mut [0; 5])).await.unwrap();
        if half_closed {
            server.shutdown().await.unwrap();
            assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap(), 0);
        }
        rig.add("reset", "reset_peer", "downstream", &[("timeout", 0)]);
        assert_eq!(
            read_all(&mut server).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        if !half_closed {
            assert_eq!(
                read_all(&mut client).await.unwrap_err().kind(),
                ErrorKind::ConnectionReset
            );
        }
    }
}

#[tokio::test]
async fn a_reset_reaches_a_connection_that_is_stuck_in_a_write() {
    let rig = Rig::start();
    let (mut client, server) = pair(&rig).await;
    fill(&mut client).await;
    rig.add("reset", "reset_peer", "upstream", &[("timeout", 0)]);
    let error = soon(async {
        loop {
            client.writable().await.unwrap();
            match client.try_write(&[0; 1000]) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => break error,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    drop(server);
}

#[tokio::test]
async fn timeout_ends_a_connection_that_keeps_sending() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    rig.add("silence", "timeout", "upstream", &[("timeout", 200)]);
    let start = Instant::now();
    let ended = soon(async {
        while client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    })
    .await;
    // Before 200 ms it must live; after the close the next write or two fail.
    assert!(
        Duration::from_millis(200) <= ended && ended < Duration::from_secs(3),
        "{ended:?}"
    );
    assert_eq!(read_all(&mut server).await.unwrap(), b"", "all data is dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_keep_their_order_while_toxics_come_and_go() {
    let mut rig = Rig::start();
    let echo = rig.echo().await;
    let address = rig.proxy_to(echo).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = client.split();
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut received = Vec::new();
    let edits = async {
        for round in 0..12_u64 {
            let stream = if round % 2 == 0 { "upstream" } else { "downstream" };
            rig.add(
                "l",
                "latency",
                stream,
                &[("latency", 1 + round), ("jitter", round)],
            );
            tokio::time::sleep(Duration::from_millis(7)).await;
            rig.add("b", "bandwidth", stream, &[("rate", 100 * (round % 3))]);
            tokio::time::sleep(Duration::from_millis(7)).await;
            rig.remove("l");
            tokio::time::sleep(Duration::from_millis(7)).await;
            rig.remove("b");
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    };
    let send = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    soon(async { tokio::join!(edits, send, reader.read_to_end(&mut received)) })
        .await
        .2
        .unwrap();
    assert_eq!(received.len(), sent.len());
    assert!(received == sent, "not a byte is lost or out of its place");
    assert_eq!(rig.control.proxy("p").unwrap().toxics, []);
}

#[tokio::test]
async fn bytes_that_are_stuck_in_a_write_when_a_toxic_comes_are_not_lost() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    let sent = fill(&mut client).await;
    rig.add("slow", "latency", "upstream", &[("latency", 5)]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.shutdown().await.unwrap();
    let received = read_all(&mut server).await.unwrap();
    assert_eq!(received.len(), sent);
    let expected = (0..sent).map(|place| u8::try_from(place % 251).unwrap());
    assert!(
        received.into_iter().eq(expected),
        "not a byte is out of its place"
    );
}

#[tokio::test]
async fn a_proxy_switched_off_refuses_at_once_and_cuts_its_connections() {
    let rig = Rig::start();
    let (mut client, _server) = pair(&rig).await;
    let address = client.peer_addr().unwrap();
    let off = ProxyEdit {
        enabled: Some(false),
        ..ProxyEdit::default()
    };
    assert!(!rig.control.edit_proxy("p", off).await.unwrap().enabled);
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    let on = ProxyEdit {
        enabled: Some(true),
        ..ProxyEdit::default()
    };
    assert_eq!(
        rig.control.edit_proxy("p", on).await.unwrap().listen,
        address.to_string()
    );
    TcpStream::connect(address).await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_never_answers_holds_up_nobody() {
    let rig = Rig::start();
    // A full backlog: Linux drops further SYNs, so dialling hangs as with a black hole.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let upstream = listener.local_addr().unwrap();
    let mut fillers = JoinSet::new();
    for _ in 0..8 {
        fillers.spawn(TcpStream::connect(upstream));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let address = rig.proxy_to(upstream).await;
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(soon(TcpStream::connect(address)).await.unwrap());
    }
    let off = ProxyEdit {
        enabled: Some(false),
        ..ProxyEdit::default()
    };
    soon(rig.control.edit_proxy("p", off)).await.unwrap();
    assert_eq!(read_all(&mut clients[0]).await.unwrap(), b"");
    // A dial that held up the accepting, or the API, would last its limit of 10 s.
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn five_hundred_stuck_connections_do_not_hold_up_the_api() {
    let rig = Rig::start();
    rig_with_latency(&rig, 50).await;
    let mut stuck = Vec::new();
    for _ in 0..500 {
        let (client, server) = pair_of(&rig).await;
        server.try_write(&[1; 65_536]).unwrap();
        stuck.push((client, server));
    }
    // No client reads. To fill the link's queue and the kernel's buffers takes megabytes, so only some are filled.
    let (a, rest) = stuck.split_at_mut(1);
    let (b, c) = rest.split_at_mut(1);
    tokio::join!(fill(&mut a[0].1), fill(&mut b[0].1), fill(&mut c[0].1));
    let start = Instant::now();
    rig.remove("slow");
    assert_eq!(rig.control.proxies().len(), 1);
    // Toxiproxy hangs here for ever. A second allows for a loaded machine; it takes microseconds.
    assert!(start.elapsed() < Duration::from_secs(1));
    // The same while every link is at work on the change, and when the proxy itself goes.
    rig.add("again", "latency", "downstream", &[("latency", 1)]);
    let start = Instant::now();
    tokio::task::yield_now().await;
    rig.control.delete_proxy("p").unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

async fn fill(socket: &mut TcpStream) -> usize {
    let pattern: Vec<u8> = (0..=250).cycle().take(251 * 300).collect();
    let (mut sent, mut quiet) = (0, 0);
    while quiet < 10 {
        match socket.try_write(&pattern[sent % 251..]) {
            Ok(length) => (sent, quiet) = (sent + length, 0),
            Err(_) => {
                quiet += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    sent
}

/// A proxy `p` with a latency named `slow` downstream, for [`pair_of`].
async fn rig_with_latency(rig: &Rig, ms: u64) {
    drop(pair(rig).await);
    rig.add("slow", "latency", "downstream", &[("latency", ms)]);
}

/// Another pair through the proxy `p`, which is led to a new upstream for it.
async fn pair_of(rig: &Rig) -> (TcpStream, TcpStream) {
    let upstream: std::net::SocketAddr = rig.control.proxy("p").unwrap().upstream.parse().unwrap();
    let listener = tokio::net::TcpListener::bind(upstream).await.unwrap();
    let client = TcpStream::connect(rig.control.proxy("p").unwrap().listen)
        .await
        .unwrap();
    let (server, _) = soon(listener.accept()).await.unwrap();
    (client, server)
}
