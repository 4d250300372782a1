//! Messages on their way: datagrams, streams with a length before each message, HTTP bodies.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use gameday_core::Reason;
use hyper::Method;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::server::{Server, Way};
use crate::net::{Alpn, Connector, Identity, Io, OwnTls, Place, Request, Route, Trail, Url};
use crate::observation::Fault;

/// RFC 8484, 6.
const DNS_MESSAGE: HeaderValue = HeaderValue::from_static("application/dns-message");
/// No answer is longer (RFC 1035, 4.2.2).
const MAX_MESSAGE_BYTES: usize = 65_535;

/// How servers are reached from here.
pub(super) struct Roads<'a> {
    pub(super) connector: &'a Connector,
    /// Trust of the panel's own.
    pub(super) tls: Option<&'a OwnTls>,
    pub(super) deadline: Instant,
}

impl Roads<'_> {
    /// Sends one message and takes the first answer that fits it; `stream` overrides a way of datagrams.
    pub(super) async fn carry(&self, server: &Server, query: &[u8], stream: bool) -> Result<Vec<u8>, Fault> {
        let answer = async {
            match &server.way {
                Way::Udp { host, port } if !stream => self.datagram(server, host, *port, query).await,
                Way::Udp { host, port } | Way::Tcp { host, port } => {
                    self.stream(server, host, *port, None, query).await
                }
                Way::Tls { host, port, name } => self.stream(server, host, *port, Some(name), query).await,
                Way::Https(url) => self.http(server, url, query).await,
            }
        };
        timeout_at(self.deadline.into(), answer)
            .await
            .unwrap_or_else(|_| Err(unanswered(server, 0)))
    }

    async fn datagram(&self, server: &Server, host: &str, port: u16, query: &[u8]) -> Result<Vec<u8>, Fault> {
        let broken = |error: io::Error| match crate::net::lacking(&error) {
            Some(lack) => lack,
            None if error.kind() == io::ErrorKind::ConnectionRefused => Fault::new(
                Reason::ConnectRefused,
                format!("no name server listens at {server}"),
            ),
            None => Fault::new(
                Reason::ConnectUnreachable,
                format!("{server} cannot be reached: {error}"),
            ),
        };
        let address = self.address(host, port).await?;
        let from: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0)).await.map_err(broken)?;
        // Connected, it takes answers of nobody else, and hears when nothing listens there.
        socket.connect(address).await.map_err(broken)?;
        socket.send(query).await.map_err(broken)?;
        let mut buffer = vec![0; MAX_MESSAGE_BYTES];
        let mut strays = 0_u32;
        loop {
            let received = timeout_at(self.deadline.into(), socket.recv(&mut buffer)).await;
            let Ok(received) = received else {
                return Err(unanswered(server, strays));
            };
            let length = received.map_err(broken)?;
            // Another id is an answer to nothing that we asked (RFC 5452, 9.1).
            if buffer[..length].get(..2) == query.get(..2) {
                return Ok(buffer[..length].to_vec());
            }
            strays = strays.saturating_add(1);
        }
    }

    async fn address(&self, host: &str, port: u16) -> Result<SocketAddr, Fault> {
        let found = self.connector.addresses(host).await?;
        let first = found
            .first()
            .ok_or_else(|| Fault::new(Reason::DnsNoAddress, format!("`{host}` has no address")))?;
        Ok(SocketAddr::new(*first, port))
    }

    async fn stream(
        &self,
        server: &Server,
        host: &str,
        port: u16,
        name: Option<&String>,
        query: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let route = self.route(name.cloned());
        let place = Place {
            host,
            port,
            tls: name.map(|_| Alpn::None),
        };
        let mut trail = Trail::start();
        let link = self
            .connector
            .open(place, &route, self.deadline, &mut trail)
            .await?;
        let broken = |error: io::Error| {
            let message = format!("{server} closed the connection before its answer was whole: {error}");
            Fault::new(Reason::ConnectionReset, message)
        };
        exchange(link.stream, query).await.map_err(broken)
    }

    fn route(&self, server_name: Option<String>) -> Route {
        Route {
            tls: Some(Arc::new(OwnTls {
                trust: self.tls.and_then(|tls| tls.trust.clone()),
                insecure: self.tls.is_some_and(|tls| tls.insecure),
                identity: self.tls.and_then(|tls| tls.identity.as_ref().map(clone_identity)),
                server_name,
                ..OwnTls::default()
            })),
            ..Route::default()
        }
    }

    async fn http(&self, server: &Server, url: &Url, query: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut request = Request::get(url.clone());
        request.method = Method::POST;
        request.headers.insert(CONTENT_TYPE, DNS_MESSAGE);
        request.headers.insert(ACCEPT, DNS_MESSAGE);
        request.body = Some(query.to_vec().into());
        let own = self.tls.and_then(|tls| tls.server_name.clone());
        request.route = Arc::new(self.route(own));
        let response = self.connector.exchange(&request, self.deadline).await.result?;
        if response.status != 200 {
            let message = format!("{server} answered with status {}", response.status);
            return Err(Fault::new(Reason::HttpStatus, message));
        }
        Ok(response.body.kept.to_vec())
    }
}

/// The time is over, and what came until then answers nothing.
fn unanswered(server: &Server, strays: u32) -> Fault {
    match strays {
        0 => Fault::new(Reason::DnsTimeout, format!("{server} did not answer in time")),
        _ => Fault::new(
            Reason::UnexpectedReply,
            format!("{server} sent {strays} datagrams that answer nothing: none has our question's id"),
        ),
    }
}

/// RFC 1035, 4.2.2: two bytes of length before each message.
async fn exchange(mut stream: Box<dyn Io>, query: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(query);
    stream.write_all(&framed).await?;
    stream.flush().await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn clone_identity((chain, key): &Identity) -> Identity {
    (chain.clone(), key.clone_key())
}
