//! What sessions do with stream toxics, over real sockets: the same as connections that are not looked into.
//!
//! Lower bounds are strict; upper bounds only say that the machine was not asleep.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::options::Options;
use crate::testing::{Rig, read_all, soon};
use crate::tls::TlsOptions;

/// Options that make every connection a session and do nothing else.
fn looked_into() -> Options {
    let tls = TlsOptions {
        passthrough: true,
        ..TlsOptions::default()
    };
    Options {
        tls,
        ..Options::default()
    }
}

/// A client and what the upstream got through a session.
async fn pair(rig: &Rig) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rig
        .proxy_with(listener.local_addr().unwrap(), looked_into())
        .await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    // No ClientHello: what follows passes.
    client.write_all(b"-").await.unwrap();
    soon(server.read_exact(&mut [0; 1])).await.unwrap();
    (client, server)
}

async fn echo(rig: &mut Rig) -> SocketAddr {
    let echo = rig.echo().await;
    rig.proxy_with(echo, looked_into()).await
}

#[tokio::test]
async fn half_close_keeps_the_reply_with_and_without_latency() {
    for latency in [0, 50] {
        let rig = Rig::start();
        let (mut client, mut server) = pair(&rig).await;
        if latency > 0 {
            rig.add("up", "latency", "upstream", &[("latency", latency)]);
            rig.add("down", "latency", "downstream", &[("latency", latency)]);
        }
        let start = Instant::now();
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut server).await.unwrap(), b"question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        // The session has ended by now, and what it sent is still under way.
        assert_eq!(read_all(&mut client).await.unwrap(), b"answer");
        let elapsed = start.elapsed();
        assert!(
            Duration::from_millis(2 * latency) <= elapsed,
            "{latency}: {elapsed:?}"
        );
    }
}

#[tokio::test]
async fn a_reset_is_passed_on_as_a_reset_both_ways() {
    for (from_client, latency) in [(true, 0), (false, 0), (true, 20), (false, 20)] {
        let rig = Rig::start();
        let (client, server) = pair(&rig).await;
        if latency > 0 {
            rig.add("up", "latency", "upstream", &[("latency", latency)]);
        }
        let (sender, mut receiver) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        sender.set_zero_linger().unwrap();
        drop(sender);
        let error = read_all(&mut receiver).await.expect_err("a reset");
        assert_eq!(
            error.kind(),
            ErrorKind::ConnectionReset,
            "{from_client} {latency}"
        );
    }
}

#[tokio::test]
async fn latency_is_never_short_and_ten_chunks_arrive_together() {
    for stream in ["upstream", "downstream"] {
        let mut rig = Rig::start();
        let address = echo(&mut rig).await;
        rig.add("slow", "latency", stream, &[("latency", 100)]);
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
        assert!(Duration::from_millis(100) <= elapsed, "{stream}: {elapsed:?}");
        assert!(
            elapsed < all_sent + Duration::from_millis(600),
            "{stream}: {elapsed:?}"
        );
    }
}

#[tokio::test]
async fn a_toxic_acts_on_a_live_session_and_gives_everything_back_when_it_goes() {
    let mut rig = Rig::start();
    let address = echo(&mut rig).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut round = async |text: &[u8]| {
        let start = Instant::now();
        client.write_all(text).await.unwrap();
        soon(client.read_exact(&mut vec![0; text.len()])).await.unwrap();
        start.elapsed()
    };
    round(b"before").await;
    rig.add("slow", "latency", "downstream", &[("latency", 150)]);
    let slow = round(b"during").await;
    assert!(Duration::from_millis(150) <= slow, "{slow:?}");
    assert!(rig.control.toxic("p", "slow").is_ok());
    rig.remove("slow");
    let fastest = [round(b"a").await, round(b"b").await, round(b"c").await]
        .into_iter()
        .min()
        .unwrap();
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
    // A day's delay: what it holds leaves when it goes.
    rig.add("stuck", "latency", "downstream", &[("latency", 86_400_000)]);
    client.write_all(b"held").await.unwrap();
    let mut text = [0; 4];
    let held = tokio::time::timeout(Duration::from_millis(100), client.read_exact(&mut text)).await;
    assert!(held.is_err());
    rig.remove("stuck");
    soon(client.read_exact(&mut text)).await.unwrap();
    assert_eq!(&text, b"held");
}

#[tokio::test]
async fn a_reset_reaches_idle_sessions_on_both_sides() {
    for stream in ["upstream", "downstream"] {
        let rig = Rig::start();
        let (mut client, mut server) = pair(&rig).await;
        rig.add("reset", "reset_peer", stream, &[("timeout", 0)]);
        for socket in [&mut server, &mut client] {
            assert_eq!(
                read_all(socket).await.unwrap_err().kind(),
                ErrorKind::ConnectionReset
            );
        }
    }
}

