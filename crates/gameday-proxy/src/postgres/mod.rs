//! Connections that the proxy understands as Postgres.

mod fault;

pub use fault::PostgresFault;

use crate::session::{BoxIo, Session};

/// Carries one connection to its end.
pub(crate) async fn carry(session: &Session<'_>, client: BoxIo) {
    session.pass(client).await;
}
