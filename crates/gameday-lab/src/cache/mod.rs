//! The embedded lab's cache: as much of Redis as the payments API asks of it, in memory.
//!
//! ```text
//!   GET key    SET key value PX ms    DEL key …    PING    DBSIZE
//! ```

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::LabError;
use crate::resp::{self, Reply};

/// More keys than this are not kept: all go, as at a restart.
const MAX_KEYS: usize = 100_000;

/// The settings of the role `cache`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
}

/// Values, and when they are forgotten.
type Store = HashMap<Vec<u8>, (Vec<u8>, Option<Instant>)>;

/// Serves until the process ends.
pub(crate) async fn run(settings: CacheSettings) -> Result<(), LabError> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    crate::log::info(
        "cache listens",
        serde_json::json!({ "address": settings.listen.to_string() }),
    );
    serve(listener).await;
    Ok(())
}

/// Serves from a listener until the process ends.
pub(crate) async fn serve(listener: TcpListener) {
    let store = Arc::new(Mutex::new(Store::new()));
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(sessions.spawn(session(stream, Arc::clone(&store)))),
                // Out of descriptors, most likely: some will come back.
                Err(error) => {
                    crate::log::warn("accept failed", serde_json::json!({ "error": error.to_string() }));
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = sessions.join_next() => {}
        }
    }
}

/// One client, until it leaves or makes no sense.
async fn session(stream: TcpStream, store: Arc<Mutex<Store>>) {
    stream.set_nodelay(true).ok();
    let mut stream = BufReader::new(stream);
    while let Ok(Some(words)) = resp::read_command(&mut stream).await {
        let reply = answer(&mut store.lock().expect("no holder of the store panics"), &words);
        if stream.get_mut().write_all(&resp::reply(&reply)).await.is_err() {
            return;
        }
    }
}

fn answer(store: &mut Store, words: &[Vec<u8>]) -> Reply {
    let Some((name, rest)) = words.split_first() else {
        return Reply::Error("ERR empty command".to_owned());
    };
    match (name.to_ascii_uppercase().as_slice(), rest) {
        (b"PING", []) => Reply::Simple("PONG".to_owned()),
        (b"DBSIZE", []) => Reply::Number(i64::try_from(store.len()).unwrap_or(i64::MAX)),
        (b"GET", [key]) => match store.get(key) {
            Some((value, end)) if end.is_none_or(|end| Instant::now() < end) => Reply::Bulk(value.clone()),
            _ => Reply::Nil,
        },
        (b"SET", [key, value, rest @ ..]) => set(store, key, value, rest),
        (b"DEL", keys) => {
            let gone = keys.iter().filter(|key| store.remove(*key).is_some()).count();
            Reply::Number(i64::try_from(gone).unwrap_or(i64::MAX))
        }
        (name, _) => Reply::Error(format!("ERR unknown command '{}'", String::from_utf8_lossy(name))),
    }
}

fn set(store: &mut Store, key: &[u8], value: &[u8], rest: &[Vec<u8>]) -> Reply {
    let end = match rest {
        [] => None,
        [unit, amount] if unit.eq_ignore_ascii_case(b"PX") => {
            let ms = std::str::from_utf8(amount)
                .ok()
                .and_then(|text| text.parse().ok());
            match ms {
                Some(ms @ 1..=86_400_000_u64) => Some(Instant::now() + Duration::from_millis(ms)),
                _ => return Reply::Error("ERR invalid expire time in 'set' command".to_owned()),
            }
        }
        _ => return Reply::Error("ERR syntax error".to_owned()),
    };
    if store.len() >= MAX_KEYS {
        store.clear();
    }
    store.insert(key.to_owned(), (value.to_owned(), end));
    Reply::Simple("OK".to_owned())
}
