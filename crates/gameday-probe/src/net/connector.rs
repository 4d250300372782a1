//! This machine's way to services: names, connections and trust; shared by every probe of a process.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use gameday_core::{Phases, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::client::TlsStream;

use super::dial::dial;
use super::exchange::converse;
use super::fair::Fair;
use super::laps::{Laps, Phase};
use super::request::Request;
use super::resolve::Resolver;
use super::route::Route;
use super::tls::{Alpn, Hello, Tls, exhibit};
use super::trail::Trail;
use crate::evidence::Evidence;
use crate::observation::Fault;
use crate::response::Response;
use crate::tls::Trust;

/// Makes a fresh connection for each request; clones share the resolver and the trusted roots.
#[derive(Clone, Default)]
pub struct Connector {
    pub(super) resolver: Arc<Resolver>,
    pub(super) tls: Arc<Tls>,
}

/// Bytes both ways.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection that is there.
pub(crate) struct Link {
    pub(crate) stream: Box<dyn Io>,
    /// Who was connected to.
    pub(crate) remote: SocketAddr,
    /// Whether the server chose HTTP/2.
    pub(crate) chose_http2: bool,
}

/// Where a connection goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// What is offered over TLS; none without TLS.
    pub(crate) tls: Option<Alpn>,
}

/// What came of a request, how long each phase took, and what was seen; also of one that failed.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) phases: Phases,
    pub(crate) evidence: Evidence,
    pub(crate) result: Result<Response, Fault>,
}

impl Connector {
    /// Does now what the first TLS connection would otherwise have to wait for.
    pub(crate) fn prepare_tls(&self) {
        self.tls.prepare();
    }

    /// Asks, and is back by the deadline.
    pub(crate) async fn exchange(&self, request: &Request, deadline: Instant) -> Exchange {
        let mut trail = Trail::start();
        let result = self.ask(request, deadline, &mut trail).await;
        let phases = trail.laps.phases();
        Exchange {
            phases,
            evidence: trail.evidence,
            result: result.map(|response| response.took(phases)),
        }
    }

    async fn ask(&self, request: &Request, deadline: Instant, trail: &mut Trail) -> Result<Response, Fault> {
        let url = &request.url;
        let place = Place {
            host: &url.host,
            port: url.port,
            tls: url.tls.then(|| request.route.version.into()),
        };
        let link = self.open(place, &request.route, deadline, trail).await?;
        converse(link, request, deadline, trail).await
    }

    /// Whom this machine trusts.
    pub(crate) fn trust(&self) -> Result<Arc<Trust>, Fault> {
        self.tls.trust()
    }

    /// The addresses that this machine has for a name.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Fault> {
        let mut unseen = Evidence::default();
        self.resolver
            .addresses(host, &Route::default(), &mut unseen)
            .await
    }

    /// Resolves, stamping the phase; the addresses of the route's family, never none.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        route: &Route,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<Vec<IpAddr>, Fault> {
        let Trail { laps, evidence } = trail;
        let late = || Fault::new(Reason::DnsTimeout, format!("`{host}` was not resolved in time"));
        let resolving = self.resolver.addresses(host, route, evidence);
        phase(laps, deadline, |p| &mut p.resolve_us, resolving, late).await
    }

    /// Resolves and connects, stamping both phases.
    pub(crate) async fn reach(
        &self,
        host: &str,
        port: u16,
        route: &Route,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<(TcpStream, SocketAddr), Fault> {
        let addresses = self.resolve(host, route, deadline, trail).await?;
        let Trail { laps, evidence } = trail;
        let late = || {
            let message = format!("no connection to `{host}:{port}` in time");
            Fault::new(Reason::ConnectTimeout, message)
        };
        let dialling = dial(&addresses, port, route.source, evidence);
        phase(laps, deadline, |p| &mut p.connect_us, dialling, late).await
    }

    /// Begins TLS over a connection and judges what is shown, stamping the phase.
    pub(crate) async fn secure(
        &self,
        stream: TcpStream,
        host: &str,
        alpn: Alpn,
        route: &Route,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let Trail { laps, evidence } = trail;
        let own = route.tls.as_deref();
        let name = own.and_then(|own| own.server_name.as_deref()).unwrap_or(host);
        let late = || {
            let message = format!("the TLS handshake with `{name}` did not end in time");
            Fault::new(Reason::TlsHandshake, message)
        };
        let shaking = async {
            let hello = Hello {
                name,
                alpn,
                own,
                recorder: None,
            };
            let stream = self.tls.handshake(hello, stream).await?;
            evidence.add(exhibit(name, &stream));
            self.tls.judge(name, own, &stream)?;
            Ok(stream)
        };
        phase(laps, deadline, |p| &mut p.tls_us, shaking, late).await
    }

    /// Begins TLS over a connection, whatever is shown, stamping the phase; nothing of it is judged.
    pub(crate) async fn shake<S: Io>(
        &self,
        stream: S,
        hello: Hello<'_>,
        deadline: Instant,
        laps: &mut Laps,
    ) -> Result<TlsStream<S>, Fault> {
        let late = || {
            let message = format!("the TLS handshake with `{}` did not end in time", hello.name);
            Fault::new(Reason::TlsHandshake, message)
        };
        let shaking = self.tls.handshake(hello.clone(), stream);
        phase(laps, deadline, |p| &mut p.tls_us, shaking, late).await
    }

    /// Resolves, connects and secures, stamping each phase.
    pub(crate) async fn open(
        &self,
        place: Place<'_>,
        route: &Route,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<Link, Fault> {
        let Place { host, port, tls } = place;
        let (stream, remote) = self.reach(host, port, route, deadline, trail).await?;
        let Some(alpn) = tls else {
            return Ok(Link {
                stream: Box::new(Fair::new(stream)),
                remote,
                chose_http2: false,
            });
        };
        let stream = self.secure(stream, host, alpn, route, deadline, trail).await?;
        let chose_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Link {
            stream: Box::new(Fair::new(stream)),
            remote,
            chose_http2,
        })
    }
}

/// Does one phase, and stamps its end however it ends.
async fn phase<T>(
    laps: &mut Laps,
    deadline: Instant,
    phase: Phase,
    doing: impl Future<Output = Result<T, Fault>>,
    late: impl FnOnce() -> Fault,
) -> Result<T, Fault> {
    let ended = timeout_at(deadline.into(), doing).await;
    laps.end(phase);
    ended.unwrap_or_else(|_| Err(late()))
}
