//! Where clients come in: a listener that closes at once, and the loop that accepts.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::connection::Route;
use super::socket::Socket;
use super::unix;
use crate::address::Address;
use crate::attached::Counters;
use crate::workers::{Worker, choose};

/// How many clients may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long accepting pauses after an error, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Who has come in, and from where unless by a unix socket.
type Client = (Socket, Option<SocketAddr>);

/// A listening socket that can be closed from outside of the task that accepts from it.
///
/// Closing is done when [`Door::close`] returns: a client that comes a moment later is refused.
pub(crate) struct Door {
    /// One for each worker, all of the same socket.
    listeners: Vec<Mutex<Option<Listener>>>,
    pub(crate) address: Address,
}

enum Listener {
    Tcp(TcpListener),
    Unix(unix::Listener),
}

impl Door {
    /// Listens on an address for these workers; must be called on a runtime.
    pub(crate) fn open(address: &Address, workers: &[Worker]) -> io::Result<Arc<Self>> {
        let (listeners, address) = match address {
            Address::Net(address) => {
                let listener = listen_anywhere(*address)?.into_std()?;
                let address = Address::Net(listener.local_addr()?);
                let of = |worker: &Worker| {
                    let _context = worker.handle.enter();
                    TcpListener::from_std(listener.try_clone()?).map(Listener::Tcp)
                };
                (workers.iter().map(of).collect::<io::Result<Vec<_>>>()?, address)
            }
            Address::Unix(path) => {
                let listener = unix::listen(path, BACKLOG)?;
                let of = |worker: &Worker| {
                    let _context = worker.handle.enter();
                    listener.for_current_runtime().map(Listener::Unix)
                };
                (
                    workers.iter().map(of).collect::<io::Result<Vec<_>>>()?,
                    address.clone(),
                )
            }
        };
        let listeners = listeners.into_iter().map(|listener| Mutex::new(Some(listener)));
        Ok(Arc::new(Self {
            listeners: listeners.collect(),
            address,
        }))
    }

    /// Stops listening, now.
    pub(crate) fn close(&self) {
        for listener in &self.listeners {
            lock(listener).take();
        }
    }

    /// Clients that connect from now on are told to send segments of so many bytes at most; 0 is what the line allows.
    pub(crate) fn ask_for_segments(&self, bytes: u32) {
        // It is one socket, whoever of the workers is asked.
        if let Some(Some(Listener::Tcp(listener))) = self.listeners.first().map(lock).as_deref() {
            // Larger segments are still lost, only fewer of them.
            socket2::SockRef::from(listener).set_tcp_mss(bytes).ok();
        }
    }

    /// A client that came to a worker, once there is one and a place for it, and who is to carry it; until then clients
    /// wait in the kernel.
    async fn accept(&self, own: usize, workers: &[Worker], places: &Arc<Semaphore>) -> io::Result<Accepted> {
        loop {
            let place = Arc::clone(places).acquire_owned().await;
            let mut place = Some(place.expect("the semaphore is never closed"));
            let accepted = poll_fn(|context| match place.take() {
                Some(place) => {
                    let worker = choose(workers, own);
                    // Its socket belongs to the runtime of the worker that carries it.
                    let _context = workers[worker].handle.enter();
                    self.poll_accept(own, context).map(|accepted| {
                        Some(accepted.map(|client| Accepted {
                            client,
                            worker,
                            place,
                        }))
                    })
                }
                // Nobody was there, so the place was given back for other proxies. Now somebody may be.
                None => Poll::Ready(None),
            });
            if let Some(accepted) = accepted.await {
                return accepted;
            }
        }
    }

    fn poll_accept(&self, own: usize, context: &mut Context<'_>) -> Poll<io::Result<Client>> {
        match &*lock(&self.listeners[own]) {
            Some(Listener::Tcp(listener)) => listener
                .poll_accept(context)
                .map_ok(|(client, address)| (Socket::Tcp(client), Some(address))),
            Some(Listener::Unix(listener)) => listener
                .poll_accept(context)
                .map_ok(|client| (Socket::Unix(client), None)),
            // Behind a closed door one waits for ever: the task is being aborted.
            None => Poll::Pending,
        }
    }
}

/// Who has come in, who carries it, and its place.
struct Accepted {
    client: Client,
    worker: usize,
    place: OwnedSemaphorePermit,
}

