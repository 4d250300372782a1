//! How a session begins: TLS towards the client and the upstream, and the faults of handshakes.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use super::prefixed::Prefixed;
use super::{BoxIo, Session};
use crate::attached::Attached;
use crate::options::Protocol;
use crate::tls::{Alert, CertificateFault, TlsFault};
use crate::toxic::ToxicSpec;

/// A handshake that takes longer, stalls of ours apart, is given up.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may be connected before it says what it wants: some connect ahead.
const FIRST_WORDS: Duration = Duration::from_secs(60);
/// How long a fault of handshakes keeps from its upstream a client that says nothing: its server may speak first.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a client that was sent an alert may take to read it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// PostgreSQL's wish to go on in TLS, which stands before every handshake but a direct one.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// PostgreSQL's wish to go on in GSSAPI's encryption.
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

/// What a terminated TLS has agreed on.
#[derive(Debug, Clone, Default)]
pub(super) struct Agreed {
    sni: Option<String>,
    alpn: Option<Vec<u8>>,
}

impl Session<'_> {
    /// The server name that the client asked for, in lower case, once its ClientHello is known.
    pub(crate) fn sni(&self) -> Option<String> {
        if let Some(agreed) = self.agreed.get() {
            return agreed.sni.clone();
        }
        let hello = self.pipe.hello.borrow();
        hello
            .as_ref()
            .and_then(|hello| hello.as_ref()?.server_name.clone())
    }

    /// The application protocol (`h2`) that the client's terminated TLS has agreed on.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.agreed.get()?.alpn.as_deref()
    }

    /// Whether the client is to speak TLS with the proxy, at once or (PostgreSQL) when it asks for it.
    pub(crate) fn terminates(&self) -> bool {
        self.route.options.tls.terminate.is_some()
    }

    /// TLS with the client, as the options and the toxics say; an error when it failed and the client has been told.
    pub(crate) async fn accept_tls(&self, client: BoxIo) -> io::Result<BoxIo> {
        let hello = timeout(FIRST_WORDS, LazyConfigAcceptor::new(Acceptor::default(), client));
        let mut started = hello.await.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        let sni = started.client_hello().server_name().map(str::to_ascii_lowercase);
        let fault = self.disturb(&mut started.io, sni.as_deref()).await?;
        let layer = self.route.options.tls.layer();
        let Some(config) = layer.and_then(|layer| layer.server(fault)) else {
            return Err(io::Error::other("the proxy terminates no TLS"));
        };
        let accepted = timeout(HANDSHAKE_LIMIT, started.into_stream(config));
        let stream = accepted
            .await
            .map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        self.agreed.set(Agreed { sni, alpn }).ok();
        // Stream toxics may be meant for the name that has become known.
        self.pipe.names_known();
        Ok(Box::new(stream))
    }

    /// What comes before the protocol: TLS where it comes first, and what toxics do to handshakes.
    pub(super) async fn begin(&self, mut client: BoxIo) -> io::Result<BoxIo> {
        if self.terminates() {
            let asks_first = self.route.options.protocol == Protocol::Postgres;
            if asks_first && !self.has_hello(FIRST_WORDS).await {
                return self.accept_postgres(client).await;
            }
            return self.accept_tls(client).await;
        }
        if !self.terminates() && super::is_needed(&self.toxics()) && self.has_hello(SILENCE).await {
            let sni = self.sni();
            self.disturb(&mut client, sni.as_deref()).await?;
        }
        Ok(client)
    }

    /// TLS for a PostgreSQL client that asks for it, as its server would: no GSSAPI, and plain text for who wants it
    /// unless a certificate is asked for.
    async fn accept_postgres(&self, mut client: BoxIo) -> io::Result<BoxIo> {
        let mut asked = [0; 8];
        loop {
            let read = timeout(FIRST_WORDS, client.read_exact(&mut asked));
            read.await.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
            match asked {
                SSL_REQUEST => {
                    client.write_all(b"S").await?;
                    client.flush().await?;
                    return self.accept_tls(client).await;
                }
                GSS_REQUEST => {
                    client.write_all(b"N").await?;
                    client.flush().await?;
                }
                _ if self.wants_certificate() => return Err(ErrorKind::PermissionDenied.into()),
                first => {
                    let first = Bytes::copy_from_slice(&first);
                    return Ok(Box::new(Prefixed { first, rest: client }));
                }
            }
        }
    }

    fn wants_certificate(&self) -> bool {
        let terminate = self.route.options.tls.terminate.as_ref();
        terminate.is_some_and(|terminate| terminate.client_ca.is_some())
    }

    /// TLS with the upstream, if the options say so.
    pub(super) async fn originate(&self, mut server: BoxIo, alpn: Option<Vec<u8>>) -> io::Result<BoxIo> {
        let upstream = &self.route.upstream;
        let host = upstream
            .rsplit_once(':')
            .map_or(upstream.as_str(), |(host, _)| host);
        let Some(client) = self
            .route
            .options
            .tls
            .layer()
            .and_then(|layer| layer.client(host, alpn))
        else {
            return Ok(server);
        };
        let (config, name) = client.map_err(io::Error::other)?;
        let handshake = async {
            if self.route.options.protocol == Protocol::Postgres {
                server.write_all(&SSL_REQUEST).await?;
                server.flush().await?;
                if server.read_u8().await? != b'S' {
                    return Err(io::Error::other("the upstream has no TLS"));
                }
            }
            TlsConnector::from(config).connect(name, server).await
        };
        let connected = timeout(HANDSHAKE_LIMIT, handshake).await;
        let stream = connected.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        Ok(Box::new(stream))
    }

    /// Whether the client's first bytes are a ClientHello; who says nothing for so long speaks no TLS.
    async fn has_hello(&self, limit: Duration) -> bool {
        let mut hello = self.pipe.hello.subscribe();
        let known = timeout(limit, hello.wait_for(Option::is_some)).await;
        known.is_ok_and(|known| known.is_ok_and(|hello| hello.as_ref().is_some_and(Option::is_some)))
    }

    /// Does to a handshake what the toxics say; an error when that ended the connection.
    async fn disturb(&self, client: &mut BoxIo, sni: Option<&str>) -> io::Result<Option<CertificateFault>> {
        for toxic in &*self.toxics() {
            let ToxicSpec::Tls(fault) = &toxic.spec else {
                continue;
            };
            if !toxic.scope.admits_name(sni) || !self.visitor.is_met_by(toxic) {
                continue;
            }
            toxic.touches.note();
            self.stall(fault, toxic).await?;
            if let Some(alert) = fault.alert {
                tell(client, alert).await;
                return Err(ErrorKind::ConnectionAborted.into());
            }
            if fault.certificate.is_some() {
                return Ok(fault.certificate);
            }
        }
        Ok(None)
    }

    /// Waits as the fault says, until it goes or the client does.
    async fn stall(&self, fault: &TlsFault, toxic: &Arc<Attached>) -> io::Result<()> {
        let Some(span) = fault.stall else { return Ok(()) };
        let span = if span.get().is_zero() {
            Duration::MAX
        } else {
            span.get()
        };
        tokio::select! {
            () = self.hold(span, toxic) => Ok(()),
            () = self.pipe.client_left() => Err(ErrorKind::ConnectionAborted.into()),
        }
    }
}

/// Sends an alert, and waits for a moment until the client has read it: an early close would be a reset.
async fn tell(client: &mut BoxIo, alert: Alert) {
    let words = async {
        client.write_all(&alert.record()).await?;
        client.shutdown().await?;
        let mut rest = [0; 1024];
        while client.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    timeout(LAST_WORDS, words).await.ok();
}
