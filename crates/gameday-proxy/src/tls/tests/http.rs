//! HTTP in TLS on both sides, and its faults there.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::*;

/// Says which version it was asked in.
async fn says_version(rig: &mut Rig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    rig.tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut first = [0; 3];
                socket.peek(&mut first).await.ok();
                let service = service_fn(async |request: Request<Incoming>| {
                    let text = format!("{:?}", request.version());
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(text))))
                });
                let io = TokioIo::new(socket);
                if &first == b"PRI" {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    builder.serve_connection(io, service).await.ok();
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    builder.serve_connection(io, service).await.ok();
                }
            });
        }
    });
    address
}

/// Asks once in the version that TLS has agreed on: that version, the status and the body.
async fn ask(stream: TlsStream<TcpStream>) -> (Version, u16, String) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let uri = format!("https://{NAME}/");
    let request = Request::get(uri)
        .header("host", NAME)
        .body(Empty::<Bytes>::new())
        .unwrap();
    let io = TokioIo::new(stream);
    let mut tasks = JoinSet::new();
    let answer = if is_h2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        soon(sender.send_request(request)).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(io).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        soon(sender.send_request(request)).await.unwrap()
    };
    let (version, status) = (answer.version(), answer.status().as_u16());
    let body = soon(answer.into_body().collect()).await.unwrap().to_bytes();
    (version, status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn both_versions_go_through_tls_on_both_sides_and_meet_faults_there() {
    let mut inner = Rig::start();
    let upstream = says_version(&mut inner).await;
    let http = |tls: Value| Options {
        protocol: Protocol::Http,
        ..options(tls)
    };
    let inside = inner.proxy_with(upstream, http(terminating())).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, inner.control.authority.pem()).unwrap();
    let outer = Rig::start();
    let both = json!({"terminate": {"names": [NAME]}, "originate": {"ca": ca.path(), "server_name": NAME}});
    let address = outer.proxy_with(inside, http(both)).await;
    for (alpn, version, text) in [
        (&[&b"h2"[..]][..], Version::HTTP_2, "HTTP/2.0"),
        (&[b"http/1.1"], Version::HTTP_11, "HTTP/1.1"),
        (&[], Version::HTTP_11, "HTTP/1.1"),
        // Who can speak both is kept to what any upstream understands.
        (&[b"h2", b"http/1.1"], Version::HTTP_11, "HTTP/1.1"),
    ] {
        let mut config = trusting(&outer.control.authority.pem());
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let config = Arc::new(config);
        let asked = async || ask(connect(address, &config, NAME).await.unwrap()).await;
        assert_eq!(asked().await, (version, 200, text.to_owned()), "{alpn:?}");
        let scope = json!({"sni": ["pay.*"]});
        outer
            .order("busy", "http", scope, json!({"status": 503}))
            .unwrap();
        let (met, status, _) = asked().await;
        assert_eq!((met, status), (version, 503), "{alpn:?}");
        outer.remove("busy");
        assert_eq!(asked().await.1, 200);
    }
}
