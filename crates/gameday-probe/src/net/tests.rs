//! Requests over real sockets: the phases, and a reason of its own for each way to fail.

mod bodies;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::Reason;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::testing::{Authority, Server, get, hear, name_server, within_ms};
use super::{Connector, dial, lacking, resolve};
use crate::evidence::Evidence;

/// The one place that knows the API: the reason, or `ok` and the body.
async fn ask(connector: &Connector, url: &str, within: u64) -> String {
    match connector.exchange(&get(url), within_ms(within)).await.result {
        Ok(response) => format!("ok {}", String::from_utf8_lossy(&response.body.kept)),
        Err(fault) => fault.reason.to_string(),
    }
}

async fn ask_plainly(server: &Server, within: u64) -> String {
    ask(&Connector::default(), &server.url("/"), within).await
}

#[tokio::test]
async fn phases_are_where_the_time_went_and_add_up_exactly() {
    let pieces = &[(40, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"), (30, "b")];
    let server = Server::pieces(pieces).await;
    let began = Instant::now();
    let exchange = Connector::default()
        .exchange(&get(&server.url("/")), within_ms(5000))
        .await;
    let elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap();
    assert_eq!(&exchange.result.unwrap().body.kept[..], b"ab");
    let phases = exchange.phases;
    assert!(phases.wait_us >= 40_000, "the head came after 40 ms: {phases:?}");
    assert!(
        phases.transfer_us >= 30_000,
        "the rest came 30 ms later: {phases:?}"
    );
    // What is not in the phases is only what lies between two readings of the clock around them.
    let unseen = elapsed_us
        .checked_sub(phases.total_us())
        .expect("phases cannot be longer than the whole");
    assert!(unseen < 20_000, "{unseen} us are in no phase: {phases:?}");
}

#[tokio::test]
async fn a_status_line_that_drips_counts_from_its_first_byte() {
    let pieces = &[(0, "H"), (50, "TTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")];
    let server = Server::pieces(pieces).await;
    let phases = Connector::default()
        .exchange(&get(&server.url("/")), within_ms(5000))
        .await
        .phases;
    assert!(
        phases.transfer_us >= 50_000 && phases.wait_us < 50_000,
        "{phases:?}"
    );
}

#[tokio::test]
async fn nothing_listening_is_refused() {
    let gone = Server::pieces(&[]).await.address;
    tokio::task::yield_now().await;
    assert_eq!(
        ask(&Connector::default(), &format!("http://{gone}/"), 2000).await,
        "connect_refused"
    );
}

/// An address that lets connections wait forever: its queue is full and nobody accepts.
async fn black_hole(ip: Ipv4Addr, port: u16) -> (SocketAddr, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ip, port).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = Duration::from_millis(100);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (address, waiting, listener)
}

#[tokio::test]
async fn no_answer_to_the_connection_is_a_timeout() {
    let (address, _waiting, _listener) = black_hole(Ipv4Addr::LOCALHOST, 0).await;
    assert_eq!(
        ask(&Connector::default(), &format!("http://{address}/"), 200).await,
        "connect_timeout"
    );
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses_and_when_one_is_silent() {
    let server = Server::pieces(&[]).await;
    let port = server.address.port();
    let nobody: IpAddr = Ipv4Addr::new(127, 0, 0, 9).into();
    let began = Instant::now();
    let mut seen = Evidence::default();
    let both = [nobody, server.address.ip()];
    dial::dial(&both, port, None, &mut seen).await.unwrap();
    assert_eq!(seen.exhibits.len(), 2, "every attempt is an exhibit: {seen:?}");
    assert!(
        began.elapsed() < Duration::from_millis(250),
        "a refusal is not waited for"
    );

    let silent = Ipv4Addr::new(127, 0, 0, 8);
    let _hole = black_hole(silent, port).await;
    let began = Instant::now();
    let both = [silent.into(), server.address.ip()];
    dial::dial(&both, port, None, &mut Evidence::default())
        .await
        .unwrap();
    // The silent one has 250 ms for itself; the kernel's first retry would come after 1 s.
    let elapsed = began.elapsed();
    assert!(
        Duration::from_millis(250) <= elapsed && elapsed < Duration::from_secs(1),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn a_silent_server_is_a_header_timeout() {
    let server = Server::pieces(&[]).await;
    let exchange = Connector::default()
        .exchange(&get(&server.url("/")), within_ms(100))
        .await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::HeaderTimeout);
    assert!(
        exchange.phases.wait_us >= 90_000,
        "it waited: {:?}",
        exchange.phases
    );
}

#[tokio::test]
async fn a_body_that_does_not_end_is_a_body_timeout() {
    let server = Server::pieces(&[(0, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na")]).await;
    assert_eq!(ask_plainly(&server, 100).await, "body_timeout");
}

#[tokio::test]
async fn what_is_not_http_is_told_so() {
    let server = Server::pieces(&[(0, "SSH-2.0-OpenSSH_9.2\r\n")]).await;
    assert_eq!(ask_plainly(&server, 2000).await, "http_protocol");
}

#[tokio::test]
async fn a_head_over_64_kib_is_not_read() {
    let server = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n",
            "x".repeat(70_000)
        );
        stream.write_all(head.as_bytes()).await.ok();
    });
    assert_eq!(ask_plainly(&server.await, 2000).await, "header_too_large");
}

#[tokio::test]
async fn a_body_that_is_announced_longer_than_anybody_counts_is_too_large_and_its_head_is_not() {
    for length in [u64::MAX, u64::MAX - 1, u64::MAX - 2, 1 << 40] {
        let server = Server::raw(move |mut stream| async move {
            hear(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok();
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        });
        assert_eq!(
            ask_plainly(&server.await, 5000).await,
            "body_too_large",
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_body_over_1_mib_is_given_up() {
    let router = axum::Router::new()
        .route("/", axum::routing::get(|| async { "x".repeat(1024 * 1024 + 1) }))
        .route("/fits", axum::routing::get(|| async { "x".repeat(1024 * 1024) }));
    let server = Server::app(router).await;
    assert_eq!(ask_plainly(&server, 5000).await, "body_too_large");
    assert_eq!(
        ask(&Connector::default(), &server.url("/fits"), 5000).await.len(),
        3 + 1024 * 1024
    );
}

#[tokio::test]
async fn a_connection_that_ends_in_mid_request_is_a_reset() {
    let closed = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
    });
    assert_eq!(ask_plainly(&closed.await, 2000).await, "connection_reset");
    let reset = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
        stream.set_zero_linger().unwrap();
    });
    assert_eq!(ask_plainly(&reset.await, 2000).await, "connection_reset");
    let half = Server::raw(|mut stream| async move {
        hear(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
        stream.write_all(answer).await.ok();
    });
    assert_eq!(ask_plainly(&half.await, 2000).await, "connection_reset");
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_own_reason() {
    let authority = Authority::new();
    let connector = authority.connector();
    for (reason, config) in [
        ("ok ok", authority.server("localhost", 2020..2090)),
        ("cert_expired", authority.server("localhost", 2020..2021)),
        ("cert_not_yet_valid", authority.server("localhost", 2080..2090)),
        ("cert_name_mismatch", authority.server("other.test", 2020..2090)),
        ("cert_untrusted", Authority::new().server("localhost", 2020..2090)),
    ] {
        let server = Server::tls(config).await;
        let url = format!("https://localhost:{}/", server.address.port());
        assert_eq!(ask(&connector, &url, 5000).await, reason);
    }
}

#[tokio::test]
async fn the_handshake_is_a_phase_of_its_own() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("localhost", 2020..2090)).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let exchange = authority.connector().exchange(&get(&url), within_ms(5000)).await;
    exchange.result.unwrap();
    assert!(exchange.phases.tls_us > 0, "{:?}", exchange.phases);
}

#[tokio::test]
async fn what_does_not_speak_tls_fails_the_handshake() {
    let connector = Authority::new().connector();
    let plain = Server::pieces(&[(0, "HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let url = format!("https://{}/", plain.address);
    assert_eq!(ask(&connector, &url, 2000).await, "tls_handshake");
    let silent = Server::pieces(&[]).await;
    let url = format!("https://{}/", silent.address);
    assert_eq!(ask(&connector, &url, 100).await, "tls_handshake");
}

fn asking(name_server: SocketAddr) -> Connector {
    let mut server = NameServerConfig::udp(name_server.ip());
    server.connections[0].port = name_server.port();
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    Connector {
        resolver: Arc::new(resolve::Resolver::with(builder.build().unwrap())),
        ..Connector::default()
    }
}

#[tokio::test]
async fn each_answer_of_a_name_server_has_its_own_reason() {
    for (code, reason) in [
        (0, "dns_no_address"),
        (2, "dns_servfail"),
        (3, "dns_nxdomain"),
        (5, "dns_servfail"),
    ] {
        let (address, _tasks) = name_server(code, &[]).await;
        assert_eq!(
            ask(&asking(address), "http://shop.test/", 3000).await,
            reason,
            "RCODE {code}"
        );
    }
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    assert_eq!(
        ask(&asking(address), "http://shop.test/", 150).await,
        "dns_timeout"
    );
}

#[tokio::test]
async fn a_name_is_resolved_and_its_address_connected_to() {
    let server = Server::pieces(&[(0, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")]).await;
    let (address, _tasks) = name_server(0, &[[127, 0, 0, 1]]).await;
    let url = format!("http://shop.test:{}/", server.address.port());
    let exchange = asking(address).exchange(&get(&url), within_ms(3000)).await;
    assert_eq!(&exchange.result.unwrap().body.kept[..], b"hi");
    assert!(exchange.phases.resolve_us > 0, "{:?}", exchange.phases);
}

#[test]
fn our_own_lack_of_descriptors_says_nothing_about_the_service() {
    let error = std::io::Error::from_raw_os_error(nix::libc::EMFILE);
    let fault = lacking(&error).unwrap();
    assert_eq!(
        fault.outcome(),
        gameday_core::Outcome::Unknown(Reason::NoDescriptors)
    );
}
