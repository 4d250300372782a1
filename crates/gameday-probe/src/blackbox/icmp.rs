//! `prober: icmp`: one echo request.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Instant;

use gameday_core::{Problems, Reason};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::{SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout_at;

use super::choose::Choice;
use super::config::Block;
use super::look::Look;
use super::metrics::{Name, Phase};
use super::tcp;
use crate::kind::icmp::{Answer, forbidden, open, open_raw, request};
use crate::observation::Fault;

const DURATION: Name = Name("probe_icmp_duration_seconds", "Duration of icmp request by phase");
const HOP_LIMIT: Name = Name(
    "probe_icmp_reply_hop_limit",
    "Replied packet hop limit (TTL for ipv4)",
);
const RESOLVE: Phase = Phase("{phase=\"resolve\"}");
const SETUP: Phase = Phase("{phase=\"setup\"}");
const RTT: Phase = Phase("{phase=\"rtt\"}");
/// What theirs sends when no size is typed: "Prometheus Blackbox Exporter" in its 28 bytes.
const DEFAULT_SIZE: usize = 28;
const MAX_SIZE: i64 = 65_000;

/// A module's `icmp` block.
#[derive(Debug)]
pub(crate) struct Icmp {
    choice: Choice,
    source: String,
    size: usize,
    dont_fragment: bool,
    ttl: u32,
}

impl Icmp {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        let ttl = block.whole("ttl");
        if ttl < 0 {
            problems.add(block.place("ttl"), "\"ttl\" cannot be negative");
        }
        if ttl > 255 {
            problems.add(block.place("ttl"), "\"ttl\" cannot exceed 255");
        }
        let size = block.whole("payload_size");
        if !(0..=MAX_SIZE).contains(&size) {
            let message = format!("`payload_size` is 0 to {MAX_SIZE} bytes");
            problems.add(block.place("payload_size"), message);
        }
        Self {
            choice: Choice::read(block),
            source: block.text("source_ip_address").to_owned(),
            size: usize::try_from(size).unwrap_or(0),
            dont_fragment: block.flag("dont_fragment"),
            ttl: u32::try_from(ttl).unwrap_or(0),
        }
    }

    pub(super) async fn look(&self, look: &mut Look<'_>, target: &str) -> bool {
        for phase in [RESOLVE, SETUP, RTT] {
            look.metrics.add(DURATION, phase, 0.0);
        }
        let (Some(to), took) = self.choice.choose(look, target).await else {
            return false;
        };
        look.metrics.add(DURATION, RESOLVE, took.as_secs_f64());
        match self.ping(look, to).await {
            Ok(()) => true,
            Err(fault) => {
                look.fail("Error pinging", fault);
                false
            }
        }
    }

    async fn ping(&self, look: &mut Look<'_>, to: IpAddr) -> Result<(), Fault> {
        let began = Instant::now();
        let ours = |error: io::Error| crate::net::lacking(&error).unwrap_or_else(|| forbidden(&error));
        // Of IPv4 only a raw socket tells how many hops were left.
        let (socket, is_raw) = open_raw(to).or_else(|_| open(to)).map_err(ours)?;
        self.set_up(&socket, to)
            .map_err(|error| Fault::new(Reason::CannotLook, error.to_string()))?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a `Socket` owns its descriptor for life"
        )]
        let socket = AsyncFd::new(socket).map_err(ours)?;
        let number = uuid::Uuid::new_v4().as_u128().to_be_bytes();
        let (id, sequence) = (
            u16::from_be_bytes([number[0], number[1]]),
            u16::from_be_bytes([number[2], number[3]]),
        );
        let size = if self.size == 0 { DEFAULT_SIZE } else { self.size };
        let packet = request(to, id, sequence, size);
        look.metrics.add(DURATION, SETUP, began.elapsed().as_secs_f64());
        let sent_at = Instant::now();
        let address = SockAddr::from(SocketAddr::new(to, 0));
        let unreachable = |error: io::Error| Fault::new(Reason::ConnectUnreachable, format!("{to}: {error}"));
        let sending = socket.async_io(Interest::WRITABLE, |socket| socket.send_to(&packet, &address));
        sending.await.map_err(unreachable)?;
        let hearing = hear(&socket, to, is_raw, id, sequence);
        let heard = timeout_at(look.deadline.into(), hearing).await;
        let late = |_| {
            Fault::new(
                Reason::Timeout,
                format!("timeout reading from socket: {to} did not answer"),
            )
        };
        let hop_limit = heard.map_err(late)?.map_err(unreachable)?;
        look.metrics.add(DURATION, RTT, sent_at.elapsed().as_secs_f64());
        look.waited(began.elapsed());
        if let Some(limit) = hop_limit {
            look.metrics.set(HOP_LIMIT, f64::from(limit));
        }
        Ok(())
    }

    fn set_up(&self, socket: &Socket, to: IpAddr) -> io::Result<()> {
        if let Some(source) = tcp::source(&self.source).map_err(io::Error::other)? {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        // A TTL of nothing is the system's own.
        if self.ttl > 0 {
            match to {
                IpAddr::V4(_) => socket.set_ttl_v4(self.ttl)?,
                IpAddr::V6(_) => socket.set_unicast_hops_v6(self.ttl)?,
            }
        }
        if to.is_ipv6() {
            socket.set_recv_hoplimit_v6(true)?;
        }
        if self.dont_fragment && to.is_ipv4() {
            use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
            set_ip_mtu_discover(socket.as_fd(), Ipv4PathMtuDiscovery::DO)?;
        }
        Ok(())
    }
}

/// Waits for the answer; its hop limit, if the kernel tells it.
async fn hear(
    socket: &AsyncFd<Socket>,
    to: IpAddr,
    is_raw: bool,
    id: u16,
    sequence: u16,
) -> io::Result<Option<i32>> {
    loop {
        let (packet, hop_limit) = socket.async_io(Interest::READABLE, receive).await?;
        let Some(answer) = Answer::read(&packet, to, is_raw) else {
            continue;
        };
        // The kernel gives a ping socket an id of its own, and only its own answers.
        if answer.sequence == sequence && (!is_raw || answer.id == id) {
            return Ok(hop_limit.or(answer.hop_limit.map(i32::from)));
        }
    }
}

fn receive(socket: &Socket) -> io::Result<(Vec<u8>, Option<i32>)> {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut about = nix::cmsg_space!(i32, i32);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut about),
        MsgFlags::empty(),
    )?;
    let told = message.cmsgs()?.find_map(|one| match one {
        ControlMessageOwned::Ipv4Ttl(limit) | ControlMessageOwned::Ipv6HopLimit(limit) => Some(limit),
        _ => None,
    });
    let length = message.bytes;
    buffer.truncate(length);
    Ok((buffer, told))
}
