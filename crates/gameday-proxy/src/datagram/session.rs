//! One client: its own socket to the upstream, and both directions of its datagrams.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{Interest, Ready};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::flow::Datagrams;
use super::hatch::{Hatch, widen};
use super::sessions::LastSeen;
use super::tally::count;
use crate::attached::{Counters, Stream, Toxics, Visitor};
use crate::dns::{Asked, Messages};
use crate::options::Protocol;
use crate::wire::{Ended, Route, changed};

/// A name of the upstream that is not found by then is not found.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);
/// How many datagrams are taken in a row before what is due is looked at.
const IN_A_ROW: usize = 64;

/// All that a session knows of its client.
pub(super) struct Client {
    pub(super) route: Arc<Route>,
    pub(super) hatch: Arc<Hatch>,
    pub(super) address: SocketAddr,
    pub(super) visitor: Arc<Visitor>,
    pub(super) seen: Arc<LastSeen>,
}

/// Carries one client's datagrams until it has been idle for long enough, or the upstream is not there.
pub(super) async fn run(client: Client, inbox: Inbox) -> Ended {
    let (route, visitor) = (&client.route, &client.visitor);
    let flow = |stream| Datagrams::new(stream, Arc::clone(visitor), Arc::clone(&route.counters));
    let mut toxics = route.toxics.clone();
    // The first look is a change: from no toxics to those that are there.
    toxics.mark_changed();
    let mut session = Session {
        up: flow(Stream::Upstream),
        down: flow(Stream::Downstream),
        dns: (route.options.protocol == Protocol::Dns).then(|| Messages::new(Arc::clone(visitor), true)),
        inbox,
        toxics,
        client: &client,
    };
    match connect(&route.upstream).await {
        Ok(upstream) => session.carry(&upstream).await,
        Err(_) => {
            route.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
            Ended::NoUpstream
        }
    }
}

