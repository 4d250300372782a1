//! Runs one request through all its phases, each under the same deadline.

use std::time::Instant;

use gameday_core::{Phases, Reason};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::dial::dial;
use super::exchange::{Request, converse};
use super::laps::{Laps, Phase};
use super::resolve::Resolver;
use super::tls::Tls;
use crate::observation::Fault;
use crate::response::Response;

/// Makes a fresh connection for each request.
#[derive(Default)]
pub(crate) struct Connector {
    pub(super) resolver: Resolver,
    pub(super) tls: Tls,
}

/// What came of a request, and how long each phase took, also of one that failed.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) phases: Phases,
    pub(crate) result: Result<Response, Fault>,
}

impl Connector {
    /// Does now what the first TLS connection would otherwise have to wait for.
    pub(crate) fn prepare_tls(&self) {
        self.tls.prepare();
    }

    /// Asks, and is back by the deadline.
    pub(crate) async fn exchange(&self, request: &Request, deadline: Instant) -> Exchange {
        let mut laps = Laps::start();
        let result = self.ask(request, deadline, &mut laps).await;
        Exchange {
            phases: laps.phases(),
            result,
        }
    }

    async fn ask(&self, request: &Request, deadline: Instant, laps: &mut Laps) -> Result<Response, Fault> {
        let url = &request.url;
        let stream = self.connect(&url.host, url.port, deadline, laps).await?;
        if !url.tls {
            return converse(stream, request, deadline, laps).await;
        }
        let late = || {
            let message = format!("the TLS handshake with `{}` did not end in time", url.host);
            Fault::new(Reason::TlsHandshake, message)
        };
        let shaking = self.tls.handshake(&url.host, stream);
        let by = By { deadline, laps };
        let (stream, by) = by.phase(|phases| &mut phases.tls_us, shaking, late).await?;
        converse(stream, request, deadline, by.laps).await
    }

    /// Resolves and connects to the first address that accepts, stamping both phases.
    pub(crate) async fn connect(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
        laps: &mut Laps,
    ) -> Result<TcpStream, Fault> {
        let by = By { deadline, laps };
        let late = || Fault::new(Reason::DnsTimeout, format!("`{host}` was not resolved in time"));
        let resolving = self.resolver.addresses(host);
        let (addresses, by) = by.phase(|phases| &mut phases.resolve_us, resolving, late).await?;
        let late = || {
            let message = format!("no connection to `{host}:{port}` in time");
            Fault::new(Reason::ConnectTimeout, message)
        };
        let dialling = dial(&addresses, port);
        let (stream, _) = by.phase(|phases| &mut phases.connect_us, dialling, late).await?;
        Ok(stream)
    }
}

/// A deadline and where the time until it is written down.
struct By<'l> {
    deadline: Instant,
    laps: &'l mut Laps,
}

impl By<'_> {
    /// Does one phase, and stamps its end however it ends.
    async fn phase<T>(
        self,
        phase: Phase,
        doing: impl Future<Output = Result<T, Fault>>,
        late: impl FnOnce() -> Fault,
    ) -> Result<(T, Self), Fault> {
        let ended = timeout_at(self.deadline.into(), doing).await;
        self.laps.end(phase);
        Ok((ended.unwrap_or_else(|_| Err(late()))?, self))
    }
}
