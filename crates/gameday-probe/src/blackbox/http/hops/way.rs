//! How a hop's server is reached: directly or through a proxy, with TLS or without.

use std::net::SocketAddr;

use gameday_core::Reason;
use hyper::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

use super::Journey;
use crate::blackbox::client::Via;
use crate::blackbox::look::Look;
use crate::blackbox::ssl::{self, Secured};
use crate::blackbox::tls::Tls;
use crate::net::{Alpn, Io, Link, Route, Trail};
use crate::observation::Fault;

/// A proxy's answer to CONNECT may not be longer.
const MAX_TUNNEL_HEAD: usize = 16 * 1024;

/// How the next hop's server is reached.
pub(super) struct Way<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) via: Option<&'a Via>,
}

impl Journey<'_> {
    pub(super) async fn open(
        &self,
        look: &mut Look<'_>,
        way: &Way<'_>,
        trail: &mut Trail,
    ) -> Result<(Link, Option<Secured>), Fault> {
        let Way { host, port, tls, via } = *way;
        let (to, at, address) = match via {
            Some(via) => (via.host.as_str(), via.port, None),
            None => (host, port, self.ip),
        };
        let route = Route {
            address,
            ..Route::default()
        };
        let (stream, remote) = look.connector.reach(to, at, &route, look.deadline, trail).await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        if let Some(via) = via {
            if via.tls {
                let plain = Tls::default();
                let (secured, _) = ssl::secure(look, stream, &via.host, Alpn::None, &plain, trail).await?;
                stream = Box::new(secured);
            }
            if tls {
                let place = self.ip.map_or_else(
                    || format!("{host}:{port}"),
                    |ip| SocketAddr::new(ip, port).to_string(),
                );
                let tunnel = tunnel(
                    &mut stream,
                    &place,
                    via,
                    &self.module.client.proxy.connect_headers,
                );
                let dug = timeout_at(look.deadline.into(), tunnel).await;
                dug.map_err(|_| Fault::new(Reason::ConnectTimeout, "the proxy did not answer in time"))??;
            }
        }
        if !tls {
            let link = Link {
                stream,
                remote,
                chose_http2: false,
            };
            return Ok((link, None));
        }
        let name = if self.at_first {
            self.server_name.as_str()
        } else {
            host
        };
        let alpn = if self.module.client.http2 {
            Alpn::Both
        } else {
            Alpn::None
        };
        let (stream, secured) = ssl::secure(look, stream, name, alpn, &self.module.client.tls, trail).await?;
        let link = Link {
            stream: Box::new(stream),
            remote,
            chose_http2: secured.chose_http2,
        };
        Ok((link, Some(secured)))
    }
}

/// CONNECT (RFC 9110, 9.3.6).
async fn tunnel(stream: &mut Box<dyn Io>, place: &str, via: &Via, headers: &HeaderMap) -> Result<(), Fault> {
    let broken = |error: std::io::Error| {
        Fault::new(
            Reason::ConnectionReset,
            format!("the proxy closed the connection: {error}"),
        )
    };
    let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    for (name, value) in via.headers.iter().chain(headers) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut answer = Vec::new();
    // Byte by byte: what comes behind the head belongs to the tunnel.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_TUNNEL_HEAD {
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    let first = String::from_utf8_lossy(&answer);
    let status = first.split_whitespace().nth(1).unwrap_or_default();
    match status.starts_with('2') {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::HttpStatus,
            format!(
                "the proxy answered CONNECT with `{}`",
                first.lines().next().unwrap_or_default()
            ),
        )),
    }
}
