//! What the tests of sockets share: a control plane that runs, upstreams, and clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::control::{Control, NewProxy, NewToxic};
use crate::events::Events;
use crate::options::Options;
use crate::timer::Timer;
use crate::workers::Worker;

/// A control plane that runs for as long as this is there.
pub(crate) struct Rig {
    pub(crate) control: Arc<Control>,
    pub(crate) tasks: JoinSet<()>,
}

impl Rig {
    pub(crate) fn start() -> Self {
        Self::with_places(1024)
    }

    /// One that carries no more connections than this at once.
    pub(crate) fn with_places(connections: usize) -> Self {
        let timer = Timer::new().unwrap();
        let workers = Arc::from([Worker::here(Arc::clone(&timer))]);
        let control = Control::new(Arc::clone(&timer), workers, connections, Events::default());
        let control = Arc::new(control);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { timer.run().await.unwrap() });
        let keeper = Arc::clone(&control);
        tasks.spawn(async move { keeper.keep_leases().await });
        let looker = Arc::clone(&control);
        tasks.spawn(async move { looker.look_up_names().await });
        Self { control, tasks }
    }

    /// A proxy named `p` in front of an upstream.
    pub(crate) async fn proxy_to(&self, upstream: SocketAddr) -> SocketAddr {
        let new = NewProxy {
            name: "p".to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.to_string(),
            enabled: true,
            ..NewProxy::default()
        };
        self.control
            .create_proxy(new)
            .await
            .unwrap()
            .listen
            .parse()
            .unwrap()
    }

    /// A proxy named `p` with options, in front of an upstream.
    pub(crate) async fn proxy_with(&self, upstream: SocketAddr, options: Options) -> SocketAddr {
        let new = NewProxy {
            name: "p".to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.to_string(),
            enabled: true,
            options,
            ..NewProxy::default()
        };
        let made = self.control.create_proxy(new).await.unwrap();
        made.listen.parse().unwrap()
    }

    /// Attaches a toxic to `p`, in the API's words.
    pub(crate) fn order(
        &self,
        name: &str,
        kind: &str,
        scope: Value,
        attributes: Value,
    ) -> Result<(), String> {
        let new = NewToxic {
            name: Some(name.to_owned()),
            kind: kind.to_owned(),
            stream: "downstream".to_owned(),
            toxicity: 1.0,
            scope: serde_json::from_value(scope).unwrap(),
            attributes: serde_json::from_value(attributes).unwrap(),
            ..NewToxic::default()
        };
        let added = self.control.add_toxic("p", new);
        added.map(drop).map_err(|refusal| refusal.to_string())
    }

    /// Attaches a toxic named `fault` to what `p` sends downstream, its settings as in TOML.
    pub(crate) fn fault(&self, kind: &str, settings: &str) {
        let settings = toml::from_str::<toml::Value>(settings).unwrap();
        self.order("fault", kind, json!({}), settings.try_into().unwrap())
            .unwrap();
    }

    /// An upstream that sends everything back and closes when its client does.
    pub(crate) async fn echo(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                clients.spawn(async move {
                    let (mut reader, mut writer) = client.split();
                    tokio::io::copy(&mut reader, &mut writer).await.ok();
                    writer.shutdown().await.ok();
                });
            }
        });
        address
    }

    pub(crate) fn add(&self, name: &str, kind: &str, stream: &str, attributes: &[(&str, u64)]) {
        let attributes: Map<String, Value> = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let new = NewToxic {
            name: Some(name.to_owned()),
            kind: kind.to_owned(),
            stream: stream.to_owned(),
            toxicity: 1.0,
            attributes,
            ..NewToxic::default()
        };
        self.control.add_toxic("p", new).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        self.control.delete_toxic("p", name).unwrap();
    }
}

/// A connected pair: the client's socket, and what the upstream got through the proxy.
pub(crate) async fn pair(rig: &Rig) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rig.proxy_to(listener.local_addr().unwrap()).await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// Reads to the end, within a limit that only says that there is one.
pub(crate) async fn read_all(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    soon(socket.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

/// Whatever it is must happen within ten seconds.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what)
        .await
        .expect("happens within ten seconds")
}
