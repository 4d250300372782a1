//! A server as its users see it: started, asked through the client, stopped.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::testing::soon;
use crate::{
    FaultState, Latency, NewFault, ProxyClient, ProxyConfig, ProxyEntry, ServeError, Settings, Stream,
    ToxicOrder, ToxicSpec, serve,
};

/// One proxy named `p` on a free port.
fn one_proxy(upstream: SocketAddr) -> ProxyConfig {
    let entry = ProxyEntry {
        name: "p".to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        upstream: upstream.to_string(),
        enabled: true,
        ..ProxyEntry::default()
    };
    ProxyConfig { proxies: vec![entry] }
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn client(api: SocketAddr) -> ProxyClient {
    rustls::crypto::ring::default_provider().install_default().ok();
    ProxyClient::new(&format!("http://{api}/")).unwrap()
}

/// A server with one proxy; dropping the set ends it.
async fn server(
    upstream: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (SocketAddr, JoinSet<Result<(), ServeError>>) {
    let (ready, address) = oneshot::channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(
        Settings::new(one_proxy(upstream), any_port()),
        |at| ready.send(at).unwrap(),
        stop,
    ));
    (address.await.unwrap(), tasks)
}

#[tokio::test]
async fn the_client_orders_sees_and_undoes_a_fault() {
    let (api, _tasks) = server("127.0.0.1:9".parse().unwrap(), std::future::pending()).await;
    let client = client(api);
    assert_eq!(client.version().await.unwrap(), "2.12.0");
    assert!(client.has_leases().await.unwrap());
    assert_eq!(client.lease("drill").await.unwrap(), None);
    assert_eq!(client.drop_lease("drill").await.unwrap(), None);
    let lease = client
        .renew_lease("drill", Duration::from_secs(15))
        .await
        .unwrap();
    assert!((14_000..=15_000).contains(&lease.expires_in_ms));
    let spec = ToxicSpec::Latency(Latency::fixed("200ms".parse().unwrap()));
    let order = ToxicOrder::new(&spec, Stream::Downstream);
    let fault = client
        .add_fault("drill", &NewFault::toxic("drill.slow", "p", order.clone()))
        .await
        .unwrap();
    assert_eq!(
        (fault.state, fault.toxic.as_ref()),
        (FaultState::Active, Some(&order))
    );
    let proxies = client.proxies().await.unwrap();
    assert_eq!(proxies["p"].toxics[0].name, "drill.slow");
    let error = client
        .add_fault("drill", &NewFault::down("x", "nowhere"))
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.to_string().ends_with("404: proxy not found"), "{error}");
    for _ in 0..2 {
        assert_eq!(
            client.remove_fault("drill", "drill.slow").await.unwrap().state,
            FaultState::Removed
        );
        assert_eq!(
            client.drop_lease("drill").await.unwrap().unwrap().expires_in_ms,
            0
        );
    }
    assert_eq!(client.leases().await.unwrap().leases.len(), 1);
    assert!(client.proxies().await.unwrap()["p"].toxics.is_empty());
}

#[tokio::test]
async fn the_client_says_whom_it_could_not_reach() {
    let gone = TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap();
    let error = client(gone).proxies().await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("GET http://{gone}/proxies: ")) && error.contains("refused"),
        "{error}"
    );
    let wrong = ProxyClient::new("127.0.0.1:8474").unwrap_err().to_string();
    assert!(wrong.contains("`127.0.0.1:8474` is not the address"), "{wrong}");
}

#[tokio::test]
async fn an_api_for_other_machines_and_a_taken_port_are_refused() {
    let nobody = std::future::pending::<()>;
    let open = serve(
        Settings::new(ProxyConfig::default(), "0.0.0.0:0".parse().unwrap()),
        |_| {},
        nobody(),
    )
    .await
    .unwrap_err();
    assert!(open.to_string().contains("without a token"), "{open}");
    let (api, _tasks) = server("127.0.0.1:9".parse().unwrap(), nobody()).await;
    let taken = serve(Settings::new(ProxyConfig::default(), api), |_| {}, nobody())
        .await
        .unwrap_err();
    assert!(matches!(taken, ServeError::Api { .. }), "{taken}");
    let mut config = one_proxy("127.0.0.1:9".parse().unwrap());
    config.proxies[0].listen = api.to_string();
    let error = serve(Settings::new(config, any_port()), |_| {}, nobody())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("proxy `p`") && error.contains(&api.to_string()),
        "{error}"
    );
    assert!(error.contains("the port is in use by `"), "{error}");
}

#[tokio::test]
async fn stopping_closes_listeners_and_connections() {
    let (stop, stopped) = oneshot::channel::<()>();
    let upstream = TcpListener::bind(any_port()).await.unwrap();
    let wait = async { drop(stopped.await) };
    let (api, mut tasks) = server(upstream.local_addr().unwrap(), wait).await;
    let client = client(api);
    let listen = client.proxies().await.unwrap()["p"].listen.clone();
    let mut connection = TcpStream::connect(&listen).await.unwrap();
    let (_server, _) = soon(upstream.accept()).await.unwrap();
    stop.send(()).unwrap();
    soon(tasks.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(soon(connection.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(&listen).await.is_err() && client.version().await.is_err());
}