/// A socket to the upstream, whose name is looked up anew for each session.
async fn connect(upstream: &str) -> io::Result<UdpSocket> {
    let found: Vec<SocketAddr> = match upstream.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            let found = timeout(LOOKUP_LIMIT, lookup_host(upstream)).await;
            found
                .map_err(|_| io::Error::from(ErrorKind::TimedOut))??
                .collect()
        }
    };
    let mut failure = io::Error::from(ErrorKind::NotFound);
    for address in found {
        let any: SocketAddr = if address.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).await?;
        match socket.connect(address).await {
            Ok(()) => {
                widen(SockRef::from(&socket));
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

struct Session<'a> {
    up: Datagrams,
    down: Datagrams,
    dns: Option<Messages>,
    inbox: Inbox,
    toxics: watch::Receiver<Toxics>,
    client: &'a Client,
}

impl Session<'_> {
    async fn carry(&mut self, upstream: &UdpSocket) -> Ended {
        let route = &self.client.route;
        let idle = route.options.udp.idle.get();
        let mut alarm = route.timer.alarm();
        let mut patience = route.timer.alarm();
        loop {
            self.learn();
            if self.send(upstream).is_err() {
                route.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
                return Ended::NoUpstream;
            }
            let due = self.up.due().into_iter().chain(self.down.due()).min();
            let over = self.client.seen.get() + idle;
            tokio::select! {
                () = changed(&mut self.toxics) => {}
                () = alarm.until(due) => {}
                datagram = self.inbox.datagrams.recv() => match datagram {
                    Some(bytes) => self.take_from_client(bytes),
                    None => return Ended::Closed,
                },
                ready = upstream.ready(Interest::READABLE | Interest::ERROR) => {
                    let there = ready.and_then(|ready| is_there(upstream, ready));
                    if there.is_err() || self.take_from_upstream(upstream).is_err() {
                        route.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
                        return Ended::NoUpstream;
                    }
                }
                () = patience.until(Some(over)) => {
                    // What is still on its way keeps the session; what would wait for ever does not.
                    let waits = due.is_some_and(|due| due < Instant::now() + idle);
                    if !waits {
                        return Ended::Closed;
                    }
                    self.client.seen.now();
                }
            }
        }
    }

    fn learn(&mut self) {
        if self.toxics.has_changed().unwrap_or(false) {
            let toxics = self.toxics.borrow_and_update().clone();
            let now = Instant::now();
            self.up.learn(now, &toxics);
            self.down.learn(now, &toxics);
        }
    }

    fn take_from_client(&mut self, first: Bytes) {
        self.client.seen.now();
        let mut next = Some(first);
        for _ in 0..IN_A_ROW {
            let Some(bytes) = next else { return };
            self.ask(bytes);
            next = self.inbox.datagrams.try_recv().ok();
        }
        if let Some(bytes) = next {
            self.ask(bytes);
        }
    }

    /// A datagram for the upstream, unless it is a query that a fault takes.
    fn ask(&mut self, bytes: Bytes) {
        let now = Instant::now();
        let asked = self.dns.as_mut().map_or(Asked::Pass, |messages| {
            messages.ask(&self.toxics.borrow(), &bytes)
        });
        match asked {
            Asked::Pass => self.up.take(now, bytes, Duration::ZERO),
            Asked::Lost => self.up.lose(bytes.len()),
            Asked::Answered(answer, delay) => {
                self.up.lose(bytes.len());
                self.down.take(now, answer, delay);
            }
        }
    }

    /// A datagram for the client, or what a fault makes of it.
    fn answer(&mut self, bytes: Bytes) {
        let (bytes, delay) = match &mut self.dns {
            Some(messages) => messages.answer(&self.toxics.borrow(), bytes),
            None => (bytes, Duration::ZERO),
        };
        self.down.take(Instant::now(), bytes, delay);
    }

    fn take_from_upstream(&mut self, upstream: &UdpSocket) -> io::Result<()> {
        let mut buffer = self.client.route.buffers.lend(false);
        for _ in 0..IN_A_ROW {
            match upstream.try_recv(&mut buffer) {
                Ok(length) => {
                    self.client.seen.now();
                    let bytes = Bytes::copy_from_slice(&buffer[..length]);
                    self.answer(bytes);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if is_hard(&error) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Sends all that is due by now; an error means that the upstream is not there.
    fn send(&mut self, upstream: &UdpSocket) -> io::Result<()> {
        let now = Instant::now();
        while let Some(bytes) = self.up.next(now) {
            let sent = SockRef::from(upstream).send(&bytes);
            self.up.left(bytes.len(), sent.is_ok());
            match sent {
                Err(error) if is_hard(&error) => return Err(error),
                // Too large, or no room: such a datagram is lost, as it would be on any line.
                _ => {}
            }
        }
        while let Some(bytes) = self.down.next(now) {
            let sent = self.client.hatch.send(&bytes, self.client.address);
            self.down.left(bytes.len(), sent.is_ok());
        }
        Ok(())
    }
}

/// Whether an error means that the upstream is not there.
fn is_hard(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    )
}

/// Whether the kernel knows of no reason why nothing can reach the upstream, such as an ICMP port unreachable.
fn is_there(upstream: &UdpSocket, ready: Ready) -> io::Result<()> {
    if !ready.is_error() {
        return Ok(());
    }
    let told = upstream.take_error()?;
    // The next wait is for the next error.
    let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
    upstream.try_io(Interest::ERROR, nothing).ok();
    match told {
        Some(error) if is_hard(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The client's datagrams that wait for the session.
pub(super) struct Inbox {
    pub(super) datagrams: mpsc::Receiver<Bytes>,
    pub(super) counters: Arc<Counters>,
}

/// What was handed over and never looked at was received, and dropped.
impl Drop for Inbox {
    fn drop(&mut self) {
        self.datagrams.close();
        let tally = self.counters.datagrams(Stream::Upstream);
        while self.datagrams.try_recv().is_ok() {
            count(&tally.received);
            count(&tally.dropped);
        }
    }
}
