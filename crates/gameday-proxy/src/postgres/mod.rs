//! Connections that the proxy understands as PostgreSQL's protocol 3.0, simple and extended.
//!
//! A statement that is to fail is replaced by one that raises the same SQLSTATE, so that client and server agree on what
//! became of the transaction. Results stream: of messages that no fault needs to know, only the heads are read.
//!
//! Without `tls.terminate` the proxy answers a client's wish for TLS with no, since it could see nothing inside.

mod client;
mod exchange;
mod fault;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod server;
mod statement;
#[cfg(test)]
mod tests;

pub use fault::PostgresFault;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::attached::Attached;
use crate::rolls::Rolls;
use crate::session::{BoxIo, Session};
use crate::toxic::ToxicSpec;
use exchange::Exchange;

/// One connection, seen from both directions.
struct Talk<'a> {
    session: &'a Session<'a>,
    exchange: Mutex<Exchange>,
    /// The dice of each fault.
    rolls: Rolls,
}

/// Carries one connection to its end.
pub(crate) fn carry<'a>(session: &'a Session<'a>, client: BoxIo) -> BoxFuture<'a, ()> {
    let talk = Talk {
        session,
        exchange: Mutex::default(),
        rolls: Rolls::default(),
    };
    Box::pin(async move {
        // Whatever ended it, both sides are closed by being dropped.
        talk.run(client).await.ok();
    })
}

impl Talk<'_> {
    async fn run(&self, mut client: BoxIo) -> std::io::Result<()> {
        let Some(startup) = self.startup(&mut client).await? else {
            return Ok(());
        };
        let server = self.session.dial().await?;
        let (client_in, client_out) = tokio::io::split(client);
        let (server_in, server_out) = tokio::io::split(server);
        let mut asking = std::pin::pin!(self.pass_questions(client_in, server_out, startup));
        let mut answering = std::pin::pin!(self.pass_answers(server_in, client_out));
        tokio::select! {
            asked = &mut asking => {
                asked?;
                // A client that asks no more may still be answered.
                answering.await
            }
            answered = &mut answering => answered,
        }
    }

    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults that a statement meets, in the order in which they were attached.
    fn met(&self, is_meant: impl Fn(&PostgresFault) -> bool) -> Vec<Arc<Attached>> {
        let toxics = self.session.toxics();
        let meets = |toxic: &&Arc<Attached>| match &toxic.spec {
            ToxicSpec::Postgres(fault) => {
                is_meant(fault) && self.session.is_meant(toxic) && self.is_hit(toxic, fault)
            }
            _ => false,
        };
        toxics.iter().filter(meets).map(Arc::clone).collect()
    }

    fn is_hit(&self, toxic: &Attached, fault: &PostgresFault) -> bool {
        let share = fault.share.map_or(1.0, gameday_core::Ratio::get);
        share >= 1.0 || self.draw(toxic, |rng| rng.random::<f64>() < share)
    }

    fn draw<T>(&self, toxic: &Attached, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        self.rolls.draw(toxic, self.session.visitor.number, draw)
    }
}

fn fault_of(toxic: &Attached) -> &PostgresFault {
    match &toxic.spec {
        ToxicSpec::Postgres(fault) => fault,
        _ => unreachable!("only faults of PostgreSQL are met here"),
    }
}
