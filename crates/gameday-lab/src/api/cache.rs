//! The API's cache of settled payments: looked into before the ledger is asked.
//!
//! A cache that fails fails no request: it costs its time, and the ledger is asked. A payment that is taken back while the
//! cache cannot be told may still be seen for as long as [`KEPT`].

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::resp::{self, Reply};

/// The cache has this long for one answer.
const LIMIT: Duration = Duration::from_millis(500);
/// A payment is kept this long.
const KEPT: Duration = Duration::from_secs(30);
/// Connections that are kept open when nobody uses them.
const MOST_IDLE: usize = 64;

/// Why the cache gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheError {
    #[error("the cache did not answer within 500 ms")]
    Slow,
    #[error("the connection to the cache broke: {0}")]
    Lost(#[from] std::io::Error),
    #[error("the cache refused: {0}")]
    Refused(String),
}

/// The cache, as the API reaches it.
#[derive(Debug)]
pub(super) struct Cache {
    address: SocketAddr,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

impl Cache {
    pub(super) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            idle: Mutex::default(),
        }
    }

    /// What is kept of a payment.
    pub(super) async fn get(&self, id: &str) -> Result<Option<Vec<u8>>, CacheError> {
        match self.ask(&[b"GET", key(id).as_bytes()]).await? {
            Reply::Bulk(value) => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// Keeps a payment for a while.
    pub(super) async fn set(&self, id: &str, value: &[u8]) -> Result<(), CacheError> {
        let ms = KEPT.as_millis().to_string();
        self.ask(&[b"SET", key(id).as_bytes(), value, b"PX", ms.as_bytes()])
            .await
            .map(drop)
    }

    /// Forgets a payment.
    pub(super) async fn forget(&self, id: &str) -> Result<(), CacheError> {
        self.ask(&[b"DEL", key(id).as_bytes()]).await.map(drop)
    }

    async fn ask(&self, words: &[&[u8]]) -> Result<Reply, CacheError> {
        let reply = timeout(LIMIT, self.round_trip(&resp::command(words))).await;
        match reply.map_err(|_| CacheError::Slow)?? {
            Reply::Error(text) => Err(CacheError::Refused(text)),
            reply => Ok(reply),
        }
    }

    async fn round_trip(&self, command: &[u8]) -> Result<Reply, std::io::Error> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        connection.get_mut().write_all(command).await?;
        let reply = resp::read_reply(&mut connection).await?;
        // Only a connection with nothing on its way is used again.
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        Ok(reply)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<BufReader<TcpStream>>> {
        self.idle.lock().expect("no holder of the connections panics")
    }
}

fn key(id: &str) -> String {
    format!("payment:{id}")
}
