//! Ports for servers that cannot be told to take any: nginx, bind9, Prometheus.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Mutex;

/// Below the kernel's own range (`net.ipv4.ip_local_port_range`), so that neither a connection nor
/// a server on port 0 takes one between the look here and the server's start; and below the labs' own.
const FIRST: u16 = 10_000;
const LAST: u16 = 19_999;

/// A port of 127.0.0.1, TCP and UDP, that nobody listens on; it is never given twice.
///
/// A port that was only asked of the kernel and let go may be handed out again at once, and two
/// servers of one nginx on one port are a single server that shows the first one's certificate.
pub(crate) fn free_port() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap();
    loop {
        // Test processes side by side begin at places of their own.
        let spread = u16::try_from(std::process::id() % 100).unwrap() * 100;
        let port = next.unwrap_or(FIRST + spread);
        *next = Some(if port == LAST { FIRST } else { port + 1 });
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if tcp.is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// The same as an address.
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
