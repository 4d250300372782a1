//! What the kernel tells of one TCP connection of this host: what it dropped, and what it sent again (sock_diag(7)).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// `SOCK_DIAG_BY_FAMILY` of linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`: one answer, not a dump.
const REQUEST: u16 = 1;
/// The attributes `INET_DIAG_INFO` and `INET_DIAG_SKMEMINFO`, and the bits that ask for them.
const INFO: u16 = 2;
const MEMORY: u16 = 7;
const WANTED: u8 = (1 << (INFO - 1)) | (1 << (MEMORY - 1));
/// Where the answer's attributes begin: behind `nlmsghdr` and `inet_diag_msg`.
const ATTRIBUTES: usize = 16 + 72;
/// Places of `SK_MEMINFO_DROPS` and of `tcpi_total_retrans`, in bytes.
const DROPS_AT: usize = 32;
const SENT_AGAIN_AT: usize = 100;

/// A connection by its two ends, seen from the socket that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
}

/// What the kernel has counted on a connection since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Segments that came in and were dropped, by a filter or for want of room.
    pub(crate) drops: u32,
    /// Segments that went out again.
    pub(crate) sent_again: u32,
}

/// Who can be asked.
#[derive(Debug)]
pub(crate) struct Diag(OwnedFd);

impl Diag {
    pub(crate) fn new() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkSockDiag,
        )?;
        Ok(Self(socket))
    }

    /// What the kernel has counted; an error when there is no such connection any more.
    pub(crate) fn ask(&self, ends: Ends) -> io::Result<Seen> {
        let fd = self.0.as_raw_fd();
        sendto(fd, &question(ends), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        // The kernel answers before the question returns.
        let mut answer = [0; 1024];
        let length = recv(fd, &mut answer, MsgFlags::empty())?;
        read(&answer[..length]).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// `nlmsghdr` and `inet_diag_req_v2`; numbers are the host's, addresses and ports the network's.
fn question(ends: Ends) -> Vec<u8> {
    let family = if ends.local.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let mut out = Vec::with_capacity(72);
    out.extend(72_u32.to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(REQUEST.to_ne_bytes());
    out.extend([0; 8]);
    out.extend([u8::try_from(family).unwrap_or_default(), 6, WANTED, 0]);
    out.extend(u32::MAX.to_ne_bytes());
    out.extend(ends.local.port().to_be_bytes());
    out.extend(ends.peer.port().to_be_bytes());
    for ip in [ends.local.ip(), ends.peer.ip()] {
        match ip {
            IpAddr::V4(ip) => {
                out.extend(ip.octets());
                out.extend([0; 12]);
            }
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
    }
    let interface = match ends.local {
        SocketAddr::V6(local) => local.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    out.extend(interface.to_ne_bytes());
    // INET_DIAG_NOCOOKIE
    out.extend([0xff; 8]);
    out
}

fn read(answer: &[u8]) -> Option<Seen> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    if kind != BY_FAMILY {
        return None;
    }
    let mut seen = Seen::default();
    let mut rest = answer.get(ATTRIBUTES..)?;
    while let (Some(length), Some(kind)) = (rest.get(..2), rest.get(2..4)) {
        let length = usize::from(u16::from_ne_bytes(length.try_into().ok()?));
        let payload = rest.get(4..length)?;
        let word = |at: usize| Some(u32::from_ne_bytes(payload.get(at..at + 4)?.try_into().ok()?));
        match u16::from_ne_bytes(kind.try_into().ok()?) {
            MEMORY => seen.drops = word(DROPS_AT)?,
            INFO => seen.sent_again = word(SENT_AGAIN_AT)?,
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_either_family_is_found_and_one_that_is_not_there_is_not() {
        let diag = Diag::new().unwrap();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut ends = Ends {
                local: client.local_addr().unwrap(),
                peer: client.peer_addr().unwrap(),
            };
            assert_eq!(diag.ask(ends).unwrap(), Seen::default());
            ends.peer.set_port(1);
            assert_eq!(diag.ask(ends).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn nonsense_is_no_answer() {
        for length in [0, 3, 16, 90, 200] {
            assert_eq!(read(&vec![20; length]), None, "{length}");
        }
    }
}