fn lock(listener: &Mutex<Option<Listener>>) -> MutexGuard<'_, Option<Listener>> {
    listener.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Without IPv6, "all interfaces" are those of IPv4.
fn listen_anywhere(address: SocketAddr) -> io::Result<TcpListener> {
    match listen(address) {
        Err(error)
            if address.ip().is_unspecified() && address.is_ipv6() && error.kind() != ErrorKind::AddrInUse =>
        {
            listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        result => result,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    // Clients' sockets inherit it.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// All workers of a proxy, and what each needs to carry its connections.
pub(crate) struct Crew {
    pub(crate) workers: Arc<[Worker]>,
    pub(crate) routes: Vec<Arc<Route>>,
}

/// Accepts what comes to one worker until it is aborted; its connections end with it.
pub(crate) async fn accept_loop(door: Arc<Door>, own: usize, crew: Arc<Crew>) {
    let Crew { workers, routes } = &*crew;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = door.accept(own, workers, &routes[own].places) => match accepted {
                Ok(Accepted { client: (client, address), worker, place }) => {
                    let (route, worker) = (Arc::clone(&routes[worker]), &workers[worker]);
                    let held = (Open::new(&route), worker.carry(), place);
                    let number = route.counters.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                    // Dialling is the connection's own affair: no client waits for another's upstream.
                    let carry = async move {
                        route.carry(client, address, number).await;
                        drop(held);
                    };
                    connections.spawn_on(carry, &worker.handle);
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            // A panic of a connection ends here; the others do not learn of it.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Counts a connection as open for as long as it lives.
pub(crate) struct Open(Arc<Counters>);

impl Open {
    pub(crate) fn new(route: &Route) -> Self {
        route.counters.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&route.counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::control::NewProxy;
    use crate::model::NewFault;
    use crate::testing::{Rig, soon};

    /// Proxies `0`, `1` and so on in front of an echo, which share so many places.
    async fn proxies(places: usize, count: usize) -> (Rig, Vec<String>) {
        let mut rig = Rig::with_places(places);
        let echo = rig.echo().await.to_string();
        let mut doors = Vec::new();
        for number in 0..count {
            let new = NewProxy {
                name: number.to_string(),
                listen: "127.0.0.1:0".to_owned(),
                upstream: echo.clone(),
                enabled: true,
                ..NewProxy::default()
            };
            doors.push(rig.control.create_proxy(new).await.unwrap().listen);
        }
        (rig, doors)
    }

    async fn send(door: &str) -> TcpStream {
        let mut client = TcpStream::connect(door).await.unwrap();
        client.write_all(b"x").await.unwrap();
        client
    }

    async fn is_echoed(client: &mut TcpStream) {
        soon(client.read_exact(&mut [0; 1])).await.unwrap();
    }

    #[tokio::test]
    async fn clients_beyond_the_bound_of_all_proxies_wait_and_are_served_when_others_have_left() {
        let (rig, doors) = proxies(3, 2).await;
        let mut served = Vec::new();
        for door in [&doors[0], &doors[0], &doors[1]] {
            let mut client = send(door).await;
            is_echoed(&mut client).await;
            served.push(client);
        }
        let (mut at_0, mut at_1) = (send(&doors[0]).await, send(&doors[1]).await);
        let early = tokio::time::timeout(Duration::from_millis(200), async {
            tokio::select! { byte = at_0.read_u8() => byte, byte = at_1.read_u8() => byte }
        });
        let early = early.await;
        assert!(early.is_err(), "{early:?}");
        served.truncate(1);
        is_echoed(&mut at_0).await;
        is_echoed(&mut at_1).await;

        // Full again: whoever waits hinders no fault, nor its undoing.
        let mut waiting = send(&doors[1]).await;
        rig.control.renew_lease("drill", 100).unwrap();
        rig.control
            .add_fault("drill", &NewFault::down("down", "1"))
            .unwrap();
        soon(waiting.read(&mut [0; 1])).await.ok();
        soon(async {
            while TcpStream::connect(&doors[1]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        // What the fault cut has given its place back.
        is_echoed(&mut send(&doors[1]).await).await;
    }

    #[tokio::test]
    async fn a_proxy_without_clients_keeps_no_place_from_the_others() {
        let (_rig, doors) = proxies(1, 4).await;
        for door in doors.iter().chain(&doors) {
            is_echoed(&mut send(door).await).await;
        }
    }
}