#[tokio::test]
async fn a_limit_of_data_lets_so_many_bytes_through_and_closes() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    rig.add("limit", "limit_data", "downstream", &[("bytes", 100)]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.write_all(&[7; 250]).await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), [7; 100]);
}

#[tokio::test]
async fn a_timeout_silences_and_then_closes() {
    let rig = Rig::start();
    let (mut client, mut server) = pair(&rig).await;
    rig.add("silent", "timeout", "downstream", &[("timeout", 200)]);
    let start = Instant::now();
    // The first look of a session at its toxics may be a moment later.
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.write_all(b"lost").await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), b"");
    assert!(
        Duration::from_millis(200) <= start.elapsed(),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn bandwidth_holds_the_rate_and_every_byte_arrives() {
    for stream in ["upstream", "downstream"] {
        let rig = Rig::start();
        let (client, server) = pair(&rig).await;
        rig.add("narrow", "bandwidth", stream, &[("rate", 1000)]);
        let (mut sender, mut receiver) = match stream {
            "upstream" => (client, server),
            _ => (server, client),
        };
        let sent: Vec<u8> = (0..200_000_u32).map(|at| (at * 7 % 251) as u8).collect();
        let start = Instant::now();
        let send = async {
            sender.write_all(&sent).await.unwrap();
            sender.shutdown().await.unwrap();
        };
        let ((), received) = tokio::join!(send, read_all(&mut receiver));
        let elapsed = start.elapsed();
        assert!(received.unwrap() == sent, "{stream}: the bytes differ");
        // 200 kB at 1 MB/s are 200 ms; sooner would be too fast, and ten times that not the rate either.
        assert!(
            Duration::from_millis(200) <= elapsed && elapsed < Duration::from_secs(2),
            "{stream}: {elapsed:?}"
        );
    }
}

#[tokio::test]
async fn a_session_that_nothing_leaves_takes_no_more_than_its_bound() {
    for stream in ["upstream", "downstream"] {
        let rig = Rig::start();
        let (client, server) = pair(&rig).await;
        rig.add("stop", "bandwidth", stream, &[("rate", 0)]);
        let (sender, mut receiver) = match stream {
            "upstream" => (client, server),
            _ => (server, client),
        };
        let mut taken = 0;
        while tokio::time::timeout(Duration::from_millis(500), sender.writable())
            .await
            .is_ok()
        {
            taken += sender.try_write(&[7; 64 * 1024]).unwrap_or(0);
            assert!(taken < 64 << 20, "{stream}: {taken} bytes went nowhere");
        }
        rig.remove("stop");
        drop(sender);
        let received = read_all(&mut receiver).await.unwrap();
        assert_eq!(received.len(), taken, "{stream}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_first_and_a_client_of_half_a_hello_are_not_kept_waiting() {
    let rig = Rig::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rig
        .proxy_with(listener.local_addr().unwrap(), looked_into())
        .await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    server.write_all(b"220 hello").await.unwrap();
    let mut banner = [0; 9];
    soon(client.read_exact(&mut banner)).await.unwrap();
    assert_eq!(&banner, b"220 hello");

    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    client.write_all(&[22, 3]).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.unwrap(), [22, 3]);
}

#[tokio::test]
async fn toxics_that_come_and_go_while_bytes_flow_lose_none_and_keep_their_order() {
    let mut rig = Rig::start();
    let address = echo(&mut rig).await;
    let client = TcpStream::connect(address).await.unwrap();
    let sent: Vec<u8> = (0..30_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    let (mut reader, mut writer) = client.into_split();
    let mut received = Vec::new();
    let carry = async {
        let send = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let receive = async { reader.read_to_end(&mut received).await.unwrap() };
        tokio::join!(send, receive);
    };
    let toggle = async {
        for round in 0_u64.. {
            let stream = ["upstream", "downstream"][usize::from(round % 2 == 1)];
            rig.add("now", "latency", stream, &[("latency", round % 4), ("jitter", 1)]);
            tokio::time::sleep(Duration::from_millis(3)).await;
            rig.remove("now");
            tokio::time::sleep(Duration::from_millis(round % 3)).await;
        }
    };
    tokio::select! {
        () = async { soon(carry).await } => {}
        () = toggle => {}
    }
    assert!(
        received == sent,
        "{} of {} bytes, or not the same",
        received.len(),
        sent.len()
    );
    let counted = rig.control.proxy_detail("p").unwrap().bytes;
    assert_eq!((counted.upstream, counted.downstream), (30_000_000, 30_000_000));
}
