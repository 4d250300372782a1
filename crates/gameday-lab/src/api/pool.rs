//! The API's connections to its ledger.
//!
//! Each place in the pool is one task that opens a connection, lends it out, and opens another
//! when it breaks. A connection with an answer still on its way is never lent again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::statements::Statement;

/// A request waits this long for a free connection.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(2);
/// The ledger has this long for one answer.
const QUERY_LIMIT: Duration = Duration::from_secs(2);
/// A connection has this long to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Why the ledger gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    #[error("no connection to the ledger was free within 2 s")]
    NoConnection,
    #[error("the ledger did not answer within 2 s")]
    Slow,
    #[error("the connection to the ledger broke: {0}")]
    Lost(tokio_postgres::Error),
    #[error("the ledger refused: {0}")]
    Refused(tokio_postgres::Error),
    #[error("the ledger's answer lacks what was asked for")]
    Unexpected,
}

/// Open connections, and those of them that are free.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<VecDeque<Session>>,
    /// One permit for each idle connection.
    free: Semaphore,
    open: AtomicUsize,
    /// Requests that wait for a connection.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Session {
    client: Client,
    /// Tells the connection's task to drop it.
    broken: Arc<Notify>,
}

impl Default for Pool {
    fn default() -> Self {
        Pool {
            idle: Mutex::default(),
            free: Semaphore::new(0),
            open: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Pool {
    /// Keeps `size` connections open, for ever.
    pub(super) async fn keep_open<E>(self: Arc<Self>, ledger: SocketAddr, size: usize) -> Result<(), E> {
        let mut places = JoinSet::new();
        for _ in 0..size {
            places.spawn(Arc::clone(&self).keep_one_open(ledger));
        }
        while places.join_next().await.is_some() {}
        std::future::pending().await
    }

    async fn keep_one_open(self: Arc<Self>, ledger: SocketAddr) -> Infallible {
        loop {
            match timeout(CONNECT_LIMIT, connect(ledger)).await {
                Ok(Ok((client, connection))) => {
                    let broken = Arc::new(Notify::new());
                    self.open.fetch_add(1, Ordering::Relaxed);
                    self.put_back(Session {
                        client,
                        broken: Arc::clone(&broken),
                    });
                    tokio::select! {
                        _ = connection => {}
                        () = broken.notified() => {}
                    }
                    self.open.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(Err(error)) => {
                    crate::log::warn(
                        "ledger connect failed",
                        serde_json::json!({ "error": error.to_string() }),
                    );
                }
                Err(_) => crate::log::warn("ledger connect timed out", serde_json::json!({})),
            }
            // Spread out, so that a whole pool does not come back at one instant.
            sleep(Duration::from_millis(rand::random_range(200..600))).await;
        }
    }

    /// Lends a connection, for as many round trips as the caller needs.
    pub(super) async fn borrow(&self) -> Result<Borrowed<'_>, LedgerError> {
        let _waiting = Waiting::start(&self.waiting);
        let find = async {
            loop {
                self.free
                    .acquire()
                    .await
                    .expect("the semaphore is never closed")
                    .forget();
                let session = self
                    .idle
                    .lock()
                    .expect("no holder of the pool panics")
                    .pop_front();
                match session {
                    Some(session) if !session.client.is_closed() => return session,
                    _ => {}
                }
            }
        };
        let session = timeout(ACQUIRE_LIMIT, find)
            .await
            .map_err(|_| LedgerError::NoConnection)?;
        Ok(Borrowed {
            pool: self,
            session: Some(session),
            waiting: false,
        })
    }

    /// How many connections are free, and how many are open.
    pub(super) fn idle_and_open(&self) -> (usize, usize) {
        let idle = self.idle.lock().expect("no holder of the pool panics").len();
        (idle, self.open.load(Ordering::Relaxed))
    }

    /// How many requests wait for a connection.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn put_back(&self, session: Session) {
        self.idle
            .lock()
            .expect("no holder of the pool panics")
            .push_back(session);
        self.free.add_permits(1);
    }
}

/// Counts a request that waits, also when its client goes away meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn start(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that goes back to the pool when dropped, or away if it is not as it was.
#[derive(Debug)]
pub(super) struct Borrowed<'a> {
    pool: &'a Pool,
    session: Option<Session>,
    waiting: bool,
}

impl Borrowed<'_> {
    /// One round trip.
    pub(super) async fn ask(&mut self, statement: &Statement) -> Result<Vec<SimpleQueryRow>, LedgerError> {
        let session = self.session.as_ref().expect("taken only when dropped");
        let sql = statement.sql();
        // Stays set if the request is dropped or fails before its answer has come.
        self.waiting = true;
        let messages = match timeout(QUERY_LIMIT, session.client.simple_query(&sql)).await {
            Err(_) => return Err(LedgerError::Slow),
            Ok(Err(error)) if error.code().is_none() => return Err(LedgerError::Lost(error)),
            Ok(Err(error)) => {
                self.waiting = false;
                return Err(LedgerError::Refused(error));
            }
            Ok(Ok(messages)) => messages,
        };
        self.waiting = false;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let session = self.session.take().expect("dropped once");
        if self.waiting {
            session.broken.notify_one();
        } else {
            self.pool.put_back(session);
        }
    }
}

async fn connect(
    ledger: SocketAddr,
) -> Result<
    (Client, impl Future<Output = Result<(), tokio_postgres::Error>>),
    Box<dyn std::error::Error + Send + Sync>,
> {
    let stream = TcpStream::connect(ledger).await?;
    stream.set_nodelay(true)?;
    Ok(config().connect_raw(stream, NoTls).await?)
}

/// The one user and database of both ledgers.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .user("payments")
        .dbname("postgres")
        .application_name("payments-api");
    config
}
