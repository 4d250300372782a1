//! `[icmp]`: echo requests (RFC 792, RFC 4443), over a socket for pings where the kernel allows it, else a raw one.
//!
//! ```text
//! host = "10.0.0.1", family = "ip4", count = 3, size = 56, ttl = 64, dont_fragment = true, max_loss = "34%"
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use gameday_core::{Ratio, Reason, Table};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep_until, timeout_at};
use toml::Spanned;

use super::Means;
use crate::file::{Scope, Times, read_family, unit};
use crate::net::{Route, Trail};
use crate::observation::{Fault, Observation, Reading};
use crate::template::Template;
use crate::values::Values;

const MAX_COUNT: u32 = 20;
const MAX_SIZE: usize = 65_000;
/// From one request to the next.
const GAP: Duration = Duration::from_millis(200);
const HEADER_BYTES: usize = 8;

/// A host that must answer.
#[derive(Debug, Clone)]
pub(crate) struct Icmp {
    host: Template,
    route: Route,
    count: u32,
    size: usize,
    ttl: Option<u32>,
    dont_fragment: bool,
    /// So many may be lost, from 0 to 1.
    max_loss: f64,
}

/// What came back.
#[derive(Debug, Default)]
struct Echoes {
    sent: u32,
    rtts: Vec<Duration>,
    /// Hops left, as the last answer tells.
    hop_limit: Option<u8>,
}

impl Icmp {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _: &Times) -> Option<Self> {
        let problems = scope.problems();
        let host: Option<Spanned<String>> = table.need_spanned("host");
        let host = host.and_then(|host| scope.template(&host));
        let count: Option<Spanned<u32>> = table.spanned("count");
        if let Some(count) = count
            .as_ref()
            .filter(|count| !(1..=MAX_COUNT).contains(count.get_ref()))
        {
            problems.add(count.span(), format!("`count` is 1 to {MAX_COUNT}"));
        }
        let size: Option<Spanned<usize>> = table.spanned("size");
        if let Some(size) = size.as_ref().filter(|size| *size.get_ref() > MAX_SIZE) {
            problems.add(size.span(), format!("`size` is at most {MAX_SIZE} bytes"));
        }
        let ttl: Option<Spanned<u32>> = table.spanned("ttl");
        if let Some(ttl) = ttl.as_ref().filter(|ttl| !(1..=255).contains(ttl.get_ref())) {
            problems.add(ttl.span(), "`ttl` is 1 to 255");
        }
        let max_loss = unit::<Ratio>(&mut table, "max_loss", scope);
        let icmp = Self {
            host: host?,
            route: Route {
                family: read_family(&mut table, scope),
                ..Route::default()
            },
            count: count.map_or(1, Spanned::into_inner),
            size: size.map_or(56, Spanned::into_inner),
            ttl: ttl.map(Spanned::into_inner),
            dont_fragment: table.get("dont_fragment").unwrap_or(false),
            max_loss: max_loss.map_or(0.0, |loss| loss.into_inner().get()),
        };
        table.finish();
        Some(icmp)
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let mut trail = Trail::start();
        let mut echoes = Echoes::default();
        let fault = self.ping(means, values, &mut trail, &mut echoes).await.err();
        let mut observation = trail.observe(fault);
        observation.readings = echoes.readings();
        observation
    }

    async fn ping(
        &self,
        means: &Means<'_>,
        values: &Values<'_>,
        trail: &mut Trail,
        echoes: &mut Echoes,
    ) -> Result<(), Fault> {
        let host = self.host.render(values).map_err(super::missing)?;
        let found = means
            .connector
            .resolve(&host, &self.route, means.deadline, trail)
            .await?;
        let to = found[0];
        let ours = |error: io::Error| crate::net::lacking(&error).unwrap_or_else(|| forbidden(&error));
        let (socket, is_raw) = open(to).map_err(ours)?;
        self.set_up(&socket, to).map_err(ours)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a `Socket` owns its descriptor for life"
        )]
        let socket = AsyncFd::new(socket).map_err(ours)?;
        trail.laps.end(|phases| &mut phases.connect_us);
        let gone = self.exchange(&socket, to, is_raw, means.deadline, echoes).await;
        trail.laps.end(|phases| &mut phases.wait_us);
        gone.map_err(|error| Fault::new(Reason::ConnectUnreachable, format!("{to}: {error}")))?;
        echoes.judge(to, self.max_loss)
    }

    fn set_up(&self, socket: &Socket, to: IpAddr) -> io::Result<()> {
        if let Some(ttl) = self.ttl {
            match to {
                IpAddr::V4(_) => socket.set_ttl_v4(ttl)?,
                IpAddr::V6(_) => socket.set_unicast_hops_v6(ttl)?,
            }
        }
        if self.dont_fragment && to.is_ipv4() {
            use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
            set_ip_mtu_discover(socket.as_fd(), Ipv4PathMtuDiscovery::DO)?;
        }
        Ok(())
    }

    /// Sends each request at its time and takes what comes until then.
    async fn exchange(
        &self,
        socket: &AsyncFd<Socket>,
        to: IpAddr,
        is_raw: bool,
        deadline: Instant,
        echoes: &mut Echoes,
    ) -> io::Result<()> {
        let id = u16::try_from(uuid::Uuid::new_v4().as_u128() & 0xffff).unwrap_or_default();
        let address = SockAddr::from(SocketAddr::new(to, 0));
        let mut sent_at = Vec::new();
        for number in 0..self.count {
            let due = Instant::now();
            let sequence = u16::try_from(number).unwrap_or_default();
            let request = request(to, id, sequence, self.size);
            socket
                .async_io(tokio::io::Interest::WRITABLE, |socket| {
                    socket.send_to(&request, &address)
                })
                .await?;
            sent_at.push(due);
            echoes.sent += 1;
            let is_last = number + 1 == self.count;
            let until = if is_last {
                deadline
            } else {
                deadline.min(due + GAP)
            };
            while echoes.rtts.len() < sent_at.len() {
                let Ok(heard) = timeout_at(until.into(), hear(socket)).await else {
                    break;
                };
                let Some(answer) = Answer::read(&heard?, to, is_raw) else {
                    continue;
                };
                // The kernel gives a ping socket an id of its own, and only its own answers.
                let Some(sent) = sent_at
                    .get(usize::from(answer.sequence))
                    .filter(|_| !is_raw || answer.id == id)
                else {
                    continue;
                };
                echoes.rtts.push(sent.elapsed());
                echoes.hop_limit = answer.hop_limit.or(echoes.hop_limit);
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
            if !is_last {
                sleep_until((due + GAP).min(deadline).into()).await;
            }
        }
        Ok(())
    }
}

