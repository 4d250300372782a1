//! Lines over TCP and unix sockets, WebSocket messages, DNS answers.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UdpSocket, UnixListener};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::{check, probe, probe_as, reason};
use crate::net::testing::{Authority, Server};

/// Greets, and answers `PING x` with `PONG x`.
async fn pong(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 pong 1.2 ready\r\n").await.ok();
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let answer = line.replace("PING", "PONG");
        stream.write_all(answer.as_bytes()).await.ok();
        line.clear();
    }
}

const TURNS: &str = "query_response:\n  - expect: '^220 (?P<name>\\w+) ([0-9.]+)'\n    labels: [{name: server, value: '${name}'}, {name: version, value: '${2}'}]\n    send: \"PING ${2}\"\n  - expect_bytes: \"PONG 1\"\n";

#[tokio::test]
async fn labels_hold_what_was_matched_and_bytes_are_compared() {
    let server = Server::raw(pong).await;
    let target = server.address.to_string();
    let good = probe("tcp", TURNS, &target).await;
    let info = "probe_expect_info{server=\"pong\",version=\"1.2\"} 1";
    check(
        &good,
        true,
        &[info, "probe_failed_due_to_regex 0", "probe_failed_due_to_bytes 0"],
        &["gameday_probe_reason"],
    );
    let other = probe("tcp", &TURNS.replace("PONG 1", "PONG 2"), &target).await;
    let why = reason("unexpected_reply");
    check(
        &other,
        false,
        &[
            info,
            "probe_failed_due_to_regex 0",
            "probe_failed_due_to_bytes 1",
            &why,
        ],
        &[],
    );
    let never = probe("tcp", "query_response: [{expect: '^SSH'}]", &target).await;
    check(
        &never,
        false,
        &["probe_failed_due_to_regex 0", &reason("timeout")],
        &[],
    );
}

#[tokio::test]
async fn a_unix_socket_is_talked_to_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            pong(stream).await;
        }
    });
    let good = probe("unix", TURNS, path.to_str().unwrap()).await;
    let info = "probe_expect_info{server=\"pong\",version=\"1.2\"} 1";
    check(
        &good,
        true,
        &[info],
        &["probe_ip_protocol", "probe_dns_lookup_time_seconds"],
    );
    let gone = probe("unix", "", "/nowhere/s").await;
    check(
        &gone,
        false,
        &["probe_failed_due_to_regex 0", &reason("connect_refused")],
        &["probe_expect_info"],
    );
}

#[tokio::test]
async fn the_hostname_of_a_request_is_the_name_that_tls_asks_for() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("pay.test", 2020..2099)).await;
    let target = server.address.to_string();
    let config = super::config("tcp", "tls: true");
    let named = probe_as(&config, &target, Some("pay.test"), &authority.connector()).await;
    check(
        &named,
        true,
        &[
            "probe_ssl_earliest_cert_expiry 4.0709088e+09",
            "probe_tls_version_info{version=\"TLS 1.3\"} 1",
            "probe_tls_cipher_info{cipher=\"TLS_AES_256_GCM_SHA384\"} 1",
            "gameday_probe_cert_expiry_timestamp_seconds 4.0709088e+09",
        ],
        &["gameday_probe_reason"],
    );
    let unnamed = probe_as(&config, &target, None, &authority.connector()).await;
    let why = reason("cert_name_mismatch");
    let ours = "gameday_probe_cert_expiry_timestamp_seconds 4.0709088e+09";
    check(&unnamed, false, &[&why, ours], &["probe_ssl"]);
}

/// Says `incoming_test`, hears one message, and says `passed` if it is `outgoing_test`.
async fn socket(stream: tokio::net::TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    socket.send(Message::text("incoming_test")).await.ok();
    if let Some(Ok(heard)) = socket.next().await {
        let said = if heard == Message::text("outgoing_test") {
            "passed"
        } else {
            "failed"
        };
        socket.send(Message::text(said)).await.ok();
    }
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn a_websocket_is_upgraded_and_talked_to() {
    let server = Server::raw(socket).await;
    let target = format!("ws://{}/live", server.address);
    let turns = "query_response:\n  - expect: incoming_(.+)\n    send: outgoing_${1}\n  - expect: ^passed";
    let good = probe("websocket", turns, &target).await;
    check(
        &good,
        true,
        &[
            "probe_websocket_status_code 101",
            "probe_websocket_connection_upgraded 1",
            "probe_websocket_failed_due_to_regex 0",
            "probe_ip_protocol 4",
        ],
        &["gameday_probe_reason"],
    );
    assert!(
        good.metrics
            .get("probe_websocket_duration_seconds", "{phase=\"transfer\"}")
            .is_some()
    );
    let other = probe("websocket", &turns.replace("^passed", "^other"), &target).await;
    check(
        &other,
        false,
        &[
            "probe_websocket_connection_upgraded 1",
            "probe_websocket_failed_due_to_regex 1",
            &reason("unexpected_reply"),
        ],
        &[],
    );
    let plain = Server::app(axum::Router::new()).await;
    let refused = probe("websocket", "", &format!("ws://{}/", plain.address)).await;
    check(
        &refused,
        false,
        &[
            "probe_websocket_status_code 404",
            "probe_websocket_connection_upgraded 0",
            &reason("http_status"),
        ],
        &[],
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_a_success_with_a_reason() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = server.recv_from(&mut question).await {
            let mut answer = question[..length].to_vec();
            // An answer (QR), cut off (TC).
            answer[2] |= 0x82;
            server.send_to(&answer, from).await.ok();
        }
    });
    let cut = probe("dns", "query_name: www.example.test\nquery_type: A", &target).await;
    check(
        &cut,
        true,
        &[
            "probe_dns_query_succeeded 1",
            "gameday_probe_dns_truncated 1",
            &reason("unexpected_reply"),
        ],
        &[],
    );
}
