//! TCP, TLS, UDP, gRPC and WebSocket servers that do not know when to stop.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::{TWO, flood, hear, hold, look, server};

const TCP: &str = "timeout = \"2s\"\n[tcp]\naddress = \"{}\"\ntalk = [{ expect = \"/^220 /\" }]\n";

#[test]
fn a_banner_without_end_is_no_banner() {
    let banner = server(|stream| flood(stream, b"hello "));
    look(banner, TCP).is("unexpected_reply", &["and more"], TWO);
    look(server(hold), TCP).is("timeout", &["no answer in time"], TWO);
    let dripping = server(|stream| super::drip(stream, std::iter::repeat(b'x'), Duration::from_millis(50)));
    look(dripping, TCP).is("unexpected_reply", &["nothing more in time"], TWO);
    let gone = server(|_| Ok(()));
    let seen = look(gone, TCP);
    seen.is("unexpected_reply", &["then it closed"], TWO);
}

#[test]
fn who_never_reads_is_a_timeout() {
    let deaf = server(|stream| {
        thread::sleep(Duration::from_secs(20));
        drop(stream);
        Ok(())
    });
    let file = format!(
        "timeout = \"2s\"\n[tcp]\naddress = \"{{}}\"\ntalk = [{{ send = \"{}\" }}, {{ expect = \"/./\" }}]\n",
        "x".repeat(100_000)
    );
    look(deaf, &file).is("timeout", &[], TWO);
}

#[test]
fn a_dialogue_before_tls_ends_too() {
    let file = "timeout = \"2s\"\n[tcp]\naddress = \"{}\"\nstarttls = \"smtp\"\n";
    let endless = server(|stream| flood(stream, b"220-still greeting\r\n"));
    look(endless, file).is("unexpected_reply", &[], TWO);
    look(server(hold), file).is("timeout", &["smtp"], TWO);
    let refusing = server(|mut stream| {
        stream.write_all(b"554 no\r\n")?;
        hold(stream)
    });
    look(refusing, file).is("unexpected_reply", &["554 no"], TWO);
}

#[test]
fn a_handshake_that_does_not_go_on_is_no_handshake() {
    let https = "timeout = \"2s\"\n[[step]]\nname = \"ask\"\nget = \"https://{}/\"\n";
    look(server(hold), https).is("tls_handshake", &["in time"], TWO);
    let plain = server(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        hold(stream)
    });
    look(plain, https).is("tls_handshake", &[], TWO);
    // Records of a handshake that never say anything whole.
    let endless = server(|mut stream| {
        stream.read_exact(&mut [0; 16])?;
        let mut record = vec![22, 3, 3, 0x40, 0];
        record.extend([2, 0xff, 0xff, 0xff]);
        record.resize(5 + 0x4000, 0);
        flood(stream, &record)
    });
    look(endless, https).is("tls_handshake", &[], TWO);
    let alert = server(|mut stream| {
        stream.read_exact(&mut [0; 16])?;
        stream.write_all(&[21, 3, 3, 0, 2, 2, 40])?;
        hold(stream)
    });
    look(alert, https).is("tls_handshake", &["handshake_failure"], TWO);
}

#[test]
fn datagrams_without_end_are_one_answer() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            (0..1000).for_each(|_| drop(socket.send_to(&[b'x'; 1400], from)));
        }
    });
    let file = "timeout = \"2s\"\n[udp]\naddress = \"{}\"\nsend = \"hi\"\nexpect = \"/pong/\"\n";
    look(address, file).is("unexpected_reply", &["pong"], TWO);
}

/// A WebSocket's handshake, and then frames of the server's own making.
fn websocket(
    then: impl Fn(std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> std::net::SocketAddr {
    server(move |mut stream| {
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut buffer)?;
            heard.extend_from_slice(&buffer[..read]);
        }
        let text = String::from_utf8_lossy(&heard).into_owned();
        let key = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key")
                .then(|| value.trim().to_owned())
        });
        let accept = accept(&key.unwrap());
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        then(stream)
    })
}

/// RFC 6455, 4.2.2: by openssl, so that the answer is not ours.
fn accept(key: &str) -> String {
    let command = format!(
        "printf %s {key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11 | openssl dgst -sha1 -binary | openssl base64"
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const WEBSOCKET: &str = "timeout = \"2s\"\n[websocket]\nurl = \"ws://{}/\"\ntalk = [{ send = \"hi\" }, { expect = \"/pong/\" }]\n";

#[test]
fn frames_that_are_bombs_are_too_large() {
    let claimed = websocket(|mut stream| {
        // A text of 2^62 bytes, of which some come.
        stream.write_all(&[0x81, 127, 0x40, 0, 0, 0, 0, 0, 0, 0])?;
        flood(stream, &[b'x'; 4096])
    });
    look(claimed, WEBSOCKET).is("body_too_large", &[], TWO);
    let in_pieces = websocket(|mut stream| {
        stream.write_all(&[0x01, 1, b'x'])?;
        loop {
            let mut piece = vec![0x00, 126, 0x10, 0];
            piece.extend([b'x'; 4096]);
            stream.write_all(&piece)?;
        }
    });
    look(in_pieces, WEBSOCKET).is("body_too_large", &[], TWO);
}

#[test]
fn a_websocket_that_never_says_what_is_expected_is_a_timeout() {
    look(websocket(hold), WEBSOCKET).is("timeout", &[], TWO);
    let pinging = websocket(|mut stream| {
        let listener = stream.try_clone()?;
        thread::spawn(move || hold(listener));
        loop {
            stream.write_all(&[0x89, 0])?;
        }
    });
    look(pinging, WEBSOCKET).is("timeout", &[], TWO);
    look(server(hold), WEBSOCKET).is("timeout", &["upgrade"], TWO);
}

#[test]
fn what_is_no_websocket_is_told_so() {
    let reserved = websocket(|mut stream| {
        stream.write_all(&[0xf1, 1, b'x'])?;
        hold(stream)
    });
    look(reserved, WEBSOCKET).is("http_protocol", &[], TWO);
    let other_key = server(|mut stream| {
        hear(&mut stream)?;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: aaaaaaaaaaaaaaaaaaaaaaaaaaa=\r\n\r\n")?;
        hold(stream)
    });
    look(other_key, WEBSOCKET).is("http_protocol", &[], TWO);
    let page = super::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    look(page, WEBSOCKET).is("http_status", &["200"], TWO);
    let endless = server(|mut stream| {
        hear(&mut stream)?;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n")?;
        flood(stream, b"X: y\r\n")
    });
    look(endless, WEBSOCKET).is("header_too_large", &[], TWO);
}

#[test]
fn a_health_service_that_does_not_answer_is_a_timeout_or_no_grpc() {
    let file = "timeout = \"2s\"\n[grpc]\naddress = \"{}\"\n";
    look(server(hold), file).is("timeout", &[], TWO);
    let web = super::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let seen = look(web, file);
    let reason = seen.said["reason"].as_str().unwrap();
    assert!(
        ["http_protocol", "connection_reset"].contains(&reason),
        "{}",
        seen.said
    );
    let endless = server(|stream| flood(stream, &[0; 4096]));
    look(endless, file).is("http_protocol", &[], TWO);
}