pub(crate) fn open(to: IpAddr) -> io::Result<(Socket, bool)> {
    let (domain, protocol) = protocol_of(to);
    match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Err(_) => open_raw(to),
        Ok(socket) => {
            socket.set_nonblocking(true)?;
            Ok((socket, false))
        }
    }
}

pub(crate) fn open_raw(to: IpAddr) -> io::Result<(Socket, bool)> {
    let (domain, protocol) = protocol_of(to);
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok((socket, true))
}

fn protocol_of(to: IpAddr) -> (Domain, Protocol) {
    match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    }
}

pub(crate) fn forbidden(error: &io::Error) -> Fault {
    let message = format!(
        "this process may not ping ({error}): allow its group in net.ipv4.ping_group_range, or give the binary CAP_NET_RAW (`setcap cap_net_raw+ep gameday`)"
    );
    Fault::new(Reason::CannotLook, message)
}

async fn hear(socket: &AsyncFd<Socket>) -> io::Result<Vec<u8>> {
    socket
        .async_io(tokio::io::Interest::READABLE, |socket| {
            let mut buffer = vec![0; MAX_SIZE + 100];
            let read = io::Read::read(&mut &*socket, &mut buffer)?;
            buffer.truncate(read);
            Ok(buffer)
        })
        .await
}

/// An echo request: type, code, checksum, id, sequence, content.
pub(crate) fn request(to: IpAddr, id: u16, sequence: u16, size: usize) -> Vec<u8> {
    let kind = if to.is_ipv4() { 8 } else { 128 };
    let mut request = vec![kind, 0, 0, 0];
    request.extend(id.to_be_bytes());
    request.extend(sequence.to_be_bytes());
    request.extend((0..size).map(|at| u8::try_from(at % 251).unwrap_or_default()));
    // The kernel fills in ICMPv6's, which covers addresses too (RFC 4443, 2.3).
    if to.is_ipv4() {
        let sum = checksum(&request);
        request[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    request
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

/// An echo reply.
pub(crate) struct Answer {
    pub(crate) id: u16,
    pub(crate) sequence: u16,
    pub(crate) hop_limit: Option<u8>,
}

impl Answer {
    pub(crate) fn read(packet: &[u8], from: IpAddr, is_raw: bool) -> Option<Self> {
        // A raw IPv4 socket gives the IP header too.
        let (hop_limit, message) = match (is_raw, from) {
            (true, IpAddr::V4(from)) => {
                let length = usize::from(packet.first()? & 0x0f) * 4;
                let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
                if from.octets() != source {
                    return None;
                }
                (packet.get(8).copied(), packet.get(length..)?)
            }
            _ => (None, packet),
        };
        let reply = if from.is_ipv4() { 0 } else { 129 };
        let head: [u8; HEADER_BYTES] = message.get(..HEADER_BYTES)?.try_into().ok()?;
        (head[0] == reply).then(|| Self {
            id: u16::from_be_bytes([head[4], head[5]]),
            sequence: u16::from_be_bytes([head[6], head[7]]),
            hop_limit,
        })
    }
}

impl Echoes {
    fn loss(&self) -> f64 {
        let heard = u32::try_from(self.rtts.len()).unwrap_or(u32::MAX);
        1.0 - f64::from(heard) / f64::from(self.sent.max(1))
    }

    fn judge(&self, to: IpAddr, max_loss: f64) -> Result<(), Fault> {
        if self.rtts.is_empty() {
            return Err(Fault::new(
                Reason::Timeout,
                format!("{to} answered none of {} pings", self.sent),
            ));
        }
        match self.loss() > max_loss {
            true => Err(Fault::new(
                Reason::AssertFailed,
                format!("{to} answered only {} of {} pings", self.rtts.len(), self.sent),
            )),
            false => Ok(()),
        }
    }

    fn readings(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        let mut add = |name, value| {
            readings.push(Reading {
                name,
                labels: Vec::new(),
                value,
            });
        };
        if self.sent > 0 {
            add("icmp_loss_ratio", self.loss());
        }
        if let Some(shortest) = self.rtts.iter().min() {
            add("icmp_rtt_min_seconds", shortest.as_secs_f64());
        }
        if let Some(longest) = self.rtts.iter().max() {
            add("icmp_rtt_max_seconds", longest.as_secs_f64());
        }
        if let Some(limit) = self.hop_limit {
            add("icmp_reply_hop_limit", f64::from(limit));
        }
        readings
    }
}
