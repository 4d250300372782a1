//! What a proxy listens on: a listener, a socket of datagrams, or for DNS both on one port.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::is_taken;
use crate::address::Address;
use crate::attached::{Attached, Stream};
use crate::datagram::{self, Hatch};
use crate::options::Protocol;
use crate::wire::{Crew, Door, Route, accept_loop, loss};
use crate::workers::Worker;

/// Datagrams need an address with a port.
fn net(address: &Address) -> io::Result<SocketAddr> {
    match address {
        Address::Net(address) => Ok(*address),
        Address::Unix(_) => Err(io::Error::other(
            "a proxy of datagrams listens on a host and a port",
        )),
    }
}

/// How often another free port is tried when the one for connections is taken for datagrams.
const TRIES: usize = 20;

/// The sockets of one proxy; they close at once.
pub(super) struct Doors {
    connections: Option<Arc<Door>>,
    datagrams: Option<Arc<Hatch>>,
    pub(super) address: Address,
}

impl Doors {
    /// Listens on an address in the way of a protocol; must be called on the runtime.
    pub(super) fn open(address: &Address, protocol: Protocol, workers: &[Worker]) -> io::Result<Self> {
        match protocol {
            Protocol::Udp => Hatch::open(net(address)?).map(|hatch| Self {
                address: Address::Net(hatch.address),
                connections: None,
                datagrams: Some(hatch),
            }),
            Protocol::Dns => Self::open_both(net(address)?, workers),
            Protocol::Tcp | Protocol::Http | Protocol::Postgres | Protocol::Redis => {
                Door::open(address, workers).map(|door| Self {
                    address: door.address.clone(),
                    connections: Some(door),
                    datagrams: None,
                })
            }
        }
    }

    fn open_both(address: SocketAddr, workers: &[Worker]) -> io::Result<Self> {
        let mut tries = 0;
        loop {
            let door = Door::open(&Address::Net(address), workers)?;
            tries += 1;
            match Hatch::open(net(&door.address)?) {
                Ok(hatch) => {
                    return Ok(Self {
                        address: door.address.clone(),
                        connections: Some(door),
                        datagrams: Some(hatch),
                    });
                }
                // Any free port will do, but it has to be free for both.
                Err(error) if is_taken(&error) && address.port() == 0 && tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Serves clients until the tasks are aborted: connections by the workers, datagrams where this is called.
    pub(super) fn serve(
        &self,
        route: Route,
        workers: &Arc<[Worker]>,
        tasks: &mut JoinSet<()>,
    ) -> Vec<AbortHandle> {
        let mut serving = Vec::new();
        if let Some(door) = &self.connections {
            let of = |worker: &Worker| {
                let timer = Arc::clone(&worker.timer);
                Arc::new(Route {
                    timer,
                    ..route.clone()
                })
            };
            let crew = Arc::new(Crew {
                workers: Arc::clone(workers),
                routes: workers.iter().map(of).collect(),
            });
            for (number, worker) in workers.iter().enumerate() {
                let accepting = accept_loop(Arc::clone(door), number, Arc::clone(&crew));
                serving.push(tasks.spawn_on(accepting, &worker.handle));
            }
            let losses = Arc::clone(&route.losses);
            serving.push(tasks.spawn(async move { losses.keep().await }));
        }
        if let Some(hatch) = &self.datagrams {
            serving.push(tasks.spawn(datagram::serve(Arc::clone(hatch), Arc::new(route))));
        }
        serving
    }

    /// Clients that connect from now on send small segments if these toxics lose what they send.
    pub(super) fn learn(&self, toxics: &[Arc<Attached>]) {
        if let Some(door) = &self.connections {
            let small = loss::is_lossy(toxics, Stream::Upstream);
            door.ask_for_segments(if small { loss::SEGMENT_BYTES } else { 0 });
        }
    }

    /// Takes no more connections; those that are open, and sessions of datagrams, go on.
    pub(super) fn shut_to_clients(&self) {
        if let Some(door) = &self.connections {
            door.close();
        }
    }

    /// Stops listening, now.
    pub(super) fn close(&self) {
        if let Some(door) = &self.connections {
            door.close();
        }
        if let Some(hatch) = &self.datagrams {
            hatch.close();
        }
    }
}
