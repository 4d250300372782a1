//! Where clients come in: a listener that closes at once, and the loop that accepts.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::connection::Route;
use crate::attached::Counters;

/// How many clients may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How many connections a proxy carries at once; more wait in the backlog.
const MOST_CONNECTIONS: usize = 32_768;
/// How long accepting pauses after an error, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket that can be closed from outside of the task that accepts from it.
///
/// Closing is done when [`Door::close`] returns: a client that comes a moment later is refused.
pub(crate) struct Door {
    listener: Mutex<Option<TcpListener>>,
    pub(crate) address: SocketAddr,
}

impl Door {
    /// Listens on an address; must be called on the runtime.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Arc<Self>> {
        let listener = match listen(address) {
            // Without IPv6, "all interfaces" are those of IPv4.
            Err(error)
                if address.ip().is_unspecified()
                    && address.is_ipv6()
                    && error.kind() != ErrorKind::AddrInUse =>
            {
                listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
            }
            result => result,
        }?;
        let address = listener.local_addr()?;
        Ok(Arc::new(Self {
            listener: Mutex::new(Some(listener)),
            address,
        }))
    }

    /// Stops listening, now.
    pub(crate) fn close(&self) {
        self.lock().take();
    }

    async fn accept(&self) -> io::Result<TcpStream> {
        // Behind a closed door one waits for ever: the task is being aborted.
        poll_fn(|context| match &*self.lock() {
            Some(listener) => listener.poll_accept(context),
            None => Poll::Pending,
        })
        .await
        .map(|(client, _)| client)
    }

    fn lock(&self) -> MutexGuard<'_, Option<TcpListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until it is aborted; its connections end with it.
pub(crate) async fn accept_loop(door: Arc<Door>, route: Route) {
    let route = Arc::new(route);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = door.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok(client) => {
                    // Dialling is the connection's own affair: no client waits for another's upstream.
                    let (route, open) = (Arc::clone(&route), Open::new(&route));
                    let number = route.counters.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                    connections.spawn(async move {
                        route.carry(client, number).await;
                        drop(open);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            // A panic of a connection ends here; the others do not learn of it.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<Counters>);

impl Open {
    fn new(route: &Route) -> Self {
        route.counters.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&route.counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
