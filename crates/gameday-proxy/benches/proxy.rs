//! What the proxy costs and how exact its latency is: prints medians, `cargo bench -p gameday-proxy`.
//!
//! The yardstick for pass-through is `tokio::io::copy_bidirectional` with its default buffers.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gameday_proxy::{
    Latency, NewFault, ProxyClient, ProxyConfig, ProxyEntry, Settings, Stream, ToxicOrder, ToxicSpec, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const BYTES_A_ROUND: u64 = 1 << 30;

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut tasks = JoinSet::new();
    let (echo, sink) = (echo(&mut tasks).await, sink(&mut tasks).await);
    let (ready, api) = oneshot::channel();
    let entry = |name: &str, listen: &str, upstream: SocketAddr| ProxyEntry {
        name: name.to_owned(),
        listen: listen.to_owned(),
        upstream: upstream.to_string(),
        enabled: true,
        ..ProxyEntry::default()
    };
    let proxies = vec![
        entry("echo", "127.0.0.1:0", echo),
        entry("sink", "127.0.0.1:0", sink),
    ];
    let nobody = std::future::pending();
    let at = "127.0.0.1:0".parse().expect("an address");
    tasks.spawn(async move {
        serve(
            Settings::new(ProxyConfig { proxies }, at),
            |at| ready.send(at).expect("awaited"),
            nobody,
        )
        .await
        .expect("serves");
    });
    let client = ProxyClient::new(&format!("http://{}", api.await.expect("ready"))).expect("a base");
    let proxies = client.proxies().await.expect("proxies");
    let address = |name: &str| proxies[name].listen.parse::<SocketAddr>().expect("an address");

    measure_latency(&client, address("echo")).await;
    measure_leases(&client).await;
    measure_throughput(&mut tasks, address("sink"), sink).await;
}

async fn measure_latency(client: &ProxyClient, proxy: SocketAddr) {
    client
        .renew_lease("bench", Duration::from_secs(600))
        .await
        .expect("a lease");
    for ms in [10, 100] {
        let order = ToxicOrder::new(&latency(ms), Stream::Downstream);
        client
            .add_fault("bench", &NewFault::toxic("slow", "echo", order))
            .await
            .expect("a fault");
        let mut socket = TcpStream::connect(proxy).await.expect("connects");
        socket.set_nodelay(true).expect("a live socket");
        let mut late = Vec::new();
        for _ in 0..100 {
            let start = Instant::now();
            socket.write_all(&[1]).await.expect("writes");
            socket.read_exact(&mut [0]).await.expect("reads");
            late.push(start.elapsed());
        }
        client.remove_fault("bench", "slow").await.expect("removed");
        late.sort_unstable();
        say(&format!(
            "latency {ms} ms, 1 byte: min {:?}, median {:?}, p99 {:?}",
            late[0], late[50], late[98]
        ));
    }
}

/// How late faults end when nobody renews their lease.
async fn measure_leases(client: &ProxyClient) {
    let mut late_micros = Vec::new();
    for round in 0..20 {
        let (owner, ttl) = (format!("lease-{round}"), Duration::from_millis(100));
        let order = ToxicOrder::new(&latency(10), Stream::Downstream);
        let lease = client.renew_lease(&owner, ttl).await.expect("a lease");
        client
            .add_fault(&owner, &NewFault::toxic("slow", "echo", order))
            .await
            .expect("a fault");
        tokio::time::sleep(2 * ttl).await;
        let fault = client
            .lease(&owner)
            .await
            .expect("answers")
            .expect("known")
            .faults
            .remove(0);
        late_micros.push(fault.ended_at.expect("ended").micros_since(lease.now) - 100_000);
    }
    late_micros.sort_unstable();
    say(&format!(
        "lease of 100 ms ends late by: median {} us, most {} us",
        late_micros[10], late_micros[19]
    ));
}

fn latency(ms: u64) -> ToxicSpec {
    let delay = gameday_core::Span::from_value(Duration::from_millis(ms));
    ToxicSpec::Latency(Latency::fixed(delay))
}

async fn measure_throughput(tasks: &mut JoinSet<()>, ours: SocketAddr, sink: SocketAddr) {
    let theirs = yardstick(tasks, sink).await;
    for connections in [1, 16] {
        let (mut us, mut them) = (Vec::new(), Vec::new());
        // Turn by turn, so that whatever else the machine does weighs on both alike.
        for _ in 0..ROUNDS {
            us.push(send(ours, connections).await);
            them.push(send(theirs, connections).await);
        }
        let (us, them) = (median(us), median(them));
        let ratio = us / them;
        say(&format!(
            "{connections} connections: {us:.2} GB/s, copy_bidirectional {them:.2} GB/s, ratio {ratio:.2}"
        ));
    }
}

/// Sends a fixed amount over some connections and tells GB/s; the sink answers one byte at the end of each.
async fn send(address: SocketAddr, connections: u64) -> f64 {
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        senders.spawn(async move {
            let mut socket = TcpStream::connect(address).await.expect("connects");
            let chunk = vec![0; 256 * 1024];
            for _ in 0..BYTES_A_ROUND / connections / chunk.len() as u64 {
                socket.write_all(&chunk).await.expect("writes");
            }
            socket.shutdown().await.expect("a live socket");
            socket.read_exact(&mut [0]).await.expect("the sink's last word");
        });
    }
    senders.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "a gigabyte is exact")]
    let gigabytes = BYTES_A_ROUND as f64 / 1e9;
    gigabytes / start.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

async fn yardstick(tasks: &mut JoinSet<()>, upstream: SocketAddr) -> SocketAddr {
    let (listener, address) = listen().await;
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut server = TcpStream::connect(upstream).await.expect("connects");
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    address
}

async fn echo(tasks: &mut JoinSet<()>) -> SocketAddr {
    let (listener, address) = listen().await;
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut reader, mut writer) = client.split();
                tokio::io::copy(&mut reader, &mut writer).await.ok();
            });
        }
    });
    address
}

async fn sink(tasks: &mut JoinSet<()>) -> SocketAddr {
    let (listener, address) = listen().await;
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut buffer = vec![0; 256 * 1024];
                while client.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
                client.write_all(&[1]).await.ok();
            });
        }
    });
    address
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
