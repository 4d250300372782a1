//! One connection: dialled, carried in both directions, ended as one.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::buffers::Buffers;
use super::direction::{Direction, Fate, Shared};
use crate::attached::{Counters, Stream, Toxics, Visitor};
use crate::link::Link;
use crate::options::Options;
use crate::session;
use crate::timer::Timer;

/// An upstream that does not answer by then is given up, and the client is let go.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// All that the connections of a proxy share.
pub(crate) struct Route {
    pub(crate) upstream: String,
    pub(crate) options: Arc<Options>,
    pub(crate) toxics: watch::Receiver<Toxics>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) places: Arc<Semaphore>,
}

impl Route {
    /// Carries one client's connection to its end.
    pub(crate) async fn carry(&self, client: TcpStream, number: u64) {
        if self.options.is_plain() {
            self.pass(client, number).await;
        } else {
            session::carry(self, client, number).await;
        }
    }

    async fn pass(&self, mut client: TcpStream, number: u64) {
        let from = client.peer_addr().ok().map(|address| address.ip());
        let visitor = Visitor::new(from, number);
        let dial = TcpStream::connect(self.upstream.as_str());
        let mut server = match timeout(DIAL_LIMIT, dial).await {
            Ok(Ok(server)) => server,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                // It accepted and reset before we looked: no failed dial but a reset like any other.
                client.set_zero_linger().ok();
                return;
            }
            Ok(Err(_)) | Err(_) => {
                self.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        for socket in [&client, &server] {
            // It can only fail on a socket that is gone, which reading will tell.
            socket.set_nodelay(true).ok();
        }
        let shared = Shared::default();
        let ((client_in, client_out), (server_in, server_out)) = (client.split(), server.split());
        let link = |stream| Link::new(stream, Arc::clone(&visitor));
        let upstream = self.direction(
            link(Stream::Upstream),
            Stream::Upstream,
            client_in,
            server_out,
            &shared,
        );
        let downstream = self.direction(
            link(Stream::Downstream),
            Stream::Downstream,
            server_in,
            client_out,
            &shared,
        );
        let fate = tokio::select! {
            fate = upstream.run() => fate,
            fate = downstream.run() => fate,
        };
        if fate == Fate::Reset {
            client.set_zero_linger().ok();
            server.set_zero_linger().ok();
        }
    }

    fn direction<'a>(
        &'a self,
        link: Link,
        stream: Stream,
        reader: ReadHalf<'a>,
        writer: WriteHalf<'a>,
        shared: &'a Shared,
    ) -> Direction<'a> {
        let mut toxics = self.toxics.clone();
        // The first look is a change: from no toxics to those that are there.
        toxics.mark_changed();
        Direction {
            reader,
            writer,
            link,
            toxics,
            alarm: self.timer.alarm(),
            buffers: &self.buffers,
            bytes_passed: self.counters.passed(stream),
            bytes_received: self.counters.received(stream),
            delays: self.counters.delays(stream),
            shared,
            writing: Bytes::new(),
            reading: BytesMut::new(),
        }
    }
}
