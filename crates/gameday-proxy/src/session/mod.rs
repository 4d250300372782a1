//! A connection that the proxy looks into: TLS, and protocols above it.
//!
//! ```text
//!  client socket ─► stream toxics ─► TLS (terminated) ─► protocol ─► TLS (originated) ─► upstream socket
//! ```

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::attached::{Attached, Toxics, Visitor};
use crate::options::Protocol;
use crate::wire::Route;
use crate::{http, postgres, redis};

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
}

/// Carries one client's connection to its end.
pub(crate) async fn carry(route: &Route, client: TcpStream, number: u64) {
    let from = client.peer_addr().ok().map(|address| address.ip());
    let visitor = Visitor::new(from, number);
    let session = Session { route, visitor };
    client.set_nodelay(true).ok();
    let client: BoxIo = Box::new(client);
    match route.options.protocol {
        Protocol::Http => http::carry(&session, client).await,
        Protocol::Postgres => postgres::carry(&session, client).await,
        Protocol::Redis => redis::carry(&session, client).await,
        Protocol::Tcp | Protocol::Udp | Protocol::Dns => session.pass(client).await,
    }
}

#[expect(dead_code, reason = "the protocols are being built")]
impl Session<'_> {
    /// The proxy's toxics now, of every layer; ask [`Self::is_meant`] of each that matters.
    pub(crate) fn toxics(&self) -> Toxics {
        Arc::clone(&self.route.toxics.borrow())
    }

    /// Whether a toxic acts on this connection: the same answer however often it is asked.
    pub(crate) fn is_meant(&self, toxic: &Attached) -> bool {
        self.visitor.is_met_by(toxic)
    }

    /// A new connection to the upstream, with TLS if the proxy originates it.
    pub(crate) async fn dial(&self) -> io::Result<BoxIo> {
        let dial = TcpStream::connect(self.route.upstream.as_str());
        let socket = timeout(DIAL_LIMIT, dial)
            .await
            .map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        socket.set_nodelay(true).ok();
        Ok(Box::new(socket))
    }

    /// Carries bytes as they are.
    pub(crate) async fn pass(&self, mut client: BoxIo) {
        if let Ok(mut server) = self.dial().await {
            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
        }
    }
}
