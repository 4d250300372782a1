//! A question on its way, over UDP, TCP or TLS, and its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use gameday_core::Reason;
use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::super::look::Look;
use super::super::ssl;
use super::super::tls::Tls;
use super::broken;
use crate::net::{Alpn, Io, Route, Trail};
use crate::observation::Fault;

const MAX_MESSAGE_BYTES: usize = 65_535;

/// A question without its id, as it is sent.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    rest: Vec<u8>,
}

impl Question {
    /// # Errors
    /// In words: it is no name.
    pub(super) fn new(
        name: &str,
        kind: RecordType,
        class: DNSClass,
        recursion: bool,
    ) -> Result<Self, String> {
        let parsed = Name::from_ascii(name).map_err(|error| error.to_string())?;
        // One question, nothing else: theirs sends no EDNS (RFC 1035, 4.1.1).
        let mut rest = vec![u8::from(recursion), 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in parsed.iter() {
            rest.push(u8::try_from(label.len()).map_err(|error| error.to_string())?);
            rest.extend_from_slice(label);
        }
        rest.push(0);
        rest.extend(u16::from(kind).to_be_bytes());
        rest.extend(u16::from(class).to_be_bytes());
        Ok(Self {
            text: name.to_owned(),
            rest,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let id = uuid::Uuid::new_v4().into_bytes();
        [&id[..2], &self.rest].concat()
    }
}

/// How the server is reached.
pub(super) struct Way<'a> {
    pub(super) to: SocketAddr,
    /// The name that TLS asks for.
    pub(super) host: &'a str,
    pub(super) source: Option<IpAddr>,
    pub(super) over_stream: bool,
    pub(super) tls: Option<&'a Tls>,
}

impl Way<'_> {
    /// Asks, stamping connect, TLS and the wait for the answer.
    pub(super) async fn ask(
        &self,
        look: &mut Look<'_>,
        question: &Question,
        trail: &mut Trail,
    ) -> Result<Message, Fault> {
        let query = question.bytes();
        let answer = match self.over_stream {
            true => self.stream(look, &query, trail).await?,
            false => self.datagram(look, &query, trail).await?,
        };
        Message::from_vec(&answer).map_err(|error| {
            let message = format!("the answer is no DNS message: {error}");
            Fault::new(Reason::UnexpectedReply, message)
        })
    }

    async fn datagram(&self, look: &Look<'_>, query: &[u8], trail: &mut Trail) -> Result<Vec<u8>, Fault> {
        let any = match self.to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let ours = |error: std::io::Error| Fault::new(Reason::CannotLook, error.to_string());
        let socket = UdpSocket::bind((self.source.unwrap_or(any), 0))
            .await
            .map_err(ours)?;
        socket.connect(self.to).await.map_err(|error| broken(&error))?;
        trail.laps.end(|phases| &mut phases.connect_us);
        let exchange = async {
            socket.send(query).await?;
            let mut buffer = vec![0; MAX_MESSAGE_BYTES];
            loop {
                let length = socket.recv(&mut buffer).await?;
                // Another id is an answer to nothing that we asked (RFC 5452, 9.1).
                if buffer[..length].get(..2) == query.get(..2) {
                    return Ok(buffer[..length].to_vec());
                }
            }
        };
        let ended = timeout_at(look.deadline.into(), exchange).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        self.ended(ended)
    }

    async fn stream(&self, look: &mut Look<'_>, query: &[u8], trail: &mut Trail) -> Result<Vec<u8>, Fault> {
        let route = Route {
            address: Some(self.to.ip()),
            source: self.source,
            ..Route::default()
        };
        let reaching = look
            .connector
            .reach(self.host, self.to.port(), &route, look.deadline, trail);
        let (stream, _) = reaching.await?;
        let mut stream: Box<dyn Io> = Box::new(stream);
        if let Some(tls) = self.tls {
            let name = tls.server_name.as_deref().unwrap_or(self.host);
            stream = Box::new(ssl::secure(look, stream, name, Alpn::None, tls, trail).await?.0);
        }
        // RFC 1035, 4.2.2: two bytes of length before each message.
        let exchange = async {
            let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
            stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
            stream.flush().await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        let ended = timeout_at(look.deadline.into(), exchange).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        self.ended(ended)
    }

    fn ended<E>(&self, ended: Result<std::io::Result<Vec<u8>>, E>) -> Result<Vec<u8>, Fault> {
        match ended {
            Ok(answer) => answer.map_err(|error| broken(&error)),
            Err(_) => {
                let message = format!("read {}: i/o timeout", self.to);
                Err(Fault::new(Reason::DnsTimeout, message))
            }
        }
    }
}
