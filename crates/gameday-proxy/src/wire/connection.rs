//! One connection: dialled, carried in both directions, ended as one.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::buffers::Buffers;
use super::dial::dial;
use super::direction::{Direction, Fate, Shared};
use super::loss::{Losses, Ward};
use super::socket::Socket;
use crate::attached::{Counters, Stream, Toxics, Visitor};
use crate::link::Link;
use crate::log::Log;
use crate::options::Options;
use crate::session;
use crate::timer::Timer;
use crate::toxic::{AcceptMode, ToxicSpec};

/// An upstream that does not answer by then is given up, and the client is let go.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// How a connection ended, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// Both sides were closed.
    Closed,
    /// Both sides were reset.
    Reset,
    /// The upstream could not be reached.
    NoUpstream,
}

/// All that the connections of a proxy share, those that one worker carries.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) upstream: String,
    pub(crate) options: Arc<Options>,
    pub(crate) toxics: watch::Receiver<Toxics>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) losses: Arc<Losses>,
    /// The proxy's name, for the log.
    pub(crate) name: String,
    pub(crate) log: Log,
}

impl Route {
    /// Carries one client's connection to its end.
    pub(crate) async fn carry(&self, client: Socket, address: Option<SocketAddr>, number: u64) {
        let visitor = Visitor::new(address.map(|address| address.ip()), number);
        let began = Instant::now();
        if !self.may_come(&visitor).await {
            client.reset_at_end();
            return;
        }
        let ended = if self.options.is_plain() && !session::is_needed(&self.toxics.borrow()) {
            self.pass(client, &visitor).await
        } else {
            // Boxed, since plain connections, of which there may be many, would hold its room too.
            Box::pin(session::carry(self, client, Arc::clone(&visitor))).await
        };
        self.tell_ended(address, &visitor, began, ended);
    }

    /// Says in the log how a connection, or a session of datagrams, has ended.
    pub(crate) fn tell_ended(
        &self,
        address: Option<SocketAddr>,
        visitor: &Visitor,
        began: Instant,
        ended: Ended,
    ) {
        if self.log.is_on() {
            let [up, down] = visitor
                .passed
                .each_ref()
                .map(|bytes| bytes.load(Ordering::Relaxed));
            self.log.say(&serde_json::json!({
                "time": gameday_core::Timestamp::now(), "event": "connection", "proxy": self.name,
                "connection": visitor.number, "client": address, "upstream": self.upstream, "ended": ended,
                "upstream_bytes": up, "downstream_bytes": down, "seconds": began.elapsed().as_secs_f64(),
            }));
        }
    }

    /// Waits for as long as toxics leave the client at the door; false if it is to be turned away.
    async fn may_come(&self, visitor: &Visitor) -> bool {
        let mut toxics = self.toxics.clone();
        let mut late: Option<(u64, Instant)> = None;
        loop {
            let found = toxics
                .borrow_and_update()
                .iter()
                .find_map(|toxic| match &toxic.spec {
                    ToxicSpec::Accept(accept) if visitor.is_met_by(toxic) => {
                        Some((Arc::clone(toxic), *accept))
                    }
                    _ => None,
                });
            let Some((toxic, accept)) = found else { return true };
            if late.is_none_or(|(id, _)| id != toxic.id) {
                toxic.touches.note();
                let delay = accept.delay.map(gameday_core::Span::get).unwrap_or_default();
                late = Some((toxic.id, Instant::now() + delay));
            }
            let until = match accept.mode {
                AcceptMode::Refuse => return false,
                AcceptMode::Hang => None,
                AcceptMode::Late => late.map(|(_, at)| at),
            };
            let mut alarm = self.timer.alarm();
            tokio::select! {
                () = alarm.until(until) => return true,
                changed = toxics.changed() => if changed.is_err() { return false },
            }
        }
    }

    /// Carries bytes and nothing else; tells how it ended.
    async fn pass(&self, client: Socket, visitor: &Arc<Visitor>) -> Ended {
        let toxics = Arc::clone(&self.toxics.borrow());
        let dial = dial(&self.upstream, &toxics);
        let server = match timeout(DIAL_LIMIT, dial).await {
            Ok(Ok(server)) => server,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                // It accepted and reset before we looked: no failed dial but a reset like any other.
                client.reset_at_end();
                return Ended::Reset;
            }
            Ok(Err(_)) | Err(_) => {
                self.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
                return Ended::NoUpstream;
            }
        };
        let shared = Shared::default();
        let mut upstream = self.direction(visitor, Stream::Upstream, &client, &server, &shared);
        let mut downstream = self.direction(visitor, Stream::Downstream, &server, &client, &shared);
        let fate = tokio::select! {
            fate = upstream.run() => fate,
            fate = downstream.run() => fate,
        };
        match fate {
            Fate::Close => Ended::Closed,
            Fate::Reset => {
                client.reset_at_end();
                server.reset_at_end();
                Ended::Reset
            }
        }
    }

    fn direction<'a>(
        &'a self,
        visitor: &'a Arc<Visitor>,
        stream: Stream,
        reader: &'a Socket,
        writer: &'a Socket,
        shared: &'a Shared,
    ) -> Direction<'a> {
        let mut toxics = self.toxics.clone();
        // The first look is a change: from no toxics to those that are there.
        toxics.mark_changed();
        Direction {
            reader,
            writer,
            link: Link::new(stream, Arc::clone(visitor)),
            toxics,
            alarm: self.timer.alarm(),
            buffers: &self.buffers,
            flow: self.counters.flow(stream, visitor),
            delays: self.counters.delays(stream),
            shared,
            ward: Ward::new(&self.losses, visitor, stream),
            writing: Bytes::new(),
            reading: BytesMut::new(),
        }
    }
}
