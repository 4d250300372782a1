//! The embedded lab's cache: Redis' protocol over a bounded table in memory.
//!
//! It speaks RESP2 and RESP3's greeting, for the commands that the payments API and a person with
//! `redis-cli` need; anything else is refused with an error, and the connection goes on.

mod session;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::LabError;
use crate::accept::accept;
use store::Store;

/// Clients at once; one more is told so, as Redis does.
const MAX_CLIENTS: usize = 256;

/// The settings of the role `cache`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
}

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

/// Serves from a listener for ever.
pub(crate) async fn serve(listener: TcpListener) {
    let store = Arc::new(Mutex::new(Store::default()));
    accept(listener, MAX_CLIENTS, |stream, place| {
        session::serve(stream, Arc::clone(&store), place)
    })
    .await;
}

#[cfg(test)]
mod tests;
