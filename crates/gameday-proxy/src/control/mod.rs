//! The control plane: what the API changes, under one short lock.
//!
//! Nothing here waits for a connection: links learn of changes through a watch channel, and a listener is
//! closed by taking it away. Only names are looked up while a request waits, and never under the lock.

mod book;
mod doors;
mod leases;
mod load;
mod metrics;
mod populate;
mod proxies;
mod proxy;
#[cfg(test)]
mod tests;
mod toxics;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::config::ProxyConfig;
use crate::events::Events;
use crate::timer::Timer;
use crate::tls::Authority;
use crate::wire::Buffers;
use crate::workers::Worker;
use book::Book;
use proxy::Proxy;

pub(crate) use proxies::{NewProxy, ProxyEdit};
pub(crate) use toxics::{NewToxic, ToxicEdit};

/// How often a proxy that could not be switched on again is tried once more.
const RETRY: Duration = Duration::from_millis(250);
/// How often draining looks whether connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long stopping waits for connections to be dropped.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// All proxies and leases of a server.
pub(crate) struct Control {
    state: Mutex<State>,
    /// A lease was made, renewed or ended: when to look next has to be worked out anew.
    leases_changed: Notify,
    events: Arc<Events>,
    /// The seed of proxies that have none of their own.
    seed: Option<u64>,
    timer: Arc<Timer>,
    /// Signs the certificates of proxies that terminate TLS.
    pub(crate) authority: Authority,
}

/// What the lock protects.
struct State {
    proxies: BTreeMap<String, Proxy>,
    book: Book,
    plumbing: Plumbing,
    /// What was loaded last: what is of it and is not in the next goes.
    file: ProxyConfig,
}

/// What a proxy needs to run.
struct Plumbing {
    events: Arc<Events>,
    timer: Arc<Timer>,
    /// Who carries connections.
    workers: Arc<[Worker]>,
    buffers: Arc<Buffers>,
    /// A place for each connection, over all proxies.
    places: Arc<Semaphore>,
    /// Owns every accept loop; each owns its connections.
    tasks: JoinSet<()>,
}

impl Control {
    /// Nothing yet; all proxies together will carry so many connections at once.
    pub(crate) fn new(timer: Arc<Timer>, workers: Arc<[Worker]>, connections: usize, events: Events) -> Self {
        let events = Arc::new(events);
        let plumbing = Plumbing {
            events: Arc::clone(&events),
            timer: Arc::clone(&timer),
            workers,
            buffers: Arc::default(),
            places: Arc::new(Semaphore::new(connections)),
            tasks: JoinSet::new(),
        };
        let state = State {
            proxies: BTreeMap::new(),
            book: Book::default(),
            plumbing,
            file: ProxyConfig::default(),
        };
        Self {
            state: Mutex::new(state),
            leases_changed: Notify::new(),
            events,
            seed: None,
            timer,
            authority: Authority::default(),
        }
    }

    /// The same, with a seed for proxies that have none of their own.
    pub(crate) fn with_seed(self, seed: Option<u64>) -> Self {
        Self { seed, ..self }
    }

    /// What happens here.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Ends leases on time and tries again what could not be undone, until it is dropped.
    pub(crate) async fn keep_leases(&self) {
        let mut alarm = self.timer.alarm();
        loop {
            let next = {
                let mut state = self.lock();
                state.expire(Instant::now());
                state.book.next_expiry()
            };
            tokio::select! {
                () = alarm.until(next) => {}
                () = self.leases_changed.notified() => {}
            }
        }
    }

    /// Looks up names of listen addresses for proxies that are to be switched on again, until it is dropped.
    ///
    /// It is apart from [`Self::keep_leases`] because a slow name server must not hold up another lease's end.
    pub(crate) async fn look_up_names(&self) {
        loop {
            tokio::time::sleep(RETRY).await;
            let waiting = {
                let state = self.lock();
                state.book.waiting_for_lookup(&state.proxies)
            };
            for (name, listen) in waiting {
                let address = crate::address::resolve(&listen).await;
                self.lock().retry(&name, &listen, address);
            }
        }
    }

    /// Takes no more connections; ends when those that are open have ended.
    pub(crate) async fn drain(&self) {
        self.lock().proxies.values().for_each(Proxy::shut_to_clients);
        while self
            .lock()
            .proxies
            .values()
            .any(|proxy| proxy.open_connections() > 0)
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Closes all listeners and connections.
    pub(crate) async fn stop(&self) {
        let mut tasks = {
            let mut state = self.lock();
            state.proxies.values_mut().for_each(Proxy::stop);
            std::mem::take(&mut state.plumbing.tasks)
        };
        // Aborted tasks end at their next wait; dropping the set would not tell when.
        tokio::time::timeout(STOP_LIMIT, tasks.shutdown()).await.ok();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // State is changed only by steps that cannot fail half-way, so it is whole after a panic as well.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plumbing {
    fn reap(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Whether an error means that somebody else listens there.
fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
