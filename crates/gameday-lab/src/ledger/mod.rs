//! The embedded lab's ledger: PostgreSQL's protocol over a few tables in memory, kept in a file.
//!
//! It speaks version 3.0 with trust authentication and simple queries, for the statements of
//! [`crate::statements`] and for a block that does nothing but fail; anything else is refused with an error, and the session goes on.

mod books;
mod disk;
mod log;
mod raised;
mod session;
mod store;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::LabError;
use crate::accept::accept;
use books::Books;

/// As PostgreSQL's `max_connections`.
const MAX_CONNECTIONS: usize = 200;

/// The settings of the role `ledger`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What it keeps its data in.
    pub data: PathBuf,
}

/// Serves until the process ends.
pub(crate) async fn run(settings: LedgerSettings) -> Result<(), LabError> {
    let (books, failed) =
        Books::open(&settings.data).map_err(LabError::io(format!("open {}", settings.data.display())))?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    crate::log::info(
        "ledger listens",
        serde_json::json!({ "address": settings.listen.to_string() }),
    );
    tokio::select! {
        () = serve(listener, Arc::new(books)) => Ok(()),
        error = failed => {
            let error = error.unwrap_or_else(|_| std::io::Error::other("its thread has gone"));
            Err(LabError::io(format!("write {}", settings.data.display()))(error))
        }
    }
}

async fn serve(listener: TcpListener, books: Arc<Books>) {
    accept(listener, MAX_CONNECTIONS, |stream, place| {
        session::serve(stream, Arc::clone(&books), place)
    })
    .await;
}

#[cfg(test)]
mod tests;
