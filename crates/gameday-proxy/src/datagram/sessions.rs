//! The sessions of a proxy: one for each client's address, no more than a bound, the longest idle making room.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::hatch::Hatch;
use super::session::{Client, Inbox, run};
use super::tally::count;
use crate::attached::{Stream, Visitor};
use crate::wire::{Open, Route};

/// A proxy has no more sessions than this.
const MOST_SESSIONS: usize = 4096;
/// How many datagrams of a client may wait for its session; more are dropped.
const INBOX: usize = 256;
/// The largest datagram there is.
const LARGEST: usize = 65_535;
/// How long receiving pauses after an error.
const PAUSE: Duration = Duration::from_millis(50);

/// When a session was last used.
#[derive(Debug)]
pub(super) struct LastSeen {
    since: Instant,
    micros: AtomicU64,
}

impl LastSeen {
    fn new(since: Instant) -> Arc<Self> {
        let seen = Self {
            since,
            micros: AtomicU64::new(0),
        };
        seen.now();
        Arc::new(seen)
    }

    /// It is used now.
    pub(super) fn now(&self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.store(micros, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Instant {
        self.since + Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

/// A session as its clients' datagrams find it.
struct Seat {
    inbox: mpsc::Sender<Bytes>,
    seen: Arc<LastSeen>,
    task: AbortHandle,
}

struct Sessions {
    hatch: Arc<Hatch>,
    route: Arc<Route>,
    began: Instant,
    seats: HashMap<SocketAddr, Seat>,
    clients: HashMap<Id, SocketAddr>,
    tasks: JoinSet<()>,
}

/// Receives from clients until it is aborted; its sessions end with it.
pub(crate) async fn serve(hatch: Arc<Hatch>, route: Arc<Route>) {
    let mut sessions = Sessions {
        hatch: Arc::clone(&hatch),
        route,
        began: Instant::now(),
        seats: HashMap::new(),
        clients: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let mut buffer = vec![0; LARGEST];
    loop {
        tokio::select! {
            received = hatch.receive(&mut buffer) => match received {
                Ok((length, from)) => sessions.hand(from, Bytes::copy_from_slice(&buffer[..length])),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            // A panic of a session ends here; the others do not learn of it.
            Some(ended) = sessions.tasks.join_next_with_id(), if !sessions.tasks.is_empty() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                sessions.forget(id);
            }
        }
    }
}

impl Sessions {
    /// Hands a datagram to its client's session, which is made if there is none.
    fn hand(&mut self, from: SocketAddr, bytes: Bytes) {
        let left = match self.seats.get(&from) {
            None => bytes,
            Some(seat) => match seat.inbox.try_send(bytes) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(_)) => return self.lose(),
                // The session has just ended: another begins.
                Err(mpsc::error::TrySendError::Closed(bytes)) => bytes,
            },
        };
        match self.place() {
            Some(place) => self.begin(from, left, place),
            None => self.lose(),
        }
    }

    /// A place for one more session, if need be that of the one that was idle for longest.
    fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.seats.len() < MOST_SESSIONS
            && let Ok(place) = Arc::clone(&self.route.places).try_acquire_owned()
        {
            return Some(place);
        }
        let (client, _) = self.seats.iter().min_by_key(|(_, seat)| seat.seen.get())?;
        let client = *client;
        let seat = self.seats.remove(&client)?;
        seat.task.abort();
        count(&self.route.counters.evicted);
        // Its own is given back when its task has been dropped, which is a moment later.
        Arc::clone(&self.route.places).try_acquire_owned().ok()
    }

    fn begin(&mut self, from: SocketAddr, first: Bytes, place: OwnedSemaphorePermit) {
        let number = self.route.counters.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, datagrams) = mpsc::channel(INBOX);
        sender.try_send(first).ok();
        let inbox = Inbox {
            datagrams,
            counters: Arc::clone(&self.route.counters),
        };
        let seen = LastSeen::new(self.began);
        let client = Client {
            route: Arc::clone(&self.route),
            hatch: Arc::clone(&self.hatch),
            address: from,
            visitor: Visitor::new(Some(from.ip()), number),
            seen: Arc::clone(&seen),
        };
        let open = Open::new(&self.route);
        let task = self.tasks.spawn(async move {
            let (route, visitor, began) = (
                Arc::clone(&client.route),
                Arc::clone(&client.visitor),
                Instant::now(),
            );
            let ended = run(client, inbox).await;
            route.tell_ended(Some(from), &visitor, began, ended);
            drop((open, place));
        });
        self.clients.insert(task.id(), from);
        self.seats.insert(
            from,
            Seat {
                inbox: sender,
                seen,
                task,
            },
        );
    }

    fn lose(&self) {
        let tally = self.route.counters.datagrams(Stream::Upstream);
        count(&tally.received);
        count(&tally.dropped);
    }

    fn forget(&mut self, id: Id) {
        if let Some(client) = self.clients.remove(&id)
            && self.seats.get(&client).is_some_and(|seat| seat.task.id() == id)
        {
            self.seats.remove(&client);
        }
    }
}
