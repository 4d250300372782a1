//! A connection that the proxy looks into: TLS, and protocols above it.
//!
//! ```text
//!  client socket ─► stream toxics ─► TLS (terminated) ─► protocol ─► TLS (originated) ─► upstream socket
//! ```

mod handshake;
mod losing;
mod pass;
mod pipe;
mod prefixed;
mod socket;
mod state;
#[cfg(test)]
mod tests;
mod toxified;

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::attached::{Attached, Toxics, Visitor};
use crate::options::Protocol;
use crate::scope::Scope;
use crate::wire::{Ended, Route, Socket, dial};
use crate::{dns, http, postgres, redis};
use handshake::Agreed;
use losing::Losing;
use pipe::Pipe;
use socket::Held;
use state::Fate;
use toxified::Toxified;

/// An upstream that does not answer by then is given up.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// A byte stream of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A byte stream whose layers are nobody's business above them.
pub(crate) type BoxIo = Box<dyn Io>;

/// One client's connection, as the protocols see it.
pub(crate) struct Session<'a> {
    pub(crate) route: &'a Route,
    pub(crate) visitor: Arc<Visitor>,
    pipe: Arc<Pipe>,
    /// What a terminated TLS has agreed on.
    agreed: OnceLock<Agreed>,
    /// The sockets to the upstream, for [`Self::reset`].
    upstreams: Mutex<Vec<Weak<Socket>>>,
    /// Which of them, and of the client's, lose packets.
    losing: Mutex<Losing>,
    /// Whether the last dial failed, for the log.
    unreachable: AtomicBool,
}

/// Carries one client's connection to its end.
pub(crate) async fn carry(route: &Route, client: Socket, visitor: Arc<Visitor>) -> Ended {
    let session = Session::new(route, client, visitor);
    let toxified: BoxIo = Box::new(Toxified(Arc::clone(&session.pipe)));
    let driver = session
        .pipe
        .drive(route.toxics.clone(), route.timer.alarm(), |toxic| {
            session.is_meant(toxic)
        });
    // In a set, since that asks it only when it was woken itself, and not at each byte of the protocol's.
    let mut driver = FuturesUnordered::from_iter([driver]);
    // Outlives the end: what is to be reset must still be open.
    let mut protocol = pin!(session.speak(toxified));
    let losses = pin!(session.follow_losses());
    let fate = tokio::select! {
        biased;
        fate = driver.next() => fate,
        () = &mut protocol => {
            session.pipe.leave();
            driver.next().await
        }
        () = losses => None,
    };
    if fate == Some(Fate::Reset) {
        session.reset_sockets();
        return Ended::Reset;
    }
    if session.unreachable.load(Ordering::Relaxed) {
        return Ended::NoUpstream;
    }
    Ended::Closed
}

/// Whether a connection that begins now has to be looked into, although its proxy's options do not say so.
pub(crate) fn is_needed(toxics: &Toxics) -> bool {
    toxics.iter().any(|toxic| toxic.spec.acts_on_handshakes())
}

impl<'a> Session<'a> {
    fn new(route: &'a Route, client: Socket, visitor: Arc<Visitor>) -> Self {
        let peek = !route.options.tls.is_off() || is_needed(&route.toxics.borrow());
        Self {
            route,
            pipe: Arc::new(Pipe::new(client, route, Arc::clone(&visitor), peek)),
            visitor,
            agreed: OnceLock::new(),
            upstreams: Mutex::default(),
            losing: Mutex::default(),
            unreachable: AtomicBool::new(false),
        }
    }

    async fn speak(&self, client: BoxIo) {
        let client = match self.begin(client).await {
            Ok(client) => client,
            // The peer has been told what there was to tell.
            Err(_) => return,
        };
        match self.route.options.protocol {
            Protocol::Http => http::carry(self, client).await,
            Protocol::Postgres => postgres::carry(self, client).await,
            Protocol::Redis => redis::carry(self, client).await,
            Protocol::Dns => dns::carry(self, client).await,
            Protocol::Tcp | Protocol::Udp => self.pass(client).await,
        }
    }

    /// The proxy's toxics now, of every layer; ask [`Self::is_meant`] of each that matters.
    pub(crate) fn toxics(&self) -> Toxics {
        Arc::clone(&self.route.toxics.borrow())
    }

    /// Whether a toxic acts on this connection: the same answer however often it is asked.
    pub(crate) fn is_meant(&self, toxic: &Attached) -> bool {
        let names = |scope: &Scope| scope.sni.is_empty() || scope.admits_name(self.sni().as_deref());
        // The name first: who is not meant by it takes no place of a scope with `max_active`.
        names(&toxic.scope) && self.visitor.is_met_by(toxic)
    }

    /// Ends when this revision of a toxic is no longer attached; at once if it is not now.
    pub(crate) async fn until_gone(&self, toxic: &Attached) {
        let is_same = |other: &Arc<Attached>| other.id == toxic.id && other.revision == toxic.revision;
        let mut feed = self.route.toxics.clone();
        // A proxy that is gone takes its connections with it.
        feed.wait_for(|toxics| !toxics.iter().any(is_same)).await.ok();
    }

    /// Waits for so long on account of a toxic: not a moment less unless the toxic goes before.
    pub(crate) async fn hold(&self, span: Duration, toxic: &Attached) {
        let mut alarm = self.route.timer.alarm();
        let until = Instant::now().checked_add(span);
        tokio::select! {
            () = alarm.until(until) => {}
            () = self.until_gone(toxic) => {}
        }
    }

    /// Resets the connection (an RST to the client and to the upstream): what runs in this session ends at its next wait.
    pub(crate) fn reset(&self) {
        self.reset_sockets();
        self.pipe.cut(Fate::Reset);
    }

    /// A new connection to the upstream, with TLS if the proxy originates it: in the application protocol that the
    /// client's TLS has agreed on, if any.
    pub(crate) async fn dial(&self) -> io::Result<BoxIo> {
        let alpn = self.alpn().map(<[u8]>::to_vec);
        self.dial_for(alpn).await
    }

    /// A new connection to the upstream; if the proxy originates TLS, for this application protocol (`h2`).
    pub(crate) async fn dial_for(&self, alpn: Option<Vec<u8>>) -> io::Result<BoxIo> {
        let toxics = self.toxics();
        let dialling = dial(&self.route.upstream, &toxics);
        let dialled = timeout(DIAL_LIMIT, dialling).await;
        let dialled = dialled.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        self.unreachable.store(dialled.is_err(), Ordering::Relaxed);
        let socket = dialled.inspect_err(|error| {
            // It accepted and reset before we looked: no failed dial but a reset like any other.
            if error.kind() != ErrorKind::ConnectionReset {
                self.route.counters.dial_failures.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        let socket = Arc::new(socket);
        self.remember(&socket);
        self.learn_losses();
        self.originate(Box::new(Held(socket)), alpn).await
    }

    fn remember(&self, socket: &Arc<Socket>) {
        let mut upstreams = self.upstreams();
        upstreams.retain(|held| held.strong_count() > 0);
        upstreams.push(Arc::downgrade(socket));
    }

    fn reset_sockets(&self) {
        self.pipe.socket.reset_at_end();
        for held in self.upstreams().iter().filter_map(Weak::upgrade) {
            held.reset_at_end();
        }
    }

    fn upstreams(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Socket>>> {
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
